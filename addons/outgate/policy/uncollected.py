"""Many objects made at a stroke, without looks through all that a process holds.

Owns how the collector of cycles is set meanwhile. What a load makes stays, or goes by itself: there is nothing among it
to be found, and a look through everything holds up whoever else runs in the process, the event loop of a gate among
them. What is new is looked at as ever.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

USUAL = gc.get_threshold()
NEVER = 1_000_000

_lock = Lock()
_under_way = 0


@contextmanager
def uncollected() -> Iterator[None]:
    """As usual again when the last of those who are under way is done, on whatever thread."""
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(more: int) -> None:
    global _under_way  # noqa: PLW0603 - the collector is the process's, and so is this
    with _lock:
        _under_way += more
        young, middle, old = USUAL
        gc.set_threshold(young, middle, NEVER if _under_way else old)
