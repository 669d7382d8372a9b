"""The records themselves, a line each: to read, to search, and to replay."""

from __future__ import annotations

from typing import IO

from outgate.capture import record
from outgate.redact.redacted import Redacted


class LineWriter:
    """What a capture holds, without its compression."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def write(self, kept: Redacted) -> str:
        self._out.write(record.write(kept))
        return ""

    def close(self) -> None:
        pass
