"""An addon that tells how long a gate's event loop was held up: every time it was, in a line of a file."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

FILE = "BENCH_TICKS"
"""Variable that names the file."""
EACH = 0.001
"""Seconds between two looks at the clock."""


class Ticking:
    task: asyncio.Task[None]

    def running(self) -> None:
        self.task = asyncio.get_running_loop().create_task(tick(Path(os.environ[FILE])))


async def tick(path: Path) -> None:
    """When a look came late, and by how many seconds."""
    with path.open("w", buffering=1) as file:
        last = time.monotonic()
        while True:
            await asyncio.sleep(EACH)
            now = time.monotonic()
            file.write(f"{now} {now - last - EACH}\n")
            last = now


addons = [Ticking()]
