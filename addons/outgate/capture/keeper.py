"""From exchanges that are over to the stores of their folders: a bounded queue, and a thread that redacts.

Owns the stores and the redactors, and that both follow the policy in the order of what was handed over: what came
before another policy is redacted as it said. Whoever hands something over never waits. What a redactor fails at is lost
and counted; nothing of it is stored.
"""

from __future__ import annotations

import collections
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from outgate.capture.store import Store
from outgate.capture.vaults import Vaults
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, unplaced
from outgate.redact.exchange import Exchange
from outgate.redact.pipeline import FAILED, Redactor
from outgate.redact.redacted import Redacted, bounded
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from outgate.redact.replace.vaulted import Vaulted

log = logging.getLogger(__name__)

OVERHEAD = 2048
"""Bytes of an exchange beside its bodies and messages, about."""
BEAT = 0.02
"""Seconds in which more may come before what waits is redacted: one turn of the thread for many, for each of its turns
costs the event loop one."""
TOLD = 10.0
"""Seconds in which it is told once that exchanges are lost."""

type Redact = Callable[[Exchange], Redacted]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of what waits to be redacted."""

    waiting: int = 4096
    bytes: int = 32 * 1024 * 1024


class Item(NamedTuple):
    capture: CapturePolicy
    made: Callable[[], Exchange]
    size: int


@dataclass(slots=True)
class Shelf:
    """Where one capture goes. Its redactor changes with the policy, its store does not."""

    store: Store
    redact: Redact


def keyed(master: bytes, vaults: Vaults | None = None) -> Callable[[KeepingPolicy, CapturePolicy], Redact]:
    """Redactors under one key: equal values of one capture join, and those of two captures do not."""

    def made(keeping: KeepingPolicy, capture: CapturePolicy) -> Redact:
        digest = digest_of(keeping)
        keys, vault = Keys(master, capture.name, digest), vaults.of(capture) if vaults is not None else None
        return Redactor(keeping, Vaulted(keys, vault.keep) if vault is not None else Replacer(keys), digest).redact

    return made


def digest_of(keeping: KeepingPolicy) -> str:
    """Of what is said about redaction, wherever it is written."""
    return hashlib.sha256(repr([*map(unplaced, keeping.redactions)]).encode()).hexdigest()[:12]


class Keeper:
    """`start` it in the process that goes on: a fork takes no threads along. `follow` and `put` are one thread's."""

    def __init__(
        self,
        redactor: Callable[[KeepingPolicy, CapturePolicy], Redact],
        bounds: Bounds | None = None,
        vaults: Vaults | None = None,
    ) -> None:
        self.bounds = bounds or Bounds()
        self.rules: collections.Counter[str] = collections.Counter()
        """Values that were replaced, by what found them."""
        self._redactor = redactor
        self._vaults = vaults or Vaults()
        self._refused = self._failed = self._bare = 0
        """Lost because too much waited, and because they could not be redacted; and those of which little is left for
        that reason."""
        self._waiting: collections.deque[Item | KeepingPolicy] = collections.deque()
        self._taken = self._done = 0
        """Bytes put in and taken out; each has one thread that counts."""
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._over = False
        self._until = 0.0
        """When writing has to be over, by the monotonic clock."""
        self._lock = threading.Lock()
        """For the sum of what the stores count, while one of them goes."""
        self._shelves: dict[str, Shelf] = {}
        """By folder."""
        self._written = self._dropped = self._unwritten = 0
        """Of stores that are gone."""
        self._told = float("-inf")
        self._thread: threading.Thread | None = None
        self._running = False

    # For whoever hands over.

    def start(self) -> None:
        self._running = True
        if self._waiting:
            self._begin()

    def follow(self, keeping: KeepingPolicy) -> None:
        """Another policy is in force, for what is handed over from now on."""
        if not keeping.captures and self._thread is None:
            self._waiting.clear()
            return
        self._waiting.append(keeping)
        self._wake.set()
        if self._running:
            self._begin()

    def put(self, capture: CapturePolicy, made: Callable[[], Exchange], size: int = 0) -> bool:
        """Hand over an exchange, to be made in the thread, that holds on to `size` bytes. False: there is no room."""
        size, bounds = size + OVERHEAD, self.bounds
        if (
            self._ending.is_set()
            or len(self._waiting) >= bounds.waiting
            or self._taken - self._done + size > bounds.bytes
        ):
            self.refuse()
            return False
        self._taken += size
        self._waiting.append(Item(capture, made, size))
        if not self._wake.is_set():
            self._wake.set()
        return True

    def refuse(self) -> None:
        """There was no room for an exchange."""
        self._refused += 1

    def lose(self, why: str) -> None:
        """An exchange could not be kept."""
        self._failed += 1
        now = time.monotonic()
        if now - self._told >= TOLD:
            self._told = now
            log.error("an exchange was not captured, it could not be redacted: %s", why)

    def close(self, timeout: float) -> None:
        """Take nothing more, redact and write what waits, within a bound; `join` waits for that."""
        self._until = time.monotonic() + timeout
        self._ending.set()
        self._wake.set()

    def join(self) -> None:
        """Wait for the end as long as `close` has said; what is left then is lost, and counted."""
        if self._thread is not None:
            self._thread.join(max(0.0, self._until - time.monotonic()))
        self._over = True

    def counts(self) -> dict[str, int]:
        """What was kept and what was lost, by name; nothing where nothing was ever to be kept."""
        if self._thread is None:
            return {}
        with self._lock:
            stores = [shelf.store for shelf in self._shelves.values()]
            written, unwritten = self._written, self._unwritten + self._failed
            dropped = self._dropped + self._refused
        dropped += sum(isinstance(item, Item) for item in tuple(self._waiting)) if self._over else 0
        failed = {"redaction_failed": number} if (number := self._failed + self._bare) else {}
        failed |= {"vault_failed": number} if (number := self._vaults.failed) else {}
        return failed | {
            "captures_written": written + sum(each.written for each in stores),
            "captures_dropped": dropped + sum(each.refused for each in stores),
            "captures_failed": unwritten + sum(each.failed for each in stores),
        }

    # In the thread.

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait()
            self._ending.wait(BEAT)
            self._wake.clear()
            closing = self._ending.is_set()
            while self._waiting and not self._over:
                item = self._waiting.popleft()
                if isinstance(item, KeepingPolicy):
                    self._turn_to(item)
                else:
                    self._keep(item)
        for folder in list(self._shelves):
            self._leave(folder)
        self._vaults.close()

    def _keep(self, item: Item) -> None:
        try:
            shelf = self._shelves[item.capture.folder]
            kept = bounded(shelf.redact(item.made()), item.capture.max_body)
        except Exception as error:  # whatever it is, it is this exchange's: the thread has to live
            self.lose(type(error).__name__)
        else:
            self._bare += ("exchange", FAILED) in kept.manifest.dropped
            if shelf.store.put(kept):
                self.rules.update(mark.rule for mark in kept.manifest.marks)
        finally:
            self._done += item.size

    def _turn_to(self, keeping: KeepingPolicy) -> None:
        wanted = {capture.folder: capture for capture in keeping.captures}
        for folder, shelf in list(self._shelves.items()):
            if folder not in wanted or not _same(shelf.store.policy, wanted[folder]):
                self._leave(folder)
        self._vaults.follow(keeping.captures)
        for folder, capture in wanted.items():
            self._put_up(folder, capture, self._redactor(keeping, capture))

    def _put_up(self, folder: str, capture: CapturePolicy, redact: Redact) -> None:
        if folder in self._shelves:
            self._shelves[folder].redact = redact
            return
        store = Store(capture)
        store.start()
        with self._lock:
            self._shelves[folder] = Shelf(store, redact)

    def _leave(self, folder: str) -> None:
        store = self._shelves[folder].store
        store.close(max(0.0, self._until - time.monotonic()) if self._ending.is_set() else 2.0)
        with self._lock:
            del self._shelves[folder]
            self._written += store.written
            self._dropped += store.refused
            self._unwritten += store.failed


def _same(one: CapturePolicy, other: CapturePolicy) -> bool:
    """Whether files of one may go on as the other's."""
    return replace(one, source=None) == replace(other, source=None)
