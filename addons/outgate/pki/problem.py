"""The exceptions of this package. Owns how a certificate problem is raised; `outgate.problems` owns what it says."""

from __future__ import annotations

from pathlib import Path

from outgate.problems import Problem, Where


class CertificateProblem(ValueError):
    """A certificate, a key or an authority cannot be used. `problem` names the file and what to do."""

    def __init__(self, where: Path | str | Where, what: str, hint: str = "") -> None:
        self.problem = Problem(where if isinstance(where, Where) else Where(str(where)), what, hint)
        super().__init__(str(self.problem))


class Exists(CertificateProblem):
    """A file stands where one was to be written."""


class Unreadable(CertificateProblem):
    """A file is absent, cannot be opened, or does not hold what its name promises."""
