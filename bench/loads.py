"""Which program makes a row's load, and what it says. Knows its command lines, not where they run."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load import summary
from rows import MEGABYTE, Row

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Span:
    """How long a load goes on: for seconds, or for a number of requests where that is not 0."""

    seconds: float
    requests: int = 0


@dataclass(frozen=True)
class Load:
    """One run of a row's load. `log` is where h2load writes, in a directory that the workload's user may write."""

    row: Row
    trust: Path
    span: Span
    log: Path

    @property
    def command(self) -> list[str]:
        if self.row.kind == "h2":
            return self._h2load()
        program = "grpc_load.py" if self.row.kind == "grpc" else "load.py"
        return [sys.executable, str(HERE / program), json.dumps(config(self.row, self.trust, self.span))]

    def found(self, output: str) -> dict[str, Any]:
        """Requests, seconds, p50 and p99."""
        return self._logged() if self.row.kind == "h2" else dict(json.loads(output))

    def _h2load(self) -> list[str]:
        span, width = self.span, str(self.row.width)
        end = ["-n", str(span.requests)] if span.requests else ["-D", f"{span.seconds * 1000:.0f}ms"]
        how = ["-c", "1", "-m", width, "--npn-list=h2", f"--log-file={self.log}"]
        return ["h2load", *how, *end, f"https://{self.row.host}/hello"]

    def _logged(self) -> dict[str, Any]:
        """A line a request: when it began and how long it took, in microseconds. Streams that the end of the run cut
        off have status -1, and there are no more of them than are open at once."""
        lines = [tuple(map(int, line.split()[:3])) for line in self.log.read_text().splitlines()]
        self.log.unlink()
        answered = [(begun, took) for begun, status, took in lines if status == 200]
        if (
            not answered
            or {status for _, status, _ in lines} - {200, -1}
            or len(lines) - len(answered) > self.row.width
        ):
            raise RuntimeError(f"{self.row.name}: of {len(lines)} requests {len(answered)} were answered with 200")
        ended = max(begun + took for begun, took in answered)
        return summary([took / 1e6 for _, took in answered], (ended - min(answered)[0]) / 1e6)


def config(row: Row, trust: Path, span: Span) -> dict[str, Any]:
    """What load.py and grpc_load.py take."""
    return {
        "host": row.host,
        "port": 443 if row.tls else 80,
        "trust": str(trust) if row.tls else "",
        "seconds": 1e9 if span.requests else span.seconds,
        "requests": span.requests,
        "width": row.width,
        "each": row.each,
        "down": row.down * MEGABYTE,
        "up": row.up * MEGABYTE,
    }
