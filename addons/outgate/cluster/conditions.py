"""What became of the gate's own documents, as conditions of their status.

Owns types, reasons and words, and when what stands there is to be replaced. Every gate that goes by the same documents
says the same, so that it does not matter who writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from outgate.cluster.objects import Object
from outgate.problems import Problem, Severity

ACCEPTED, PROGRAMMED = "Accepted", "Programmed"
SHOWN, LONGEST = 5, 1024
"""Problems, and characters, of a message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last load went: what was wrong or doubtful, and whether the documents are in force."""

    problems: tuple[Problem, ...]
    in_force: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of one generation of a document."""

    kind: str
    true: bool
    reason: str
    message: str
    generation: int

    def plain(self, now: datetime, before: Mapping[str, Any] | None) -> dict[str, object]:
        """As the API has it. The time is that of the last change from true to false, or back."""
        status = str(self.true)
        kept = before.get("lastTransitionTime") if before is not None and before.get("status") == status else None
        return {
            "type": self.kind,
            "status": status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.generation,
            "lastTransitionTime": kept or now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def stands_in(self, found: Mapping[str, Any]) -> bool:
        """Whether a condition says this already."""
        said = (found.get("status"), found.get("reason"), found.get("message"), found.get("observedGeneration"))
        return said == (str(self.true), self.reason, self.message, self.generation)


def conditions(objects: Iterable[Object], outcome: Outcome) -> dict[str, tuple[Condition, Condition]]:
    """Of each of the gate's own documents, by its place."""
    wrong = {problem.where.file for problem in outcome.problems if problem.severity is Severity.ERROR}
    return {
        each.file: (_accepted(each, outcome, refused=each.file in wrong), _programmed(each, outcome, wrong))
        for each in objects
        if each.kind.own
    }


def differing(found: Object, wanted: Sequence[Condition]) -> bool:
    """Whether the status has to be written."""
    before = by_type(found)
    return any(not each.stands_in(before.get(each.kind, {})) for each in wanted)


def by_type(found: Object) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("type")): each for each in found.conditions}


def _accepted(found: Object, outcome: Outcome, *, refused: bool) -> Condition:
    severity = Severity.ERROR if refused else Severity.WARNING
    said = [
        problem for problem in outcome.problems if problem.where.file == found.file and problem.severity is severity
    ]
    reason = "Invalid" if refused else "AcceptedWithWarnings" if said else "Accepted"
    return Condition(ACCEPTED, not refused, reason, _message(said) or "it is valid", found.generation)


def _programmed(found: Object, outcome: Outcome, wrong: set[str]) -> Condition:
    if outcome.in_force:
        return Condition(PROGRAMMED, True, "InForce", "the gate goes by it", found.generation)
    if found.file in wrong:
        return Condition(PROGRAMMED, False, "Invalid", "the policy before stays in force", found.generation)
    others = ", ".join(sorted(wrong)[:SHOWN])
    message = f"the policy before stays in force, for others are refused: {others}"[:LONGEST]
    return Condition(PROGRAMMED, False, "OthersInvalid", message, found.generation)


def _message(problems: Sequence[Problem]) -> str:
    """Without the place, which is the document that it stands in."""
    lines = [f"{problem.what}; {problem.hint}" if problem.hint else problem.what for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"and {len(problems) - SHOWN} more")
    return "\n".join(lines)[:LONGEST]
