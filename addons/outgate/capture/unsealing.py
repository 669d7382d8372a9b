"""Vaults that are read with the operator's key: a file, or a folder of those that a gate left.

Owns the search, which holds one record at a time, and what is told of files that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from outgate.capture.vaults import found
from outgate.redact.replace.vault import Kept, Opened, VaultError


class Held(NamedTuple):
    """How many replacements a file holds. `whole`: it has its end, so nothing is missing."""

    file: Path
    replacements: int
    whole: bool


class Unsealing:
    """Iterated as often as is wanted."""

    def __init__(self, path: Path, key: X25519PrivateKey) -> None:
        self.path, self.key = path, key
        self.problems: list[str] = []
        """What could not be read in the last iteration, a line each."""
        self.held: list[Held] = []
        """The files that could, in the last iteration."""

    def __iter__(self) -> Iterator[Kept]:
        """Raises `OSError` where there is nothing to read."""
        self.problems, self.held = [], []
        for file in found(self.path) if self.path.is_dir() else [self.path]:
            yield from self._file(file)

    def _file(self, path: Path) -> Iterator[Kept]:
        count = 0
        with path.open("rb") as file:
            try:
                opened = Opened(file, self.key)
                for kept in opened:
                    count += 1
                    yield kept
            except VaultError as error:
                self.problems.append(f"{path}: {error}")
            else:
                self.held.append(Held(path, count, opened.whole))
