"""SIGTERM, where a command has to tidy up: what it has begun to write is removed, as after Ctrl-C.

Owns the signal for as long as a block lasts. What is removed is the block's own.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALLED = 128
"""And the signal's number: the exit code that shells have for it."""


@contextmanager
def tidily() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(SIGNALLED + number)
