"""From exchanges that are over to the process that redacts and stores them: handed over in memory that outlives both.

Owns the order of policies and exchanges in it, and what of either finds no room. Whoever hands something over never
waits, and makes no system call unless the process sleeps. What is kept, and what was lost, is told by counts.
"""

from __future__ import annotations

import collections
import logging
import os
import pickle
import threading

from outgate.capture.attendant import Attendant
from outgate.capture.losses import Losses
from outgate.capture.shared import ASLEEP, DATA, FAILED, PUT, REDACTION, VAULT, WRITTEN, Shared
from outgate.capture.wire import EXCHANGE, POLICY, Plain, packed
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy

log = logging.getLogger(__name__)

NOTHING = KeepingPolicy()


class Keeper:
    """`start` it in the process that goes on: a fork takes no threads along. `follow` and `put` are one thread's.
    `master`: the key that replacements are made with. `size`: bytes that may wait, about."""

    def __init__(self, master: bytes, size: int = DATA) -> None:
        self.shared: Shared | None = None
        """None until a policy has a capture."""
        self._master, self._size = master, size
        self._attendant: Attendant | None = None
        self._running = self._closed = self._over = False
        self._held: bytes | None = None
        """A policy for which there is no room yet: what comes after it cannot be taken either."""
        self._policies: collections.deque[tuple[int, bytes]] = collections.deque([(-1, pickle.dumps(NOTHING))])
        """Those that may be in force at the tail, and where they stand."""
        self._lock = threading.Lock()
        self._refused = 0
        self._losses = Losses()

    # For whoever hands over.

    def start(self) -> None:
        self._running = True
        if self._attendant is not None:
            self._attendant.start()

    def follow(self, keeping: KeepingPolicy) -> None:
        """Another policy is in force, for what is handed over from now on."""
        if self._closed or (self.shared is None and not keeping.captures):
            return
        try:
            self._prepare()
        except OSError as error:
            log.error("nothing is captured, there is no memory for it: %s", error)
            return
        self._held = pickle.dumps(keeping)
        self._tell()

    def put(self, capture: CapturePolicy, plain: Plain) -> bool:
        """Hand over an exchange. False: there is no room. Raises `ValueError` for what is no exchange."""
        shared = self.shared
        if shared is None or self._closed or not (self._held is None or self._tell()):
            self.refuse()
            return False
        if not shared.ring.write(EXCHANGE, packed(capture.folder, plain)):
            self.refuse()
            return False
        words = shared.words
        words[PUT] += 1
        if words[ASLEEP]:
            self._wake(shared)
        return True

    def refuse(self) -> None:
        """There was no room for an exchange."""
        self._refused += 1

    def lose(self, why: str) -> None:
        """An exchange could not be kept."""
        self._losses.add(why)

    def close(self, timeout: float) -> None:
        """Take nothing more, have what waits redacted and written, within a bound; `join` waits for that."""
        if self._attendant is not None and not self._closed:
            self._attendant.close(timeout)
        self._closed = True

    def join(self) -> None:
        """Wait for the end as long as `close` has said; what is left then is lost, and counted."""
        if self._attendant is not None and self.shared is not None and not self._over:
            self._attendant.join()
            os.close(self.shared.descriptor)
        self._over = True

    def counts(self) -> dict[str, int]:
        """What was kept and what was lost, by name; nothing where nothing was ever to be kept."""
        if self.shared is None:
            return {}
        words, lost = self.shared.words, self._losses.number
        failed = {"redaction_failed": number} if (number := words[REDACTION] + lost) else {}
        failed |= {"vault_failed": number} if (number := words[VAULT]) else {}
        return failed | {
            "captures_written": words[WRITTEN],
            "captures_dropped": self._refused + (self.shared.waiting if self._over else 0),
            "captures_failed": words[FAILED] + lost,
        }

    @property
    def rules(self) -> collections.Counter[str]:
        """Values that were replaced, by what found them."""
        return self.shared.rules() if self.shared is not None else collections.Counter()

    @property
    def pid(self) -> int | None:
        """Of the process that redacts, where there is one."""
        return self._attendant.pid if self._attendant is not None else None

    def in_force(self) -> KeepingPolicy:
        """The policy at the tail: those that stand behind it come by."""
        with self._lock:
            self._forget()
            return pickle.loads(self._policies[0][1])  # type: ignore[no-any-return]

    # The way there.

    def _prepare(self) -> None:
        """Raises `OSError`."""
        if self.shared is None:
            shared = Shared.make(self._size)
            self._attendant = Attendant(shared, self._master, self.in_force)
            self.shared = shared
        if self._running and self._attendant is not None:
            self._attendant.start()

    def _tell(self) -> bool:
        """Hand over the policy that is held. False: there is no room."""
        assert self.shared is not None
        assert self._held is not None
        ring, told = self.shared.ring, self._held
        with self._lock:
            at = ring.head
            if not ring.write(POLICY, told):
                return False
            self._policies.append((at, told))
            self._forget()
        self._held = None
        if self.shared.words[ASLEEP]:
            self._wake(self.shared)
        return True

    def _forget(self) -> None:
        """Policies that stand before another one which the tail has passed."""
        assert self.shared is not None
        while len(self._policies) > 1 and self._policies[1][0] < self.shared.ring.tail:
            self._policies.popleft()

    def _wake(self, shared: Shared) -> None:
        assert self._attendant is not None
        shared.words[ASLEEP] = 0
        os.eventfd_write(self._attendant.wake, 1)
