"""How much memory an export takes: the same for a tenth of a capture and for all of it, where it holds no more of it
than it writes.

Owns the captures, which are made up, and the process that exports them. Memory is the most that was ever resident.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "addons")]

from redaction import exchange, page  # noqa: E402
from rows import Row  # noqa: E402

from outgate.capture import record  # noqa: E402
from outgate.capture.files import CaptureFile  # noqa: E402
from outgate.policy.redaction_model import KeepingPolicy  # noqa: E402
from outgate.redact.pipeline import Redactor  # noqa: E402
from outgate.redact.replace.keys import Keys  # noqa: E402
from outgate.redact.replace.replacer import Replacer  # noqa: E402

MEMORY = Row("the most that is held at once", "export")
ROWS = (MEMORY,)
FORMATS = ("har", "ndjson")
PARTS = 10
BODY = 1000
"""Bytes of an answer."""
MARGIN = 16
"""MiB that all of a capture may take more than a tenth: buffers have a size that a tenth may not fill."""


def capture(folder: Path, exchanges: int) -> None:
    """So many in one file. What is in them is alike from a hundred to the next."""
    redactor = Redactor(KeepingPolicy(), Replacer(Keys(b"0123456789abcdef", "bench", "")))
    lines = [record.write(redactor.redact(exchange(page(number, BODY, True)))) for number in range(100)]
    file = CaptureFile(folder, time.time())
    for _ in range(exchanges // len(lines)):
        file.append(b"".join(lines))
    file.close()


MEASURED = """import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
sys.stderr.write(done.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""
"""A small process that starts another one: what a process held before it became a program counts as the program's."""


def peak(folder: Path, wanted: str, exchanges: int) -> float:
    """MiB of an export in this format. Raises `RuntimeError` where it does not write everything."""
    command = [sys.executable, "-m", "outgate", "export", "-f", wanted, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "addons")}
    small = [sys.executable, "-c", MEASURED, *command]
    done = subprocess.run(small, capture_output=True, text=True, env=environment, check=False)
    if done.returncode or not any(each in done.stderr for each in (f"{exchanges:,}", str(exchanges))):
        raise RuntimeError(f"not all of {exchanges} exchanges were exported: {done.stderr[-2000:]}")
    return int(done.stdout) / 1024


def tables(wanted: tuple[Row, ...], exchanges: int) -> str:
    """As Markdown."""
    return "\n\n".join(f"### {row.name}\n\n{_table(exchanges)}" for row in wanted)


def _table(exchanges: int) -> str:
    few = exchanges // PARTS
    lines = [f"| MiB, at most | {few:,} exchanges | {exchanges:,} | promised at most |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="outgate-bench-") as name:
        folders = {count: Path(name) / str(count) for count in (few, exchanges)}
        for count, folder in folders.items():
            folder.mkdir()
            capture(folder, count)
        for wanted in FORMATS:
            least, most = (peak(folder, wanted, count) for count, folder in folders.items())
            kept = "" if most <= least + MARGIN else ", missed"
            lines.append(f"| {wanted} | {least:.0f} | {most:.0f} | {least + MARGIN:.0f}{kept} |")
    return "\n".join(lines)
