"""Running a program as another user.

Owns the question whether that user can run this interpreter at all: it may live below a directory that only root may
enter. Then the process keeps CAP_DAC_READ_SEARCH as an ambient capability, enough to read the interpreter and nothing
that touches the network.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache


def as_user(uid: int, argv: list[str]) -> list[str]:
    """The command that runs `argv` as `uid`, with its gid alike, no groups, and no capability it can do without."""
    reads = not _is_python(argv[0]) or runs_python(uid)
    return _switch(uid, "-all" if reads else "+dac_read_search", argv)


def _switch(uid: int, capabilities: str, argv: list[str]) -> list[str]:
    kept = [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *kept, "--", *argv]


def _is_python(program: str) -> bool:
    return program == sys.executable


@cache
def runs_python(uid: int) -> bool:
    """Asked of the interpreter itself: its libraries must be readable too."""
    command = _switch(uid, "-all", [sys.executable, "-c", "import ssl, encodings"])
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
