"""Bytes for a target: any at all, and its seeds with a few things done to them."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.target import Target

ODD_BYTES = b'\0\t\n\x0b\x0c\r "%./:?@[]\\\x7f\x80\xc3\xff'


@st.composite
def damaged(draw: st.DrawFn, target: Target) -> bytes:
    """A seed with a part cut out, words or odd bytes put in, or the end of another behind it."""
    seeds = target.seeds()
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 4)):
            case 0:
                del data[at : at + draw(st.integers(1, 8))]
            case 1 if target.words:
                data[at:at] = draw(st.sampled_from(target.words))
            case 2:
                data[at : at + 1] = bytes([draw(st.sampled_from(ODD_BYTES))])
            case 3:
                other = draw(st.sampled_from(seeds))
                data[at:] = other[draw(st.integers(0, len(other))) :]
            case _:
                data[at:at] = draw(st.binary(max_size=4))
    return bytes(data)


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    return st.one_of(damaged(target), damaged(target), st.binary(max_size=200))
