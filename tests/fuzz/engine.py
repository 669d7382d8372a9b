"""One target under atheris: `python -m fuzz.engine NAME FOLDER SECONDS`, started by `__main__.py`.

What raises is noted, once for each place where it does, and the search goes on: one defect must not hide the next. The
module of the target is loaded only here, so that atheris can count what of it runs.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["outgate"]):
    from fuzz.every import TARGETS

LONGEST = 4096
SLOW = 20
"""Seconds after which an input hangs."""
MEMORY = 3000
"""Megabytes."""


class Defects:
    """Each place where something is raised, with the first input that led there, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, int] = {}

    def note(self, data: bytes, error: BaseException) -> bool:
        """Whether it is the first at its place."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{type(error).__name__} " + " ".join(
            f"{Path(each.filename).name}:{each.lineno}" for each in frames[-4:]
        )
        self.known[place] = self.known.get(place, 0) + 1
        if self.known[place] > 1:
            return False
        stem = self.folder / hashlib.sha256(place.encode()).hexdigest()[:12]
        stem.with_suffix(".bin").write_bytes(data)
        told = "".join(traceback.format_exception(error))
        stem.with_suffix(".txt").write_text(f"{place}\n{data!r}\n{told}", encoding="utf-8", errors="backslashreplace")
        return True


def main(name: str, folder: Path, seconds: int) -> None:
    target = TARGETS[name]
    corpus, defects = folder / "corpus" / name, Defects(folder / "defects" / name)
    for made in (corpus, defects.folder):
        made.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / f"seed-{hashlib.sha256(seed).hexdigest()[:16]}").write_bytes(seed)
    words = folder / f"{name}.words"
    words.write_text("".join(f'"{"".join(f"\\x{byte:02x}" for byte in word)}"\n' for word in target.words))
    logging.disable()
    began = time.monotonic()
    runs = 0

    def tell() -> None:
        told = {"runs": runs, "seconds": time.monotonic() - began, "defects": len(defects.known)}
        (folder / f"{name}.json").write_text(json.dumps(told))

    def one(data: bytes) -> None:
        nonlocal runs
        runs += 1
        try:
            target.check(data)
        except Exception as error:
            if defects.note(data, error):
                tell()
        if runs % 1000 == 1:
            tell()

    options = [f"-max_total_time={seconds}", f"-timeout={SLOW}", f"-max_len={LONGEST}", f"-rss_limit_mb={MEMORY}"]
    options += [f"-artifact_prefix={defects.folder}/", "-print_final_stats=1"]
    options += [f"-dict={words}"] if target.words else []
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
