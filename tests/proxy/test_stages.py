"""Injected credentials do not come back, wherever a body is cut."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.proxy.stages import Masking
from outgate.upstream.masking import Mask, MaskedStream
from outgate.upstream.secret import Secret

TOKEN = b"Bearer s3cr3t-t0ken"


def mask(*values: bytes) -> Mask:
    return Mask(map(Secret, values))


async def passed(hidden: Mask, chunks: list[bytes], *, end_with_data: bool = False) -> list[bytes]:
    """What comes out for each chunk; the end comes with the last one or on its own."""
    stage = Masking(MaskedStream(hidden))
    if end_with_data:
        return [await stage.feed(chunk, at == len(chunks) - 1) for at, chunk in enumerate(chunks)]
    return [await stage.feed(chunk, False) for chunk in chunks] + [await stage.feed(b"", True)]


@st.composite
def bodies(draw):
    """Values that overlap with themselves and with each other, and a body of them and their parts, cut anywhere."""
    few = st.lists(st.text("ab", min_size=8, max_size=12).map(str.encode), min_size=1, max_size=3)
    values = draw(few)
    parts = st.one_of(st.sampled_from(values), st.sampled_from(values).map(lambda v: v[:5]), st.sampled_from([b"a-"]))
    body = b"".join(draw(st.lists(parts, max_size=6)))
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return values, [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@given(bodies(), st.booleans())
def test_a_body_in_pieces_is_masked_like_the_whole(drawn, end_with_data):
    values, chunks = drawn
    out = b"".join(asyncio.run(passed(mask(*values), chunks, end_with_data=end_with_data)))
    assert out == mask(*values).mask(b"".join(chunks))
    assert len(out) == sum(map(len, chunks))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("body", [TOKEN, b"you sent: " + TOKEN + b"!", TOKEN * 3, b"x" * 50], ids=ascii)
async def test_a_value_is_hidden_in_pieces_of_any_size(body, size):
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    out = b"".join(await passed(mask(TOKEN), chunks))
    assert out == body.replace(TOKEN, b"*" * len(TOKEN))


async def test_what_can_be_no_part_of_a_value_is_not_held_back():
    """Events of a stream arrive when they are sent."""
    events = [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n"]
    assert await passed(mask(TOKEN), events) == [*events, b""]


async def test_what_may_be_part_of_a_value_waits_for_what_follows():
    assert await passed(mask(TOKEN), [b"a Bearer s3", b"cr3t-t0ken b", b"Bea"]) == [
        b"a ",
        b"*" * 19 + b" b",
        b"",
        b"Bea",
    ]
