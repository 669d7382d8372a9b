"""The stores of all captures, each with its redactor, as the policy in force has them.

Owns that both follow the policy: a redactor changes with it, a store goes on as long as its capture is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from outgate.capture.files import Note
from outgate.capture.redactors import Redact, Redactors
from outgate.capture.store import Store
from outgate.capture.vaults import Vaults
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy


@dataclass(slots=True)
class Shelf:
    """Where one capture goes."""

    store: Store
    redact: Redact


class Shelves:
    """By folder."""

    def __init__(self, redactors: Redactors, vaults: Vaults, note: Note) -> None:
        self._redactors, self._vaults, self._note = redactors, vaults, note
        self._shelves: dict[str, Shelf] = {}

    def __getitem__(self, folder: str) -> Shelf:
        return self._shelves[folder]

    def follow(self, keeping: KeepingPolicy) -> None:
        """Another policy is in force. Whatever its redactors raise is the caller's; what is not there is not kept."""
        wanted = {capture.folder: capture for capture in keeping.captures}
        for folder, shelf in list(self._shelves.items()):
            if folder not in wanted or not _same(shelf.store.policy, wanted[folder]):
                self._shelves.pop(folder).store.close()
        self._vaults.follow(keeping.captures)
        for folder, capture in wanted.items():
            redact = self._redactors(keeping, capture)
            if folder in self._shelves:
                self._shelves[folder].redact = redact
            else:
                self._shelves[folder] = Shelf(Store(capture, self._note), redact)

    def turn(self) -> None:
        """What time alone brings."""
        for shelf in self._shelves.values():
            shelf.store.turn()

    def close(self) -> None:
        for shelf in self._shelves.values():
            shelf.store.close()
        self._vaults.close()

    @property
    def vault_failed(self) -> int:
        return self._vaults.failed


def _same(one: CapturePolicy, other: CapturePolicy) -> bool:
    """Whether files of one may go on as the other's."""
    return replace(one, source=None) == replace(other, source=None)
