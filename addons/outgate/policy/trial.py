"""What a gate under a policy would decide about something that a workload says, from its first byte to the verdict.

Owns the sequence that the data plane goes through, for whoever has no connection: how it is met, then how it is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.attempts import Asked, Meeting, meet
from outgate.policy.decide import decide, denial, opaque
from outgate.policy.model import Decision
from outgate.policy.names import Refusal
from outgate.policy.snapshot import Policy
from outgate.policy.steps import Steps


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision, and what it was about: None where it was refused before the policy was asked."""

    decision: Decision
    meeting: Meeting | None


def judged(policy: Policy, asked: Asked, steps: Steps | None = None) -> Outcome:
    """The outcome under a policy. `steps` collects what was looked at."""
    meeting = meet(policy, asked)
    if isinstance(meeting, Refusal):
        return Outcome(denial(policy.defaults, meeting.code, meeting.reason), None)
    return Outcome((opaque if meeting.opaque else decide)(policy, meeting.attempt, steps), meeting)
