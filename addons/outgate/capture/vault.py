"""The file of a vault: beside captures and never in an export, sealed as it is written.

Owns the file: it is made anew, for its owner's eyes, and only grows. What was written before a crash can be opened;
what the disk has no room for leaves no half record behind. How records are sealed is `redact.replace.vault`'s.
"""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from outgate.redact.replace.vault import Kept, Sealer

REMEMBERED = 65536
"""Tokens that are not written again."""


class VaultFile:
    """One vault under way. Raises `FileExistsError` where the file is there: each has a key of its own."""

    def __init__(self, path: Path, recipient: X25519PublicKey) -> None:
        self._sealer = Sealer(recipient)
        self._known: OrderedDict[str, None] = OrderedDict()
        self.size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # who deletes old files asks for the lock first
        self._write(self._sealer.head)

    def keep(self, token: str, original: str) -> None:
        """Notes what a token stands for, once. After an `OSError` the file is closed, and takes nothing more."""
        if token in self._known:
            self._known.move_to_end(token)
            return
        self._write(self._sealer.seal(Kept(token, original)))
        self._known[token] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def close(self) -> None:
        """Ends the file, so that it is known to be whole."""
        if self._file < 0:
            return
        self._write(self._sealer.end())
        os.fsync(self._file)
        self._shut()

    @property
    def closed(self) -> bool:
        return self._file < 0

    def _write(self, data: bytes) -> None:
        if self._file < 0:
            raise ValueError("the vault is closed; begin another file")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self.size)
            self._shut()
            raise
        self.size += len(data)

    def _shut(self) -> None:
        os.close(self._file)
        self._file = -1
