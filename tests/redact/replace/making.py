"""A fake of a text by one format, for tests: read, made from a seed, and written."""

from hypothesis import strategies as st

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import Maker

SEEDS = st.binary(min_size=1, max_size=8)


def faked(maker: Maker, text: str, seed: bytes = b"seed") -> str | None:
    value = maker.read(text)
    return None if value is None else maker.write(text, maker.make(value, Draws(seed)))


def shape(text: str) -> str:
    """Everything but letters and digits, which are `a`, `A` and `0`."""
    return "".join(
        "0" if each.isdigit() else ("A" if each.isupper() else "a") if each.isalpha() else each for each in text
    )
