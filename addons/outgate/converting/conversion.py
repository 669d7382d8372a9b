"""A loaded policy written in native kinds, and the proof that it is the same.

Owns the order of the documents and what is told of what has no native words. Nothing is lost in silence: what was
written is read again, and whatever the two policies do not have in common is a problem at its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from outgate.converting import access, defaults, destinations
from outgate.converting.naming import Destinations, Names
from outgate.converting.sameness import differences
from outgate.converting.values import Unwritable
from outgate.converting.writing import Written, text
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import Document, Node, parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.native.resource import GROUP
from outgate.policy.kinds import NATIVE
from outgate.policy.model import Destination, Source
from outgate.policy.overlay import overlay, source
from outgate.policy.snapshot import Policy
from outgate.problems import PolicyError, Problem, Severity, Where

AS_THEY_ARE = ("EgressTelemetry", "EgressRedaction", "EgressCapture")
"""Native kinds of which no mesh has anything: their documents are written as they were read."""
KEPT = "keep its documents as they are, or load both"


@dataclass(frozen=True, slots=True)
class Converted:
    """The text, and what is to be said of it. With an error among the problems it is not the same policy."""

    text: str
    problems: tuple[Problem, ...]

    @property
    def whole(self) -> bool:
        return all(problem.severity is not Severity.ERROR for problem in self.problems)


def convert(policy: Policy, documents: Iterable[Document], setting: Setting, file: str) -> Converted:
    """A policy and the documents it was made of, in native kinds, as they would stand in `file`."""
    problems: list[Problem] = []
    made = list(_documents(policy, documents, setting, problems))
    content, lines = text(made)
    foreign = list(_foreign(policy))
    problems += foreign
    if not any(problem.severity is Severity.ERROR for problem in problems):
        problems += _unproved(policy, content, _Origins(made, lines, file), setting, telemetry=not foreign)
    return Converted(content, tuple(problems))


def _documents(
    policy: Policy, documents: Iterable[Document], setting: Setting, problems: list[Problem]
) -> Iterator[Written]:
    names = Names()
    yield from defaults.documents(policy.defaults, policy.scopes, setting.gate.namespace, names)
    known = Destinations(policy.destinations, names)
    for each in policy.destinations:
        yield from _of_destination(each, known, names, problems)
    yield from access.documents(policy.access, known, names)
    kept, _, _ = overlay(documents, setting.gate.namespace)
    for document in kept:
        if document.group == GROUP and document.kind in AS_THEY_ARE:
            yield Written(_plain(document.root), (source(document),))


def _of_destination(said: Destination, known: Destinations, names: Names, problems: list[Problem]) -> Iterator[Written]:
    try:
        made = [destinations.document(said, known.reference(said)), *destinations.traffic(said, known, names)]
    except Unwritable as error:
        source = error.source or said.source
        field = f"{source.field}: " if source.field else ""
        what = f"{field}{source.kind} {source.name} has no native form: {error}"
        problems.append(Problem(source.where, what, error.hint, field=source.field))
        return
    yield from made


def _plain(node: Node) -> Any:
    """A document as data."""
    if isinstance(node.data, dict):
        return {key: _plain(value) for key, value in node.mapping.items()}
    return [_plain(each) for each in node.sequence] if isinstance(node.data, list) else node.data


def _foreign(policy: Policy) -> Iterator[Problem]:
    """Telemetry of meshes: it decides nothing, and is not written."""
    found = {(each.kind, each.namespace, each.name): each for each in reversed(list(_sources(policy.telemetry)))}
    for each in reversed(found.values()):
        if each.kind not in NATIVE:
            what = f"{each.kind} {each.name}: telemetry is not converted"
            yield Problem(each.where, what, "write an EgressTelemetry, or keep the document", Severity.WARNING)


def _sources(value: Any) -> Iterator[Source]:
    if isinstance(value, Source):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _sources(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _sources(each)


@dataclass(frozen=True, slots=True)
class _Origins:
    """Where what is written in a line came from."""

    documents: list[Written]
    lines: list[int]
    file: str

    def of(self, line: int) -> Where:
        place = bisect_right(self.lines, line) - 1
        sources = self.documents[place].sources if place >= 0 else ()
        return sources[0].where if sources else Where(self.file, line)


def _unproved(
    policy: Policy, content: str, origins: _Origins, setting: Setting, *, telemetry: bool
) -> Iterator[Problem]:
    """What the text does not say as the policy does."""
    try:
        again = compile_policy(parse(content, origins.file), setting)
    except PolicyError as error:
        for each in error.problems:
            if each.severity is Severity.ERROR:
                where, what = origins.of(each.where.line), f"has no native form: {each.what}"
                yield Problem(where, what, each.hint or KEPT)
        return
    for found, field in dict.fromkeys(differences(policy, again, telemetry=telemetry)):
        who = f"{found.kind} {found.name}" if found is not None else "the policy"
        where = found.where if found is not None else Where(origins.file)
        yield Problem(where, f"{who}: {field} would not be the same in native kinds", KEPT)
