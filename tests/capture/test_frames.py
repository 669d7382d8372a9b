"""Where a compressed file ends is told of every kind of block."""

import io
import os

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from outgate.capture.frames import CHECKSUM, ends_whole

CONTENTS = (b"", b"a", b"a" * 300_000, os.urandom(300_000), b"abc" * 100_000)


def ends(path, content):
    path.write_bytes(content)
    with path.open("rb") as file:
        return ends_whole(file)


@pytest.mark.parametrize("number", range(len(CONTENTS)))
@pytest.mark.parametrize("checked", [True, False])
def test_frames_of_others(tmp_path, number, checked):
    packed = zstandard.ZstdCompressor(write_checksum=checked).compress(CONTENTS[number])
    assert ends(tmp_path / "file", packed * 3)
    torn = packed[: -1 - (CHECKSUM if checked else 0)]
    assert not ends(tmp_path / "file", packed + torn) or not CONTENTS[number]


@given(content=st.binary(max_size=64))
def test_whatever_it_holds_the_walk_ends(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("frames") / "file"
    assert ends(file, zstandard.MAGIC_NUMBER.to_bytes(4, "little") + content) in (True, False)


def test_a_frame_without_an_end(tmp_path):
    out = io.BytesIO()
    writer = zstandard.ZstdCompressor().stream_writer(out, closefd=False)
    writer.write(b"x" * 1000)
    writer.flush(zstandard.FLUSH_BLOCK)
    assert ends(tmp_path / "file", out.getvalue())
    assert not ends(tmp_path / "file", out.getvalue()[:-1])
