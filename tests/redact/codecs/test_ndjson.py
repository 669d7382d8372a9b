"""JSON a line: each line is a part."""

import pytest

from outgate.redact.codecs.ndjson import read
from outgate.redact.leaf import Unreadable
from rewriting import is_linear, parts, replaced, same_again


def test_each_line_is_a_part():
    body = b'{"a": 1}\n\n [2] \r\n\x1e{"b": 3}\n'
    assert [part.body.strip() for part in parts(read, body)] == [b'{"a": 1}', b"[2]", b'{"b": 3}']
    assert {part.media_type for part in parts(read, body)} == {"application/json"}
    assert replaced(body, parts(read, body)[0], b"{\n}") == b'{ }\n\n [2] \r\n\x1e{"b": 3}\n'
    same_again(read, body)


@pytest.mark.parametrize("body", [b"a", b"{}\nb", b"1\n2", b"[note]", b"[1"])
def test_lines_that_are_no_documents_are_unreadable(body):
    with pytest.raises(Unreadable):
        parts(read, body)


@pytest.mark.parametrize("piece", [b"{\n", b" ", b"\x1e", b"{", b"\r\n"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
