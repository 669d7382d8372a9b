"""Old files of a capture go: by their age, and by the bytes of the folder.

Owns which. A file that some process still writes to stays, and so does what is no capture.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from outgate.capture.files import found


def prune(folder: Path, oldest: float, most: int, files: Callable[[Path], list[Path]] = found) -> int:
    """Of some files of a folder, the oldest first, delete what was last written to before `oldest`, then the oldest
    until no more than `most` bytes are left; the number of files that went. Several processes may do so at once."""
    held = [(path, status) for path in files(folder) if (status := _status(path)) is not None]
    total, gone = sum(status.st_size for _, status in held), 0
    for path, status in held:
        if (status.st_mtime < oldest or total > most) and _delete(path):
            total, gone = total - status.st_size, gone + 1
    return gone


def _status(path: Path) -> os.stat_result | None:
    with contextlib.suppress(FileNotFoundError):
        return path.stat()
    return None


def _delete(path: Path) -> bool:
    """False where somebody writes to it, or where it cannot be deleted."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False
