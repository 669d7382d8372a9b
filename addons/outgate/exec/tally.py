"""What a command tried, by place and verdict: the access log and the refused lookups, counted.

Owns the reading of log lines and the bound on how many places are kept. It is the stream that the access log is written
to, so that the summary tells what a log would. Prints nothing.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from outgate.policy.model import Code, Verdict

MOST = 200
"""Places that are told apart; what comes on top is counted together."""
UNREGISTERED = frozenset({Code.UNREGISTERED, Code.PORT_UNREGISTERED, Code.NOT_EXPORTED})
"""Denials that a further entry ends."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One place and what became of attempts to reach it. Port 0: it was looked up, and no further."""

    host: str
    port: int
    verdict: str
    code: str
    why: str
    """Of a denial or a failure; empty where all went well."""

    @property
    def missing(self) -> str:
        """What would have to be allowed, as `--allow` takes it; empty where that would not help."""
        if self.verdict != Verdict.DENY or self.code not in UNREGISTERED or not self.host:
            return ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in (0, 80, 443) else f"{host}:{self.port}"


class Tally(io.RawIOBase):
    """Counts. `name` gives the name behind an address of the command's resolver."""

    def __init__(self, name: Callable[[str], str]) -> None:
        self.name = name
        self.counts: Counter[Entry] = Counter()
        self.lookups: Counter[tuple[str, int]] = Counter()
        self.further = 0
        """Attempts that are not told apart any more."""

    def writable(self) -> bool:
        return True

    def write(self, text: Any) -> int:
        for line in bytes(text).splitlines():
            self._count(self._entry(orjson.loads(line)))
        return len(text)

    def unknown(self, host: str, kind: int) -> None:
        """A name that was looked up and is not registered."""
        if (host, kind) in self.lookups or len(self.lookups) < MOST:
            self.lookups[host, kind] += 1
        else:
            self.further += 1

    def entries(self) -> list[tuple[Entry, int]]:
        """With how often each was tried, in the order of the first time, refused lookups last.

        One lookup asks for several types of record; it counts once.
        """
        looked: dict[str, int] = {}
        for (host, _), count in self.lookups.items():
            looked[host] = max(count, looked.get(host, 0))
        why = "not registered, so its name is not resolved"
        refused = [(Entry(host, 0, "deny", str(Code.UNREGISTERED), why), count) for host, count in looked.items()]
        return [*self.counts.items(), *refused]

    def _count(self, entry: Entry) -> None:
        if entry in self.counts or len(self.counts) < MOST:
            self.counts[entry] += 1
        else:
            self.further += 1

    def _entry(self, line: dict[str, Any]) -> Entry:
        address = line.get("address", "")
        host = line.get("host") or self.name(address) or address
        verdict, code, failure = line["verdict"], line["code"], line.get("failure", "")
        why = failure
        if verdict == Verdict.DENY:
            why = line.get("help") or f"{line.get('reason') or code}{_by(line)}"
        elif line.get("would"):
            why = f"would be denied: {line['would']}"
        return Entry(host, line.get("port", 0), verdict, code, why)


def _by(line: dict[str, Any]) -> str:
    """The document, where a rule of it refused: for what is not registered it only says that this is so."""
    return f", by {line['rule']}" if line["code"] == Code.REFUSED_BY_RULE and line.get("rule") else ""
