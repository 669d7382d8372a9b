"""What is about to be written, noted in memory that outlives the writer: who follows one that was killed neither loses
what it was writing nor writes it twice.

Owns the note. It says how large the file was, how large it is to be, and what then has happened.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from outgate.capture.shared import COUNTS, Shared

NOTE = struct.Struct(f"=QQI{len(COUNTS)}Q")
"""Bytes before and after, of the path, and the words as they are to be."""
VALID = 8
"""Bytes before it, of which the first says whether there is one."""


class Journal:
    """Of the one process that writes."""

    def __init__(self, shared: Shared) -> None:
        self._shared, self._note = shared, shared.note
        self._after: Mapping[int, int] = {}

    def begin(self, after: Mapping[int, int]) -> None:
        """What the words of `COUNTS` are to be once what follows is done."""
        self._after = after

    def note(self, path: Path, before: int, length: int) -> None:
        """So many bytes are written to the end of a file now. One whose path is too long is not noted."""
        told = os.fsencode(path)
        start = VALID + NOTE.size
        if start + len(told) > len(self._note):
            return
        NOTE.pack_into(self._note, VALID, before, before + length, len(told), *map(self._after.__getitem__, COUNTS))
        self._note[start : start + len(told)] = told
        self._note[0] = 1

    def done(self) -> None:
        """All of it, or nothing where it could not be written; `begin` has said what holds now."""
        self._hold(self._after)

    def settle(self) -> None:
        """Bring to an end, or undo, what the process before was writing when it was killed."""
        if not self._note[0]:
            return
        before, whole, length, *values = NOTE.unpack_from(self._note, VALID)
        start = VALID + NOTE.size
        path = Path(os.fsdecode(bytes(self._note[start : start + length])))
        with contextlib.suppress(OSError):  # it is gone: what was in it is as good as never written
            if path.stat().st_size >= whole:
                self._hold(dict(zip(COUNTS, values, strict=True)))
            elif before:
                os.truncate(path, before)
            else:
                path.unlink()
        self._note[0] = 0

    def _hold(self, after: Mapping[int, int]) -> None:
        for word, value in after.items():
            self._shared.words[word] = value
        self._note[0] = 0
