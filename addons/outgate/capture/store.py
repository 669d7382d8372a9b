"""Where kept exchanges go: files in a folder.

Owns when a file is followed by another, and what is told when nothing can be written. A full disk costs records, which
are counted, and nothing else. What was written before a kill is in the kernel's hands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from outgate.capture import record
from outgate.capture.files import CaptureFile, Note, unnoted
from outgate.capture.retention import prune
from outgate.policy.redaction_model import CapturePolicy
from outgate.redact.redacted import Redacted

log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds after a failure in which nothing is tried."""
TOLD = 10.0
"""Seconds in which it is told once that records are lost: a disk that is nearly full takes some and others not."""
TICK = 60.0
"""Seconds between looks at the age of files."""


class Store:
    """The files of one `EgressCapture`, of this process."""

    def __init__(self, policy: CapturePolicy, note: Note = unnoted, clock: Callable[[], float] = time.time) -> None:
        self.policy = policy
        self.folder = Path(policy.folder)
        self._note, self._clock = note, clock
        self._file: CaptureFile | None = None
        self._resumes = self._looked = self._told = float("-inf")
        self._lost = 0
        self._lost_before: int | None = None
        """What had been lost when it was told that writing fails; None while that is not so, or was not told."""

    def write(self, records: Sequence[Redacted]) -> int:
        """Write them together; how many are in the file. The others are lost. Never raises for them."""
        lines = []
        for kept in records:
            if not isinstance(kept, Redacted):
                raise TypeError(f"{type(kept).__name__} cannot be kept; only what the pipeline has been over can")
            try:
                lines.append(record.write(kept))
            except Exception as error:  # whatever it is, it is this record's and no fault of the file
                self._miss(1, error)
        try:
            if lines and time.monotonic() < self._resumes:
                self._lost += len(lines)
                return 0
            if lines:
                self._append(b"".join(lines))
                self._recovered()
        except Exception as error:
            self._fail(len(lines), error)
            return 0
        return len(lines)

    def turn(self) -> None:
        """What time alone brings: a file that is old is ended, and older ones go."""
        now = time.monotonic()
        if self._file is not None and now - self._file.begun >= self.policy.rotate_seconds:
            self.close()
        if now - self._looked >= TICK and self.folder.is_dir():
            self._prune()

    def close(self) -> None:
        """End the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, lines: bytes) -> None:
        if self._file is None:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._prune()
            self._file = CaptureFile(self.folder, self._clock())
        self._file.append(lines, self._note)
        if self._file.size >= self._largest:
            self.close()

    @property
    def room(self) -> int:
        """Bytes until another file follows."""
        return self._largest - (self._file.size if self._file is not None else 0)

    @property
    def _largest(self) -> int:
        return min(self.policy.rotate_bytes, self.policy.max_bytes)

    def _prune(self) -> None:
        """Leaves room for the file that is written now."""
        self._looked = time.monotonic()
        oldest = self._clock() - self.policy.retention if self.policy.retention > 0 else float("-inf")
        try:
            prune(self.folder, oldest, self.policy.max_bytes - (self._largest if self._file is None else 0))
        except OSError as error:
            log.warning("old files of the capture in %s cannot be looked for: %s", self.folder, error)

    def _fail(self, lost: int, error: Exception) -> None:
        if self._file is not None:
            self._file.drop()
            self._file = None
        self._resumes = time.monotonic() + RETRY
        self._miss(lost, error)

    def _miss(self, lost: int, error: Exception) -> None:
        self._lost += lost
        now = time.monotonic()
        if self._lost_before is None and now - self._told >= TOLD:
            self._lost_before, self._told = self._lost - lost, now
            log.error("the capture in %s cannot be written, exchanges pass without: %s", self.folder, error)

    def _recovered(self) -> None:
        if self._lost_before is not None:
            lost, self._lost_before = self._lost - self._lost_before, None
            log.warning("the capture in %s is written again; %d exchanges are missing", self.folder, lost)
