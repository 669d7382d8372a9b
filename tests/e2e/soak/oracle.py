"""What has to become of each request, under each policy: a table, and the judge of what did become of it.

Shares nothing with the gate, not even its words for protocols: two policies are written here by hand, and so is what
they allow. Imported by the client in the pod, hence of the standard library alone.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST, SECOND = "first", "second"
VERDICTS = {
    "unregistered",
    "port_unregistered",
    "refused_by_rule",
    "names_disagree",
    "protocol_mismatch",
    "not_exported",
    "policy_failure",
}
"""Codes with which the gate says no by its policy; any other says that something could not be reached."""


@dataclass(frozen=True)
class Case:
    """A request. `host` is what is dialled and said; `said` is another `Host`, where a workload lies."""

    name: str
    host: str
    allowed: frozenset[str] = frozenset()
    """The policies under which it gets through."""
    tls: bool = False
    path: str = "/hello"
    said: str = ""
    faulty: bool = False
    """The origin fails on purpose, or its name leads where nothing may be dialled."""
    cut: bool = False
    """The origin resets the connection in the middle of its answer."""
    patience: float = 8.0
    """Seconds after which the workload gives up."""


BOTH = frozenset({FIRST, SECOND})
CASES = (
    Case("plain", "api.example", BOTH),
    Case("decrypted", "api.example", BOTH, tls=True),
    Case("ruled out", "api.example", path="/admin/users"),
    Case("ruled out, decrypted", "api.example", tls=True, path="/admin/users"),
    Case("first alone", "partner.example", frozenset({FIRST})),
    Case("second alone", "curious.example", frozenset({SECOND}), tls=True),
    Case("never", "forbidden.example"),
    Case("never, in TLS", "forbidden.example", tls=True),
    Case("never, metadata", "metadata.example"),
    Case("never, private", "private.example", faulty=True),
    Case("a name that turns", "turning.example", BOTH, faulty=True),
    Case("names that disagree", "api.example", tls=True, said="forbidden.example"),
    Case("an origin that closes", "api.example", BOTH, path="/close", faulty=True),
    Case("an origin that resets", "api.example", BOTH, path="/cut", faulty=True, cut=True),
    Case("an origin that hangs", "api.example", BOTH, path="/hang", faulty=True, patience=0.3),
    Case("an origin that waits", "api.example", BOTH, path="/slow?s=0.3"),
)


@dataclass(frozen=True)
class Outcome:
    """What came back. `code` is the gate's, where the answer is a denial of its own; status 0 is not even a head."""

    status: int
    code: str = ""
    whole: bool = True
    """As far as its head promised."""

    def __str__(self) -> str:
        cut = "" if self.whole else "cut off"
        return " ".join(filter(None, (str(self.status) if self.status else "nothing", self.code, cut)))


def wrong(case: Case, policy: str, outcome: Outcome) -> str | None:
    """What is wrong with an outcome, or None. `policy` is empty while either may be in force."""
    may = bool(case.allowed) if not policy else policy in case.allowed
    must = case.allowed == BOTH or (bool(policy) and may)
    if outcome.status == 200 and not may:
        return "it got through"
    if outcome.status == 200 and outcome.whole and case.cut:
        return "it was cut off and looked whole"
    if must and outcome.code in VERDICTS:
        return f"it was denied as {outcome.code}"
    return None
