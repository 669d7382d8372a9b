"""Lines come whole however they are cut, and what has none is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from outgate.cluster import lines
from outgate.cluster.lines import Garbled, values


async def read(chunks):
    async def arriving():
        for chunk in chunks:
            yield chunk

    return [value async for value in values(arriving())]


@given(some.lists(some.dictionaries(some.text(max_size=3), some.integers()), max_size=4), some.data())
async def test_lines_are_the_same_however_they_are_cut(objects, data):
    whole = b"".join(json.dumps(each).encode() + b"\n" for each in objects)
    cuts = sorted(data.draw(some.lists(some.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert await read(pieces) == objects


async def test_what_is_cut_off_at_the_end_is_no_line():
    assert await read([b'{"a": 1}\n{"b"', b": 2}"]) == [{"a": 1}]


@pytest.mark.parametrize("line", [b"nothing", b"7", b'"text"', b"[" * 100_000])
async def test_what_is_no_mapping_is_garbled(line):
    with pytest.raises(Garbled):
        await read([line + b"\n"])


async def test_a_line_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 10)
    with pytest.raises(Garbled, match="more than 10 bytes"):
        await read([b"123456", b"7890123"])
