"""What an operator is: how its argument becomes something that reads a value from an event.

Owns the shape, and the ways of making one. Knows no operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from outgate.telemetry.event import Event
from outgate.telemetry.showing import Showing

type Value = str | int | float | Mapping[str, object] | None
"""None: not set. Texts are as received, but without secrets; whoever writes them escapes them."""
type Read = Callable[[Event], Value]
type Compile = Callable[[str | None, Showing], Read]
"""From the argument, None where there is none. Raises `ValueError` with what is wrong with it, and what to write."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One command operator."""

    says: str
    """For the documentation, a phrase."""
    compile: Compile
    takes: str = ""
    """Its argument, as documented; empty for none."""
    cut: bool = False
    """It may be followed by `:Z`, the number of characters it is cut to."""


def plain(says: str, read: Read) -> Operator:
    """Without an argument."""

    def compiler(argument: str | None, showing: Showing) -> Read:
        if argument is not None:
            raise ValueError(f'takes no argument; leave "({argument})" out')
        return read

    return Operator(says, compiler)


def choosing(says: str, reads: Mapping[str, Read]) -> Operator:
    """With one word for an argument; the first is meant where it is left out."""

    def compiler(argument: str | None, showing: Showing) -> Read:
        return reads[chosen(argument, reads)]

    return Operator(says, compiler, takes=" or ".join(reads))


def chosen(argument: str | None, words: Mapping[str, object] | tuple[str, ...]) -> str:
    """The word that an argument is, the first where there is none. Raises `ValueError`."""
    known = list(words)
    if not argument:
        return known[0]
    if argument not in known:
        raise ValueError(f'does not take "{argument}"; write {" or ".join(known)}')
    return argument


def needed(argument: str | None, what: str) -> str:
    """An argument that must not be left out. Raises `ValueError`."""
    if not argument:
        raise ValueError(f"needs an argument; write {what} in parentheses")
    return argument
