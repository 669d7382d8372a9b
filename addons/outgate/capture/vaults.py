"""The vaults of a gate: beside each capture that has one, what its replacements stand for, in files that follow each
other.

Owns when a vault's file is begun, turned over and ended, and that nothing waits for one or fails with one: what cannot
be kept is counted, and the capture goes on without it. One thread's.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from outgate.capture.files import STAMP
from outgate.capture.retention import prune
from outgate.capture.vault import VaultFile
from outgate.policy.redaction_model import CapturePolicy, VaultPolicy
from outgate.redact.replace.vault import VaultError, public_key

log = logging.getLogger(__name__)

PREFIX, SUFFIX = "vault-", ".sealed"
RETRY = 1.0
"""Seconds after a failure in which nothing is tried."""
TOLD = 10.0
"""Seconds in which it is told once."""


def found(folder: Path) -> list[Path]:
    """The files of vaults in a folder, the oldest first."""
    return sorted(path for path in folder.iterdir() if path.name.startswith(PREFIX) and path.name.endswith(SUFFIX))


class Vault:
    """Of one capture. A file is begun when there is something to keep."""

    def __init__(
        self, capture: CapturePolicy, policy: VaultPolicy, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.capture, self.policy = capture, policy
        self.failed = 0
        self._clock = clock
        self._file: VaultFile | None = None
        self._begun = 0.0
        self._resumes = self._told = float("-inf")

    def keep(self, token: str, original: str) -> None:
        """Never raises."""
        if self._clock() < self._resumes:
            self.failed += 1
            return
        try:
            self._turned().keep(token, original)
        except (OSError, ValueError) as error:  # a full disk, a key that is gone, a value that is too long
            self._fail(error)

    def close(self) -> None:
        """End the file, so that it is known to be whole."""
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except OSError as error:
            self._fail(error)

    def _turned(self) -> VaultFile:
        """The file, another one where it is old or large. Raises `OSError` and `VaultError`."""
        capture, now = self.capture, self._clock()
        full = self._file is not None and self._file.size >= capture.rotate_bytes
        if self._file is not None and (full or self._file.closed or now - self._begun >= capture.rotate_seconds):
            self.close()
        if self._file is None:
            recipient = public_key(Path(self.policy.key).read_bytes())
            folder = Path(self.policy.folder)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            oldest = time.time() - capture.retention if capture.retention else float("-inf")
            prune(folder, oldest, capture.max_bytes, found)
            stamp = f"{datetime.now(UTC):{STAMP}}"
            self._file, self._begun = VaultFile(folder / f"{PREFIX}{stamp}-{os.getpid()}{SUFFIX}", recipient), now
        return self._file

    def _fail(self, error: Exception) -> None:
        self.failed += 1
        if isinstance(error, VaultError) and self._file is not None:
            return  # one value, not the vault
        now = self._clock()
        self._resumes = now + RETRY
        if now - self._told >= TOLD:
            self._told = now
            log.error("the vault in %s takes nothing: %s", self.policy.folder, error)


class Vaults:
    """Those of all captures."""

    def __init__(self) -> None:
        self._open: dict[str, Vault] = {}
        """By the folder of the capture."""
        self._failed = 0

    def follow(self, captures: Iterable[CapturePolicy]) -> None:
        """Other captures are in force: what none of them asks for ends."""
        wanted = {each.folder: each for each in captures if each.vault is not None}
        for folder, vault in list(self._open.items()):
            if folder not in wanted or wanted[folder] != vault.capture:
                self._end(folder)

    def of(self, capture: CapturePolicy) -> Vault | None:
        """None where a capture has no vault."""
        if capture.vault is None:
            return None
        return self._open.setdefault(capture.folder, Vault(capture, capture.vault))

    def close(self) -> None:
        for folder in list(self._open):
            self._end(folder)

    @property
    def failed(self) -> int:
        """Replacements that cannot be taken back."""
        return self._failed + sum(vault.failed for vault in tuple(self._open.values()))

    def _end(self, folder: str) -> None:
        vault = self._open[folder]
        vault.close()
        self._failed += vault.failed
        del self._open[folder]
