"""Which verdicts would be others under a policy, counted by what changes and why.

Owns the comparison and the groups, which are bounded, so that a capture of any length takes the same memory.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from outgate.backtest.again import Again, Unasked, Watched, again, as_tls, inside, title, was_judged
from outgate.backtest.doubt import RULED, UNSAID, UNSEEN, Looks, doubts, enforced
from outgate.policy.attempts import Meeting, Way, meet
from outgate.policy.callers import identify
from outgate.policy.decide import Treatment, decide, denial, opaque
from outgate.policy.model import Decision
from outgate.policy.names import Refusal
from outgate.policy.snapshot import Policy
from outgate.redact.redacted import Redacted

MOST = 1000
"""Groups that are told apart."""


class Outcome(NamedTuple):
    """A verdict as it was recorded, or as it would be."""

    verdict: str
    code: str
    rule: str = ""
    """The document behind it."""


class Change(NamedTuple):
    """`doubt`: why it is not certain; empty where it is."""

    was: Outcome
    would: Outcome
    doubt: str = ""


@dataclass(slots=True)
class Group:
    """Exchanges that change alike; `example` is the first."""

    example: str
    id: str
    caller: str
    count: int = 0


@dataclass(slots=True)
class Verdicts:
    """What has been compared. `unsure`: verdicts that stay as they are and hang on what is not known, by why; `apart`:
    exchanges that were not compared, by why; `others`: changes beyond the groups that are told apart."""

    policy: Policy
    way: Way = Way.TRANSPARENT
    same: int = 0
    changes: dict[Change, Group] = field(default_factory=dict)
    unsure: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    others: int = 0
    _looks: Looks = field(init=False)

    def __post_init__(self) -> None:
        self.policy = enforced(self.policy)
        self._looks = Looks.of(self.policy)

    @property
    def changed(self) -> int:
        return sum(group.count for group in self.changes.values()) + self.others

    def add(self, kept: Redacted) -> None:
        said = kept.exchange.verdict
        if not was_judged(said):
            self.apart["it was denied by something else than a policy"] += 1
            return
        try:
            would, doubt = self._judged(again(kept, self.way), said.code)
        except Unasked as error:
            self.apart[str(error)] += 1
            return
        except ValueError:  # of a record that somebody else wrote: text that no request can hold
            self.apart["no request could be like it"] += 1
            return
        was = Outcome("deny" if said.verdict == "deny" else "allow", said.code)
        if _alike(was, would):
            self.same += 1
            if doubt:
                self.unsure[doubt] += 1
        else:
            self._count(Change(was, would, doubt), kept)

    def _judged(self, asked: Again, was: str) -> tuple[Outcome, str]:
        who = identify(self.policy.defaults, asked.asked.caller)
        asked = replace(asked, asked=replace(asked.asked, caller=who))
        meeting = meet(self.policy, asked.asked)
        if isinstance(meeting, Refusal):
            return _outcome(denial(self.policy.defaults, meeting.code, meeting.reason)), ""
        if asked.passed and meeting.treatment is Treatment.DECRYPT:
            would, doubt = self._judged(inside(asked), was)
            certain = would.verdict == "deny" and would.code not in RULED
            return would, doubt or ("" if certain else UNSEEN)
        if asked.bare and not meeting.unread and not self._is_as_tls(asked, was, self._bytes(meeting)):
            return self._bytes(meeting), UNSAID
        watched = Watched(meeting.attempt.headers, asked.hidden.headers)
        attempt = replace(meeting.attempt, headers=watched)
        decision = (opaque if meeting.opaque else decide)(self.policy, attempt)
        return _outcome(decision), next(doubts(self.policy, self._looks, asked, decision, watched, was), "")

    def _is_as_tls(self, asked: Again, was: str, bare: Outcome) -> bool:
        """Whether bytes would fare the same for certain if they were TLS."""
        would, doubt = self._judged(as_tls(asked), was)
        return would[:2] == bare[:2] and doubt != UNSEEN

    def _bytes(self, meeting: Meeting) -> Outcome:
        return _outcome(decide(self.policy, meeting.attempt))

    def _count(self, change: Change, kept: Redacted) -> None:
        if change not in self.changes:
            if len(self.changes) >= MOST:
                self.others += 1
                return
            exchange = kept.exchange
            self.changes[change] = Group(title(exchange), exchange.id, exchange.caller)
        self.changes[change].count += 1


def _outcome(decision: Decision) -> Outcome:
    return Outcome(str(decision.verdict), str(decision.code), str(decision.source) if decision.source else "")


def _alike(was: Outcome, would: Outcome) -> bool:
    """Whether a workload is told the same: what passes passes, what is denied is denied for the same reason."""
    return was.verdict == would.verdict and (was.verdict == "allow" or was.code == would.code)
