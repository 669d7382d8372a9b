"""Files of gzip and zstd: what is in them is a part."""

import gzip
import zlib

import pytest
import zstandard

from outgate.redact.codecs import packed
from outgate.redact.codecs.packed import read
from outgate.redact.leaf import Unreadable
from rewriting import parts, replaced, same_again


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_is_in_a_file_is_a_part(pack):
    body = pack(b'{"a": "b"}') + pack(b"{}")
    (part,) = parts(read, body)
    assert part.body == b'{"a": "b"}{}'
    (again,) = parts(read, replaced(body, part, b"new"))
    assert again.body == b"new"
    same_again(read, body)


@pytest.mark.parametrize("level", [1, 6, 9])
def test_what_is_in_a_stream_of_zlib_is_a_part(level):
    body = zlib.compress(b'{"a": "b"}', level)
    (part,) = parts(read, body)
    assert part.body == b'{"a": "b"}'
    (again,) = parts(read, replaced(body, part, b"new"))
    assert again.body == b"new"


@pytest.mark.parametrize("body", [b"", b"PK", gzip.compress(b"a", mtime=0)[:-1], gzip.compress(b"a", mtime=0) + b"x"])
def test_what_is_no_file_or_a_part_of_one_is_unreadable(body):
    with pytest.raises(Unreadable):
        parts(read, body)


def test_a_file_unpacks_to_a_bounded_size():
    with pytest.raises(Unreadable, match="too_large"):
        parts(read, gzip.compress(bytes(packed.MOST + 1), 1))
