"""Who ends with whom, and whose child is whose: what the kernel is told about supervisor and workers.

Owns the calls. Each is of the process that makes it, and of those it starts later only as said.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def die_with_supervisor() -> None:
    """Have the kernel end this process with its supervisor, even where it hangs: another supervisor may share the port,
    and what comes here would wait in vain. Raises `OSError`."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, "the end of the supervisor cannot be tied to this process")


def adopt_orphans() -> None:
    """Be the parent of what descends from this process and has lost its own. Raises `OSError`."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1, "workers cannot be made children of the supervisor")


class Orphans:
    """What was adopted and has ended, such as the process that redacted for a worker that was killed."""

    def __init__(self) -> None:
        self._ended: set[int] = set()

    def bury(self, others: Collection[int | None]) -> None:
        """Let go of them, from the second time on that they are found. `others` are waited for by somebody else."""
        ended = {pid for pid in _children() if pid not in others and _has_ended(pid)}
        for pid in ended & self._ended:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._ended = ended


def _children() -> Iterator[int]:
    """Of this process, whichever of its threads has started them."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            yield from map(int, (thread / "children").read_text().split())


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _prctl(option: int, value: int, complaint: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value):
        number = ctypes.get_errno()
        raise OSError(number, f"{complaint}: {os.strerror(number)}")
