"""How patient the gates of two hops are: a gateway tells it, and who forwards to it compares.

A gateway that gives up before the gate in front of it cuts off what that would still have waited for, and nobody who
reads the settings of one of them sees it.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from outgate.settings import Limits

log = logging.getLogger(__name__)

NAMES = ("connect_timeout", "body_timeout", "idle_timeout")
HEADER = "x-outgate-timeouts"
SAID = re.compile(rb"(?i)\r\n" + HEADER.encode() + rb":([^\r\n]*)")
TIME = re.compile(rb"([a-z_]{1,32})=([0-9]{1,9}(?:\.[0-9]{1,6})?)")


def told(limits: Limits) -> bytes:
    """The header by which a gateway tells it, with its end of line."""
    times = ", ".join(f"{name}={getattr(limits, name):.6f}" for name in NAMES)
    return f"{HEADER}: {times}\r\n".encode()


@dataclass(slots=True)
class Patience:
    """What a gate has to say of its gateway's times: each thing once."""

    limits: Limits
    said: set[str] = field(default_factory=set)

    def heard(self, head: bytes) -> None:
        """The head of an answer of the gateway, which the other end may have written as it likes."""
        line = SAID.search(head)
        for name, text in TIME.findall(line[1])[: len(NAMES)] if line is not None else ():
            known = name.decode()
            if known in NAMES and known not in self.said and float(text) < getattr(self.limits, known):
                self.said.add(known)
                why = "the gateway's %s is %g s, below the %g s of this gate, which it cuts short; raise it there"
                log.warning(why, known, float(text), getattr(self.limits, known))
