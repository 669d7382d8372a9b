"""What waits in the ring is redacted and written, and only then leaves it.

Owns that order, and that whatever fails at one exchange costs this one. What came before another policy is redacted as
the former said. Whoever follows it, after a kill, goes on where it was. Knows no process and waits for nobody.
"""

from __future__ import annotations

import logging
import pickle
import time
from dataclasses import dataclass, field

from outgate.capture.journal import Journal
from outgate.capture.losses import Losses
from outgate.capture.redactors import Redactors, keyed
from outgate.capture.ring import HEAD, TAIL, Frame, Torn
from outgate.capture.shared import (
    ASLEEP,
    AT,
    COUNTS,
    FAILED,
    REDACTION,
    SKIP,
    TAKEN,
    UNTIL,
    VAULT,
    WRITTEN,
    Shared,
)
from outgate.capture.shelves import Shelf, Shelves
from outgate.capture.vaults import Vaults
from outgate.capture.wire import POLICY, exchange_of, unpacked
from outgate.policy.redaction_model import KeepingPolicy
from outgate.redact.pipeline import FAILED as UNREADABLE
from outgate.redact.redacted import Redacted, bounded

log = logging.getLogger(__name__)

AT_ONCE = 256 * 1024
"""Bytes of frames whose records are written together, where so many wait."""
TORN = 3
"""Looks at a frame that is not whole, before what waits is given up."""
DIED = "the process ended"


@dataclass(slots=True)
class Batch:
    """Exchanges of one capture that are written together, and all that was met on the way to `end`."""

    end: int
    taken: int = 0
    lost: int = 0
    """Of those that could not be redacted, nothing is left."""
    bare: int = 0
    """Of these little."""
    shelf: Shelf | None = None
    records: list[Redacted] = field(default_factory=list)
    size: int = 0


def begun(memory: int, keeping: KeepingPolicy, master: bytes) -> Redacting:
    """In the middle of it: by the descriptor of the memory, what is in force there, and the key of replacements."""
    vaults = Vaults()
    made = Redacting(Shared(memory), keyed(master, vaults), vaults)
    made.follow(keeping)
    return made


class Redacting:
    """`work` on what waits, `turn` in between, and `close`. Begins where the one before it was killed."""

    def __init__(self, shared: Shared, redactors: Redactors, vaults: Vaults | None = None) -> None:
        self.shared, self._ring, self._words = shared, shared.ring, shared.words
        self._journal = Journal(shared)
        self._journal.settle()
        self._words[AT] = 0
        self._shelves = Shelves(redactors, vaults or Vaults(), self._journal.note)
        self._losses = Losses()
        self._rules = shared.rules()
        self._vault_before = self._words[VAULT]
        self._torn = 0

    def follow(self, keeping: KeepingPolicy) -> None:
        """What is in force at the tail. Where it cannot be carried out, nothing is kept."""
        try:
            self._shelves.follow(keeping)
        except Exception as error:
            log.error("nothing is captured, the policy cannot be carried out: %s", type(error).__name__)
            self._shelves.follow(KeepingPolicy())

    @property
    def waiting(self) -> bool:
        return self._words[HEAD] != self._words[TAIL]

    @property
    def until(self) -> float:
        """When the gate has it end, by the monotonic clock; 0: not yet."""
        return self.shared.moment[UNTIL]

    def asleep(self, sleeps: bool) -> None:
        """Whether it has to be woken for what comes."""
        self._words[ASLEEP] = sleeps

    def work(self, until: float = float("inf")) -> bool:
        """Deal with what waits, as long as the time and the gate's lasts; whether anything did. Raises `Torn`."""
        some = False
        while time.monotonic() < (self.until or until) and (batch := self._batch()) is not None:
            self._keep(batch)
            some = True
        return some

    def turn(self) -> None:
        """What time alone brings."""
        self._shelves.turn()

    def close(self) -> None:
        """End the files."""
        self._shelves.close()
        self._words[VAULT] = self._vault_before + self._shelves.vault_failed

    # What is read.

    def _batch(self) -> Batch | None:
        """What is next: policies that are followed, and then exchanges of one capture."""
        batch = Batch(self._ring.tail)
        while (frame := self._next(batch.end)) is not None:
            if frame.kind == POLICY:
                if batch.taken:
                    break
                self._turn_to(frame)
                batch.end = frame.end
            elif not self._add(batch, frame):
                break
        return batch if batch.end > self._ring.tail else None

    def _next(self, at: int) -> Frame | None:
        """The frame there. Raises `Torn` where it stays so: all that waits is given up then, for nobody knows where the
        next one begins, and who follows is told of the policies that were among it."""
        try:
            frame = self._ring.read(at)
        except Torn:
            self._torn += at == self._ring.tail
            if self._torn <= TORN:
                return None
            lost = self.shared.waiting
            self._losses.add("torn")
            self._leave(Batch(self._ring.head, taken=lost, lost=lost), written=0)
            raise
        self._torn = 0
        return frame

    def _turn_to(self, frame: Frame) -> None:
        self._words[AT] = frame.at + 1
        killing = self._words[SKIP] == frame.at + 1
        self.follow(KeepingPolicy() if killing else pickle.loads(frame.payload))
        self._words[AT] = 0

    def _add(self, batch: Batch, frame: Frame) -> bool:
        """Redact it, where it belongs with those before it."""
        self._words[AT] = frame.at + 1
        try:
            if self._words[SKIP] == frame.at + 1:
                raise RuntimeError(DIED)
            folder, plain = unpacked(frame.payload)
            shelf = self._shelves[folder]
            if batch.shelf not in (None, shelf):
                return False
            size = frame.end - frame.at
            if batch.taken and batch.size + size > min(AT_ONCE, shelf.store.room):
                return False
            kept = bounded(shelf.redact(exchange_of(plain)), shelf.store.policy.max_body)
        except Exception as error:  # whatever it is, it is this exchange's
            self._losses.add(type(error).__name__)
            batch.lost += 1
        else:
            batch.shelf = shelf
            batch.size += size
            batch.records.append(kept)
            batch.bare += ("exchange", UNREADABLE) in kept.manifest.dropped
        finally:
            self._words[AT] = 0
        batch.taken += 1
        batch.end = frame.end
        return True

    # What is written.

    def _keep(self, batch: Batch) -> None:
        written = len(batch.records)
        if batch.shelf is not None:
            self._journal.begin(self._after(batch, written))
            written = batch.shelf.store.write(batch.records)
        self._leave(batch, written)
        if written:
            before = self._rules.total()
            self._rules.update(mark.rule for kept in batch.records for mark in kept.manifest.marks)
            if self._rules.total() != before:
                self.shared.tell_rules(self._rules)

    def _leave(self, batch: Batch, written: int) -> None:
        """It is dealt with."""
        self._journal.begin(self._after(batch, written))
        self._journal.done()

    def _after(self, batch: Batch, written: int) -> dict[int, int]:
        """What the words are to be then."""
        moved = {
            TAKEN: batch.taken,
            WRITTEN: written,
            FAILED: batch.lost + len(batch.records) - written,
            REDACTION: batch.lost + batch.bare,
        }
        after = {word: self._words[word] + moved.get(word, 0) for word in COUNTS}
        return after | {TAIL: batch.end, VAULT: self._vault_before + self._shelves.vault_failed}
