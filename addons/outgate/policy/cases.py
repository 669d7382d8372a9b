"""Policy unit tests: what a file of cases says, and whether a policy does as it says.

Owns the shape of a case, the comparison and the words of a difference. Knows no files and prints nothing; the verdict
is the one that the data plane would give.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

from outgate.policy.attempts import Asked, Way, asked_of
from outgate.policy.callers import identify
from outgate.policy.documents import Node, parse
from outgate.policy.model import Code, Decision, Identity, Source
from outgate.policy.schema import Choice, Field, Fields, Integer, Mapping, Reading, Record, Sequence, Text
from outgate.policy.snapshot import Policy
from outgate.policy.trial import judged
from outgate.policy.urls import UrlError, parse_url
from outgate.problems import PolicyError, Problem, Where

type Known = Callable[[str | None], Identity]
"""Who is meant by `NAMESPACE/SERVICEACCOUNT`; for None, the gate's own workload."""

ANY_METHOD = "GET"
"""For `tls://` and `tcp://`, where the method is of no account."""


@dataclass(frozen=True, slots=True)
class Ip:
    """An IP address, canonical."""

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        try:
            return str(ip_address(node.data if isinstance(node.data, str) else ""))
        except ValueError:
            reading.error(node.where, path, f'"{node.data}" is not an IP address', "write one, such as 192.0.2.7")
            return None


CASE = Fields(
    {
        "name": Field(Text(empty=False)),
        "request": Field(Text(empty=False), required=True),
        "as": Field(Text(r"[^/\s]+(/[^/\s]+)?", "write NAMESPACE/SERVICEACCOUNT")),
        "labels": Field(Mapping(Text())),
        "uid": Field(Integer(0)),
        "from": Field(Ip()),
        "to": Field(Ip()),
        "headers": Field(Mapping(Text())),
        "mode": Field(Choice(tuple(Way))),
        "expect": Field(Choice(("allow", "deny"), fold=True), required=True),
        "code": Field(Choice(tuple(Code))),
        "reason": Field(Text(empty=False)),
        "rule": Field(Text(empty=False)),
        "destination": Field(Text(empty=False)),
    }
)
FILE = Fields({"cases": Field(Sequence(CASE, least=1), required=True)})


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what is expected of it. `record` keeps where each part of it stands."""

    method: str
    url: str
    record: Record

    @property
    def where(self) -> Where:
        return self.record.where

    @property
    def title(self) -> str:
        return str(self.record.get("name") or self.record.get("request"))


@dataclass(frozen=True, slots=True)
class Result:
    """A case that was judged. `differences` is empty where everything is as expected."""

    case: Case
    decision: Decision
    differences: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        return not self.differences


def read_cases(text: str, file: str) -> list[Case]:
    """The cases of one file. Raises `PolicyError` with every problem."""
    reading = Reading("cases")
    found: list[Case] = []
    for document in parse(text, file):
        record = FILE.read(document.root, "", reading)
        cases = record.get("cases", ()) if record is not None else ()
        found += filter(None, (_case(case, reading) for case in cases))
    if not found and not reading.failed:
        reading.error(Where(file), "", "there are no cases here", "write some under cases:")
    if reading.failed:
        raise PolicyError(reading.problems)
    return found


def _case(record: Record, reading: Reading) -> Case | None:
    """A case whose request can be asked, or None, with the problem reported."""
    words = str(record.get("request", "")).split()
    if not words:
        return None
    where, path = record.at("request"), record.under("request")
    if len(words) > 2:
        reading.error(where, path, f"{len(words)} words", 'write METHOD URL, such as "GET https://api.example.com/"')
        return None
    url = words[-1]
    try:
        scheme = parse_url(url).scheme
    except UrlError as error:
        reading.error(where, path, str(error))
        return None
    if len(words) == 1 and scheme in ("http", "https"):
        reading.error(where, path, "the method is missing", f'write one, such as "GET {url}"')
        return None
    if "to" in record and record.get("mode", Way.TRANSPARENT) != Way.TRANSPARENT:
        what = f"is for mode transparent; in mode {record.get('mode')} a workload dials the gate"
        reading.error(record.at("to"), record.under("to"), what, "remove it")
        return None
    return Case(words[0] if len(words) == 2 else ANY_METHOD, url, record)


def caller_of(case: Case, known: Known) -> Identity:
    """Who calls: the gate's own workload, but for what the case says."""
    record, caller = case.record, known(case.record.get("as"))
    if "labels" in record:
        caller = replace(caller, labels=tuple(sorted(record.get("labels").items())), how="declared")
    return replace(caller, uid=record.get("uid", caller.uid), address=record.get("from", caller.address))


def asked(case: Case, caller: Identity, way: Way) -> Asked:
    """What the workload says. `way` holds where the case names no mode."""
    record = case.record
    headers = record.get("headers", {}).items()
    return asked_of(case.method, case.url, caller, record.get("to"), headers, Way(record.get("mode", way)))


def judge(policy: Policy, case: Case, known: Known, way: Way) -> Result:
    """What a policy makes of a case."""
    caller = identify(policy.defaults, caller_of(case, known))
    decision = judged(policy, asked(case, caller, way)).decision
    return Result(case, decision, tuple(_differences(policy, case.record, decision)))


def _differences(policy: Policy, wanted: Record, decision: Decision) -> Iterator[Problem]:
    """Where the verdict is another, that alone is told: the rest follows from it."""
    said = f"{decision.verdict} {decision.code}: {decision.reason}"
    if (expected := wanted.get("expect", decision.verdict)) != decision.verdict:
        behind = f"see {decision.source}" if decision.source else "no document is behind it"
        yield _difference(wanted, "expect", f"{expected} is expected, and it is {said}", behind)
        return
    if (code := wanted.get("code", decision.code)) != decision.code:
        yield _difference(wanted, "code", f"{code} is expected, and it is {said}")
    if "reason" in wanted and not _reasoned(wanted.get("reason"), decision):
        yield _difference(wanted, "reason", f'"{wanted.get("reason")}" is expected, and it is {said}')
    if "rule" in wanted and not is_called(decision.source, wanted.get("rule")):
        behind = f"it is {decision.source}" if decision.source else "there is none"
        what = f"{wanted.get('rule')} is expected behind the verdict, and {behind}"
        yield _difference(wanted, "rule", what, _likely(wanted.get("rule"), sources(policy)))
    reached = decision.destination.source if decision.destination else None
    if "destination" in wanted and not is_called(reached, wanted.get("destination")):
        what = f"{wanted.get('destination')} is expected to be meant, and it is {reached or 'none'}"
        hint = _likely(wanted.get("destination"), (each.source for each in policy.destinations))
        yield _difference(wanted, "destination", what, hint)


def _difference(wanted: Record, field: str, what: str, hint: str = "") -> Problem:
    title = wanted.get("name") or wanted.get("request")
    return Problem(wanted.at(field), f"{title}: {what}", hint, field=wanted.under(field))


def _reasoned(wanted: str, decision: Decision) -> bool:
    """The code, or words of the reason."""
    if wanted in list(Code):
        return wanted == decision.code
    return wanted.casefold() in decision.reason.casefold()


def is_called(source: Source | None, name: str) -> bool:
    """Whether a document goes by a name: `NAME`, `NAMESPACE/NAME`, or either after `KIND `."""
    return source is not None and name in _names(source)


def sources(policy: Policy) -> Iterator[Source]:
    """Every document that may be behind a verdict."""
    yield from (destination.source for destination in policy.destinations)
    yield from (rules.source for layer in policy.access for rules in layer.policies)
    yield from (scope.source for scope in policy.scopes if scope.source)
    yield from (source for source in (policy.defaults.mode_source, policy.defaults.source) if source)


def _names(source: Source) -> tuple[str, ...]:
    full = f"{source.namespace}/{source.name}"
    return source.name, full, f"{source.kind} {source.name}", f"{source.kind} {full}"


def _likely(name: str, known: Iterable[Source]) -> str:
    """A suggestion where no document goes by a name."""
    names = [spelling for source in known for spelling in _names(source)]
    if name in names:
        return ""
    close = difflib.get_close_matches(name, names, 1, 0.6)
    return f'did you mean "{close[0]}"?' if close else "no document goes by that name"
