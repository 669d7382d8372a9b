"""A small disk with the gate's access log on it, which can be filled up and emptied.

Owns the mount, and what is read from the log before its space is given back.
"""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

SIZE = 16 * 1024 * 1024
PIECE = bytes(64 * 1024)
SOON = 3.0
"""Seconds within which a line of a gate under load has to arrive."""


class Disk:
    """Mounted at `folder` while it is entered. The gate has `log` open to append."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self._rest = folder, folder / "access.log", folder / "rest"
        self.lines = self.cut = self.silent = 0
        """Whole lines, what is none, and how often no line came once there was room."""

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "outgate-soak", str(self.folder)]
        subprocess.run(mount, check=True, timeout=20)
        self.log.touch()
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True, timeout=20)

    def fill(self) -> None:
        """Until nothing more goes onto it."""
        with suppress(OSError), self._rest.open("wb", buffering=0) as rest:
            for size in (len(PIECE), 1):
                with suppress(OSError):
                    while rest.write(PIECE[:size]):
                        pass

    def empty(self) -> None:
        """Of what filled it and of the log, which the gate goes on to write."""
        self.read()
        self._rest.unlink(missing_ok=True)
        until = time.monotonic() + SOON
        while not self.log.stat().st_size:
            if time.monotonic() > until:
                self.silent += 1
                return
            time.sleep(0.05)

    def read(self) -> None:
        """Count what is there, and give its space back."""
        for line in self.log.read_bytes().splitlines():
            if _whole(line):
                self.lines += 1
            elif line:
                self.cut += 1
        with self.log.open("r+b") as log:
            log.truncate()


def _whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
