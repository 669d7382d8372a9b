"""Making sockets as another user. Owns the switch there and back; where only root could, the test is skipped."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """What is made here belongs to this uid: files, and sockets in the kernel's eyes."""
    if os.geteuid() != 0:
        pytest.skip("only root can make sockets of other users")
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
