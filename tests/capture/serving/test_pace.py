"""A body is cut where it came in pieces, and nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.capture.serving.pace import pieces
from outgate.redact.exchange import Chunk

KINDS = st.sampled_from(["", "text/plain", "text/event-stream; charset=utf-8", "application/x-ndjson"])
CHUNKS = st.lists(st.builds(Chunk, st.floats(0, 9), st.integers(0, 30)), max_size=5).map(tuple)


@given(st.binary(max_size=60) | st.lists(st.sampled_from([b"data: x\n\n", b"{}\n"])).map(b"".join), CHUNKS, KINDS)
def test_all_of_it_is_there(content, chunks, kind):
    found = list(pieces(content, chunks, kind))
    assert b"".join(piece.content for piece in found) == content
    assert len(found) == (len(chunks) if sum(chunk.size for chunk in chunks) else 1)


def test_it_is_cut_as_it_was():
    assert list(pieces(b"abcdef", (Chunk(0.1, 2), Chunk(0.5, 4)))) == [(0.1, b"ab"), (0.5, b"cdef")]


def test_it_is_cut_in_proportion_where_its_length_has_changed():
    assert [piece.content for piece in pieces(b"abcdef", (Chunk(0, 20), Chunk(1, 40)))] == [b"ab", b"cdef"]


@pytest.mark.parametrize("sizes", [(11, 22, 11), (20, 30, 30), (5, 40, 20)])
def test_events_are_not_cut_through(sizes):
    content = b"data: one\n\ndata: number two\n\ndata: three\n\n"
    found = [
        piece.content
        for piece in pieces(content, tuple(Chunk(n, size) for n, size in enumerate(sizes)), "text/event-stream")
    ]
    assert all(piece.endswith(b"\n\n") or not piece for piece in found)
