"""The policy files under a soak: written about every second, every other time so that they cannot be used.

Owns the files and which policy they hold when they can be used. The two policies are those of the table.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.documents import access, defaults, destination, policy
from e2e.lab.gate import Gate

from .oracle import FIRST, SECOND

EVERY = 1.0
BROKEN = ("kind: [", "", "kind: EgressDefaults\nspec: {}\n", "\x00")


def documents(name: str, version: int = 0) -> str:
    """The two policies of the table. Versions of one differ in what nobody asks for."""
    alone = {
        FIRST: destination("partner.example", ports=("80/HTTP",)),
        SECOND: destination("curious.example", ports=("443/HTTPS",)),
    }
    return policy(
        defaults(mode="REGISTRY_ONLY"),
        destination("api.example", ports=("80/HTTP", "443/HTTPS")),
        destination("private.example", ports=("80/HTTP",)),
        destination("turning.example", ports=("80/HTTP",)),
        destination(f"version-{version}.example", ports=("80/HTTP",)),
        access("no-admin", action="DENY", rules=[{"to": [{"paths": ["/admin*"]}]}]),
        alone[name],
    )


class Reloads:
    """While it is entered, the files change by themselves. `count` is how often they did."""

    def __init__(self, gate: Gate, seed: int) -> None:
        self._gate, self._draw = gate, random.Random(seed)
        self._current, self._version = FIRST, 0
        self._whole = False
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="reloads", daemon=True)
        self.count = 0

    def __enter__(self) -> Reloads:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._write(broken=False)

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Meanwhile the files can be used, whatever version of the policy they hold."""
        with self._lock:
            self._whole = True
            self._write(broken=False)
        try:
            yield
        finally:
            self._whole = False

    @contextmanager
    def still(self) -> Iterator[None]:
        """Meanwhile they stay as they are, and can be used."""
        with self._lock:
            self._write(broken=False)
            yield

    def swap(self) -> str:
        """Have the other policy in the files; its name."""
        with self._lock:
            self._current = SECOND if self._current == FIRST else FIRST
            self._write(broken=False)
            return self._current

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            with self._lock:
                self._write(broken=not self._whole and self._draw.random() < 0.5)
                if self._draw.random() < 0.5:
                    self._gate.hang_up()

    def _write(self, *, broken: bool) -> None:
        self.count += 1
        self._version += 1
        self._gate.write(self._draw.choice(BROKEN) if broken else documents(self._current, self._version))
