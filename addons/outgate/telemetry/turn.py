"""Whose turn it is to write to an output that several processes share: a longer write to a pipe is no single step.

Owns one lock file, whose one byte says that a write is under way. Knows nothing of what is written. Whoever could write
only part of a line leaves its turn with an exception, and whoever comes next begins with a line end.
"""

from __future__ import annotations

import fcntl
import os

UNDER_WAY, OVER = b"\1", b"\0"


class Turn:
    """`descriptor` is of a file that all of them hold. The kernel ends the turn of a process that ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> bytes:
        """What to begin with: a line end, where somebody ended in the middle of a line."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        broken = os.pread(self._descriptor, 1, 0) == UNDER_WAY
        os.pwrite(self._descriptor, UNDER_WAY, 0)
        return b"\n" if broken else b""

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            os.pwrite(self._descriptor, OVER, 0)
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


class Alone:
    """The same where nobody else writes."""

    def __init__(self) -> None:
        self._broken = False

    def __enter__(self) -> bytes:
        return b"\n" if self._broken else b""

    def __exit__(self, kind: object, *_: object) -> None:
        self._broken = kind is not None
