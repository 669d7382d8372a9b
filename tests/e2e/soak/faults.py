"""What goes wrong in a soak: processes die or hang, origins stand still, names turn, policies change and break.

Owns each fault and its undoing. Whether traffic was judged rightly meanwhile is the client's to say.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from e2e.documents import access, defaults, destination, policy
from e2e.lab.gate import Gate
from e2e.lab.namespaces import METADATA4, Lab
from e2e.lab.origins import LabOrigins

from .oracle import FIRST, SECOND

SETTLED = 4.0
"""Seconds after which a policy is surely in force in every worker, on a busy machine too."""
PLACES = (("93.184.216.10",), ("10.20.0.5",), (METADATA4,), (), ("93.184.216.10", METADATA4))
"""Where the name that turns leads: to its origin, to places that are refused, nowhere, to both."""


def documents(name: str) -> str:
    """The two policies of the table."""
    alone = {
        FIRST: destination("partner.example", ports=("80/HTTP",)),
        SECOND: destination("curious.example", ports=("443/HTTPS",)),
    }
    return policy(
        defaults(mode="REGISTRY_ONLY"),
        destination("api.example", ports=("80/HTTP", "443/HTTPS")),
        destination("private.example", ports=("80/HTTP",)),
        destination("turning.example", ports=("80/HTTP",)),
        access("no-admin", action="DENY", rules=[{"to": [{"paths": ["/admin*"]}]}]),
        alone[name],
    )


class Faults:
    """`once` makes one fault happen. `state` is the file that tells the client which policy is surely in force."""

    def __init__(self, lab: Lab, gate: Gate, origins: LabOrigins, state: Path, seed: int) -> None:
        self.lab, self.gate, self.origins, self.state = lab, gate, origins, state
        self.draw = random.Random(seed)
        self.counted: Counter[str] = Counter()
        self.current = FIRST
        self.kinds: tuple[Callable[[], None], ...] = (
            self.kill_a_worker,
            self.stop_a_worker,
            self.kill_the_supervisor,
            self.stop_the_origins,
            self.turn_the_name,
            self.swap_the_policy,
            self.break_the_policy,
            self.reload_without_end,
        )

    def once(self) -> None:
        fault = self.draw.choice(self.kinds)
        self.counted[fault.__name__] += 1
        fault()

    def kill_a_worker(self) -> None:
        self._signal(signal.SIGKILL)

    def stop_a_worker(self) -> None:
        """It hangs; its supervisor ends it."""
        self._signal(signal.SIGSTOP)

    def kill_the_supervisor(self) -> None:
        """Nobody but a container runtime helps then."""
        assert self.gate.process is not None
        if self.draw.random() < 0.5:
            os.killpg(self.gate.process.pid, signal.SIGKILL)
        else:
            self.gate.process.kill()
        self.gate.process.wait()
        self.gate.start_again()

    def stop_the_origins(self) -> None:
        self.origins.signal(signal.SIGSTOP)
        time.sleep(self.draw.random())
        self.origins.signal(signal.SIGCONT)

    def turn_the_name(self) -> None:
        self.lab.resolve("turning.example", *self.draw.choice(PLACES))

    def swap_the_policy(self) -> None:
        """Under it for long enough that everybody has to know; until then nothing is sure."""
        self.state.write_text("")
        self.current = SECOND if self.current == FIRST else FIRST
        self.gate.write(documents(self.current))
        time.sleep(SETTLED)
        self.state.write_text(self.current)

    def break_the_policy(self) -> None:
        """It stays what it was."""
        self.gate.write(self.draw.choice(["kind: [", "", "kind: EgressDefaults\nspec: {}\n", "\x00"]))
        time.sleep(self.draw.random() * 2)
        self.gate.write(documents(self.current))

    def reload_without_end(self) -> None:
        for _ in range(20):
            self.gate.hang_up()
            time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        workers = self.gate.admin("/status")["workers"]
        if (pid := self.draw.choice(workers)["pid"]) is not None:
            os.kill(pid, number)
