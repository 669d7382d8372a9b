"""What a process and its children have used of the machine. Linux's /proc, and nothing of what the process does."""

from __future__ import annotations

import os
from pathlib import Path

MEBI = 1024 * 1024


def cpu(pid: int | None) -> float:
    """Seconds of processor time so far."""
    ticks = 0
    for one in _tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rss(pid: int | None) -> float:
    """Resident MiB now. What processes share is counted in each of them."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in _tree(pid))
    return round(pages * os.sysconf("SC_PAGE_SIZE") / MEBI, 1)


def _tree(pid: int | None) -> list[int]:
    if pid is None:
        return []
    children = [each for task in Path(f"/proc/{pid}/task").iterdir() for each in _children(task)]
    return [pid, *(found for child in children for found in _tree(child))]


def _children(task: Path) -> list[int]:
    """Of one thread; one that has just ended has none."""
    try:
        return [int(each) for each in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
