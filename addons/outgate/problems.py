"""What is wrong with something a person wrote: where, what, and what to write instead.

Owns the `Problem` record and the two exceptions that carry it. Knows nothing of policy, files or terminals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem matters: an error stops the load, a warning is reported and counted."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file. Lines and columns count from 1; a file as a whole is line 0."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `what` in lower case with the value named, `hint` what to do about it."""

    where: Where
    what: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    field: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        return f"{text}; {self.hint}" if self.hint else text


class PolicyError(Exception):
    """The documents cannot be used. Carries every problem found, errors and warnings, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
