"""What a fuzz target is: a property of one parser, as a function of bytes that raises where it does not hold.

The same functions are drawn for by hypothesis (`test_targets.py`), within seconds and in CI, and by atheris
(`engine.py`), for as long as somebody lets it, guided by what of the parser has not run yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

type Check = Callable[[bytes], None]
type Seeds = Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Target:
    """`check` raises for bytes of which the property does not hold. `seeds` are valid inputs, `words` parts of them."""

    name: str
    check: Check
    seeds: Seeds
    words: tuple[bytes, ...] = ()


TARGETS: dict[str, Target] = {}


def target(name: str, seeds: Seeds, *words: bytes) -> Callable[[Check], Check]:
    """Registers a function of bytes under a name."""

    def register(check: Check) -> Check:
        assert name not in TARGETS, name
        TARGETS[name] = Target(name, check, cache(lambda: tuple(seeds())), words)
        return check

    return register


def given(*texts: str | bytes) -> Seeds:
    """Seeds that are written out."""
    return lambda: [text.encode() if isinstance(text, str) else text for text in texts]


def text_of(data: bytes) -> str:
    """Bytes as the text that a command line or a header makes of them."""
    return data.decode("utf-8", "surrogateescape")


class Draw:
    """Takes decisions out of bytes, for targets whose input has a structure; when they are used up, the first each."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self, below: int) -> int:
        """From 0 to `below` - 1."""
        size = 1 if below <= 256 else 2
        taken = self.data[self.at : self.at + size]
        self.at += size
        return int.from_bytes(taken, "big") % below

    def one[T](self, of: list[T] | tuple[T, ...]) -> T:
        return of[self.number(len(of))]

    def rest(self) -> bytes:
        return self.data[self.at :]
