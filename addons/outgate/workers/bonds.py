"""Who ends with whom, and whose child is whose: what the kernel is told about supervisor and workers.

Owns the calls. Each is of the process that makes it, and of those it starts later only as said.
"""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def die_with_supervisor() -> None:
    """Have the kernel end this process with its supervisor, even where it hangs: another supervisor may share the port,
    and what comes here would wait in vain. Raises `OSError`."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, "the end of the supervisor cannot be tied to this process")


def adopt_orphans() -> None:
    """Be the parent of what descends from this process and has lost its own. Raises `OSError`."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1, "workers cannot be made children of the supervisor")


def _prctl(option: int, value: int, complaint: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value):
        number = ctypes.get_errno()
        raise OSError(number, f"{complaint}: {os.strerror(number)}")
