"""What readers of every format give: exchanges, and what could not be read.

Owns that an exchange which was imported is not taken for one that was redacted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from outgate.redact.exchange import Exchange
from outgate.redact.redacted import Manifest


@dataclass(frozen=True, slots=True)
class Imported:
    """An exchange of a file that anybody may have written. `manifest`: what the file says was done to it."""

    exchange: Exchange
    manifest: Manifest = field(default_factory=Manifest)


class Recorded(Protocol):
    """What is imported, and what is kept."""

    @property
    def exchange(self) -> Exchange: ...

    @property
    def manifest(self) -> Manifest: ...


class Source(Protocol):
    """Iterated as often as is wanted. Raises `OSError`, and `told.Malformed` where it is not of its format at all."""

    problems: list[str]
    """What could not be read in the last iteration, a line each."""

    def __iter__(self) -> Iterator[Recorded]: ...
