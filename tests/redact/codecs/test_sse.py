"""Server-sent events: the data of each event, and what stands beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.sse import read
from rewriting import is_linear, named, parts, replaced, same_again

BODY = b': hello\nid: 1\nevent: token\ndata: {"a": "b"}\n\ndata: two\r\ndata:lines\r\nretry: 10\r\n\r\ndata: [DONE]\n\n'


def test_the_data_of_an_event_is_one_part():
    assert [(part.body, part.path) for part in parts(read, BODY)] == [
        (b'{"a": "b"}', (0, "data")), (b"two\nlines", (1, "data")), (b"[DONE]", (2, "data")),
    ]  # fmt: skip
    assert named(read, BODY) == [("", "hello"), ("id", "1"), ("event", "token"), ("retry", "10")]
    same_again(read, BODY)


def test_what_is_written_has_as_many_lines_as_it_needs():
    assert b"event: token\ndata: a\ndata: b\n\n" in replaced(BODY, parts(read, BODY)[0], b"a\nb")
    assert b"\n\ndata: a\r\ndata: b\r\nretry" in replaced(BODY, parts(read, BODY)[1], b"a\rb")


@given(
    st.lists(st.lists(st.text("ab: \u00e9"), min_size=1, max_size=3), max_size=4), st.sampled_from(["\n", "\r\n", "\r"])
)
def test_each_event_is_found(events, end):
    body = "".join("".join(f"data: {line}{end}" for line in lines) + end for lines in events).encode()
    assert [part.body.decode() for part in parts(read, body)] == ["\n".join(lines) for lines in events]
    same_again(read, body)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"data", [b""]),
        (b"data:", [b""]),
        (b"data\ndata: a", [b"\na"]),
        (b"database: x", []),
        (b"", []),
        (b"\xef\xbb\xbfdata: a", [b"a"]),
    ],
)
def test_fields_end_where_a_client_ends_them(body, found):
    assert [part.body for part in parts(read, body)] == found


@pytest.mark.parametrize("piece", [b"data", b"data\n", b"data:", b"\n", b"\r", b":", b"a:b\n", b"data: \r\n"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
