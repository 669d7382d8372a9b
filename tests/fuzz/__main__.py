"""`make fuzz`: each target in turn, in a process of its own, and a table of how it went.

`python -m fuzz [NAME...] --minutes 60 --folder DIR`: the minutes are divided among the targets. Exits 1 where anything
was found; what led there lies in the folder.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fuzz.every import TARGETS

COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
RUNS = re.compile(r"stat::number_of_executed_units: (\d+)")
GRACE = 120
"""Seconds beyond its share after which a target hangs: seeds are run before its time begins."""
HEAD = ("target", "executions", "seconds", "branches", "corpus", "defects")


@dataclass
class Outcome:
    """What became of one target."""

    name: str
    runs: int = 0
    seconds: float = 0.0
    covered: int = 0
    corpus: int = 0
    defects: int = 0
    ended: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        shown = f"{self.defects}{f' ({self.ended})' if self.ended else ''}"
        return self.name, str(self.runs), f"{self.seconds:.0f}", str(self.covered), str(self.corpus), shown


def fuzzed(name: str, seconds: int, folder: Path) -> Outcome:
    """Run one target."""
    made, log, told = Outcome(name), folder / f"{name}.log", folder / f"{name}.json"
    told.unlink(missing_ok=True)
    command = [sys.executable, "-m", "fuzz.engine", name, str(folder), str(seconds)]
    with log.open("wb") as output:
        try:
            done = subprocess.run(command, stdout=output, stderr=output, timeout=seconds + GRACE, check=False)
            made.ended = "" if done.returncode == 0 else f"code {done.returncode}"
        except subprocess.TimeoutExpired:
            made.ended = "hangs"
    text = log.read_text(encoding="utf-8", errors="replace")
    if found := COVERED.findall(text):
        made.covered, _, made.corpus = map(int, found[-1])
    if told.exists():
        said = json.loads(told.read_text())
        made.runs, made.seconds, made.defects = said["runs"], said["seconds"], said["defects"]
    if runs := RUNS.findall(text):
        made.runs = int(runs[-1])
    made.defects += bool(made.ended)
    return made


def show(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        print(row[0].ljust(widths[0]), *cells, " ", row[-1], flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Every parser of the gate's under atheris.")
    parser.add_argument("names", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=60.0, help="for all targets together (default: 60)")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="corpora, defects and logs (default: .fuzz)")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]}; use one of {', '.join(TARGETS)}")
    names = asked.names or list(TARGETS)
    asked.folder.mkdir(parents=True, exist_ok=True)
    share = max(1, int(asked.minutes * 60 / len(names)))
    outcomes = []
    for number, name in enumerate(names, start=1):
        print(f"fuzz: {name} ({number} of {len(names)}), {share} s", flush=True)
        outcomes.append(fuzzed(name, share, asked.folder))
        show([outcomes[-1].row])
    show([HEAD, *(outcome.row for outcome in outcomes)])
    return int(any(outcome.defects for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
