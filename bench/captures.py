"""outgate with and without a capture of what it carries: of all exchanges, and of a tenth of them.

Owns the documents, and that what is to be captured is: a capture that loses exchanges costs little, and is worth no
row. What is captured is redacted by the default rules, in a process on the core of the proxy like everything else but
where a row says otherwise.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard
from proxies import UID, Proxy, outgate
from report import Promise

from e2e.lab.world import OriginPki

ENTRIES = 200
OFF, ALL, SOME = "outgate, no capture", "outgate, all captured", "outgate, 10% captured"
OFF_FREE, ALL_FREE = f"{OFF}, any core", f"{ALL}, any core"
"""Where the system puts the gate and the process that redacts, as it does unless somebody says otherwise."""
PROMISES = (Promise(ALL, 0.8, OFF), Promise(SOME, 0.9, OFF), Promise(ALL_FREE, 0.8, OFF_FREE))
DOCUMENT = """apiVersion: outgate.dev/v1alpha1
kind: EgressCapture
metadata: {{name: bench}}
spec: {{folder: {folder}, sampling: {percent}}}
"""
PATIENCE = 60.0
CHANCE = 6
"""Standard deviations within which a number of sampled exchanges is right."""


@dataclass(frozen=True)
class Kept:
    """What has to be in a folder: `part` of what is carried."""

    folder: Path
    part: float

    @contextmanager
    def hearing(self, carried: Callable[[], int], width: int) -> Iterator[None]:
        """What is carried meanwhile has to be written, within a time. `carried` counts requests."""
        before, begun = self.written(), carried()
        yield
        deadline = time.monotonic() + PATIENCE
        while fault := self.fault(self.written() - before, carried() - begun, width):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.folder}: {fault}")
            time.sleep(0.5)

    def fault(self, written: int, carried: int, width: int) -> str:
        """`width` exchanges may be under way."""
        most = CHANCE * math.sqrt(carried * self.part * (1 - self.part)) + width
        enough = abs(written - carried * self.part) <= most
        return "" if enough else f"{written} exchanges written of {carried}, of which {self.part:.0%} are to be"

    def written(self) -> int:
        return sum(map(_lines, self.folder.glob("*.zst")))


def _lines(path: Path) -> int:
    """In a file that is still written."""
    count = 0
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        while piece := reader.read(1 << 20):
            count += piece.count(b"\n")
    return count


def captures(folder: Path, pki: OriginPki) -> list[Proxy]:
    return [
        replace(outgate(folder, pki, ENTRIES, port=15001), name=OFF),
        _capturing(folder, pki, ALL, 1.0, 15006),
        _capturing(folder, pki, SOME, 0.1, 15007),
        replace(outgate(folder, pki, ENTRIES, port=15008), name=OFF_FREE, cores=2),
        replace(_capturing(folder, pki, ALL_FREE, 1.0, 15009), cores=2),
    ]


def _capturing(folder: Path, pki: OriginPki, name: str, part: float, port: int) -> Proxy:
    home = folder / f"capture-{port}"
    (home / "policy").mkdir(parents=True)
    kept = Kept(home / "captured", part)
    (home / "policy" / "capture.yaml").write_text(DOCUMENT.format(folder=kept.folder, percent=100 * part))
    shutil.chown(home, UID, UID)
    made = outgate(folder, pki, ENTRIES, port=port)
    return replace(made, name=name, command=(*made.command, "--policy", str(home / "policy")), kept=kept)
