"""Under which conditions numbers came about, in a line that a reader needs before them: day, machine, versions."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

PROGRAMS = {"squid": "-v", "nginx": "-v", "h2load": "--version"}


def conditions() -> str:
    """Without the amounts, which differ by section."""
    said = ", ".join([f"mitmproxy {version('mitmproxy')}", *filter(None, map(_version, PROGRAMS))])
    python = f"Python {platform.python_version()}"
    day = dt.datetime.now(dt.UTC).date()
    return f"{day}, {os.cpu_count()} cores ({_model()}), Linux {platform.release()}, {python}, {said}"


def _model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _version(program: str) -> str:
    if not shutil.which(program):
        return ""
    done = subprocess.run([program, PROGRAMS[program]], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return f"{program} {found[0]}" if found else program
