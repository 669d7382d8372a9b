"""What was recorded on the way out becomes part of the capture that is replayed.

Owns where it goes: into the folder of the capture, or to the end of its file, in the form that the file has.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outgate.capture.files import SUFFIX, found
from outgate.capture.reading import MAGIC, Capture
from outgate.capture.record import write

RECORD = b'"schema"'


class NoCapture(ValueError):
    """A file that records cannot be appended to. Says what to do instead."""


@contextmanager
def folder_of(capture: Path) -> Iterator[Path]:
    """Where to write meanwhile. At the end all of it is in the capture. Raises `NoCapture` and `OSError`."""
    if capture.is_dir():
        yield capture
        return
    packed = _is_packed(capture)
    with tempfile.TemporaryDirectory(prefix=".outgate-replay-", dir=capture.absolute().parent) as place:
        folder = Path(place) / "capture"
        yield folder
        if folder.is_dir():
            _append(folder, capture, packed=packed)


def _is_packed(capture: Path) -> bool:
    with capture.open("rb+") as file:  # which shows that it can be written
        begins = file.readline(4096)
    if begins.startswith(MAGIC) or (not begins and capture.name.endswith(SUFFIX)):
        return True
    if begins and RECORD not in begins:
        raise NoCapture(f"{capture} is no capture; export it with -f ndjson, and replay that")
    return False


def _append(folder: Path, capture: Path, *, packed: bool) -> None:
    with capture.open("rb+") as whole:
        size = whole.seek(0, os.SEEK_END)
        if packed:
            for path in found(folder):
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole)
            return
        if size:
            whole.seek(-1, os.SEEK_END)
            torn = whole.read(1) != b"\n"
            whole.write(b"\n" if torn else b"")
        for kept in Capture(folder):
            whole.write(write(kept))
