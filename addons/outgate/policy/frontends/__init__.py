"""One front-end a mesh: its own validation, selection, order and merge, and out comes the same small model.

Owns what a front-end is given and what it returns. Adding a mesh is adding a module that has a `Frontend`, and one
line in `compile.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from outgate.policy.access_model import AccessPolicy
from outgate.policy.documents import Document
from outgate.policy.model import Destination, Fate, FieldReport, Gate, Scope, Source, Via
from outgate.policy.redaction_model import KeepingPolicy
from outgate.policy.schema import Reading
from outgate.policy.telemetry_model import TelemetryPolicy
from outgate.problems import Problem


def unjudged(said: TelemetryPolicy | KeepingPolicy) -> Iterable[Problem]:
    """Where nobody who carries it out is asked: they judge it themselves when they do."""
    return ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for the whole load."""

    gate: Gate = field(default_factory=Gate)
    strict: bool = True
    kuma_dialect: str = "kuma-2.14"
    """Which of Kuma's APIs its documents are written for."""
    kuma_role: str = "both"
    """Which of Kuma's proxies the gate stands for: `sidecar`, `egress` or `both`."""
    kuma_secrets: str = "/var/run/secrets/kuma"
    """A directory with a file for each of Kuma's secrets."""
    ways: tuple[Via, ...] = ()
    """Ways out that the gate has beside the direct one, the usual one first."""
    is_gateway: bool = False
    osm_secrets: str = "/var/run/secrets/osm"
    """A directory with a directory `NAMESPACE/NAME` for each of osm-edge's secrets."""
    istio_secrets: str = "/var/run/secrets/istio"
    """A directory with a directory for each secret that a `credentialName` names."""
    telemetry_faults: Callable[[TelemetryPolicy], Iterable[Problem]] = unjudged
    """What outputs could not carry out of it: operators of formats, filters in CEL, targets."""
    redaction_faults: Callable[[KeepingPolicy], Iterable[Problem]] = unjudged
    """What redaction could not carry out of it: selectors that cannot be read, detectors that are not there."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value for one field of `Defaults`, and who says so."""

    value: Any
    source: Source


@dataclass(frozen=True, slots=True)
class Inert:
    """A document, or a part of one, that could be read and yet has no effect at this gate."""

    reading: Reading
    path: str
    """Of the field that has none, with all that is in it; empty for the whole document."""
    reason: str

    def reports(self) -> Iterator[FieldReport]:
        for report in self.reading.fields:
            rest = report.path.removeprefix(self.path)
            if not self.path or (rest != report.path and rest[:1] in ("", ".", "[")):
                yield report


@dataclass(slots=True)
class Contribution:
    """What one mesh's documents come to."""

    defaults: dict[str, list[Override]] = field(default_factory=dict)
    """By field name of `Defaults`; list-valued fields are joined, two different scalars are a load error."""
    destinations: list[Destination] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    access: list[AccessPolicy] = field(default_factory=list)
    telemetry: TelemetryPolicy = field(default_factory=TelemetryPolicy)
    keeping: KeepingPolicy = field(default_factory=KeepingPolicy)
    problems: list[Problem] = field(default_factory=list)
    fields: list[FieldReport] = field(default_factory=list)
    replaced: list[tuple[Source, Source]] = field(default_factory=list)
    """Winner and loser, for each value of the mesh's own that a later policy directory replaced."""
    inert: list[Inert] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    """Of documents that say by themselves what of them has no effect."""

    def account(self) -> Iterator[FieldReport]:
        """What became of every field, now that it is known which of them have no effect after all."""
        aside = (Inert(reading, path, why) for reading in self.readings for path, why in reading.aside)
        reasons = {id(report): one.reason for one in (*aside, *self.inert) for report in one.reports()}
        for report in self.fields:
            reason = reasons.get(id(report))
            without = reason is not None and report.fate in (Fate.APPLIED, Fate.APPROXIMATED)
            yield replace(report, fate=Fate.IGNORED, note=reason or "") if without else report


class Frontend(Protocol):
    """One mesh. `claims` is asked once a document; a document that nobody claims is an error."""

    mesh: str

    def claims(self, document: Document) -> bool: ...

    def translate(self, documents: list[Document], setting: Setting) -> Contribution: ...
