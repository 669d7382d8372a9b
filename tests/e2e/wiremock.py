"""A real WireMock on a folder of mappings, where there is one.

Owns its process. It says nothing of what it answers with.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from types import TracebackType

from docpages.recipes import WIREMOCK, part

PORT = re.compile(r"^port:\s+(\d+)")


class WireMock:
    """Use it as a context manager: its port."""

    def __init__(self, root: Path) -> None:
        self._command = ["java", "-jar", str(part(WIREMOCK)), "--root-dir", str(root), "--port", "0"]

    def __enter__(self) -> int:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command, text=True, **pipes)
        assert self._process.stdout is not None
        return next(int(found[1]) for line in self._process.stdout if (found := PORT.match(line)))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate()
