"""Which rule speaks of a value, by where it stands and what it is called: the first that does decides.

Owns the compiled rules for one side of the exchanges that some documents match. Knows no format: where a value stands
is told as carriers and names, and paths as they lead to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from outgate.policy.redaction_model import Carrier, Direction, RedactionRule, Selector, Strategy
from outgate.redact.detect.defaults import EVERY
from outgate.redact.detect.detector import Detector
from outgate.redact.detect.names import Names
from outgate.redact.detect.own import Patterns
from outgate.redact.detect.plain import Plain, plain
from outgate.redact.detect.search import Detectors, Hit
from outgate.redact.leaf import Path
from outgate.redact.naming import Namings
from outgate.redact.quiet import Quiet
from outgate.redact.select import jsonpath, protobuf, template, xpath
from outgate.redact.select.template import Span

PATHED: dict[Carrier, Callable[[str], Callable[[Path], bool]]] = {
    Carrier.JSON_PATH: jsonpath.compiled,
    Carrier.XPATH: xpath.compiled,
    Carrier.PROTOBUF: protobuf.compiled,
}
MOST_NAMES = 8192
"""Whose rule is remembered; a workload chooses them."""


type Number = int
"""Of a rule, in the order in which they decide."""
type Find = tuple[Hit, Number]
"""Something that a detector has found, and the rule that it is for."""


class Pathed(NamedTuple):
    """A selector by path."""

    rule: Number
    carrier: Carrier
    selects: Callable[[Path], bool]


class Searching(NamedTuple):
    """Detectors and patterns, and the rules that each one's finds are for. `within`: the one rule whose places they
    are for."""

    detectors: Detectors
    patterns: Patterns
    within: Number | None = None


class RuleBook:
    """The rules for one side. Of those from `shipped` on, the default ones, the last noun of a name chooses."""

    def __init__(self, rules: Sequence[RedactionRule], side: Direction, shipped: int) -> None:
        numbered = [rule for rule in enumerate(rules) if rule[1].direction in (side, Direction.BOTH)]
        self.rules = tuple(rules)
        self._shipped = shipped
        self._whole = [(number, rule) for number, rule in numbered if not rule.detectors and not rule.patterns]
        self._exact = _by_name(self._whole)
        self._words = Names(_selectors(self._whole, Carrier.KEY))
        self._remembered: dict[tuple[Carrier, str], Number | None] = {}
        self.quiet, self.namings = Quiet(), Namings(self.called)
        self.pathed = _pathed(self._whole)
        self._templates = [(number, template.compiled(each)) for each, number in _selectors(self._whole, Carrier.PATH)]
        self.body = min((number for _, number in _selectors(self._whole, Carrier.BODY)), default=None)
        finding = [(number, rule) for number, rule in numbered if rule.detectors or rule.patterns]
        self.patterned = any(rule.patterns for _, rule in finding)
        """Whether documents write patterns."""
        self._named_by, self._searches = _searches(finding)
        self._places = {number: _Places(rule.selectors) for number, rule in finding if rule.selectors}

    @property
    def placed(self) -> bool:
        """Whether some rule's detectors are for some places alone."""
        return bool(self._places)

    def called(self, carrier: Carrier, name: str) -> Number | None:
        """The rule for a value by its carrier and name. KEY: in a body with names, that is no form and no part."""
        key = carrier, name
        if key not in self._remembered:
            if len(self._remembered) >= MOST_NAMES:
                self._remembered.clear()
            self._remembered[key] = self._called(carrier, name)
        return self._remembered[key]

    def _called(self, carrier: Carrier, name: str) -> Number | None:
        exact = (self._exact.get((carrier, name.lower())), self._exact.get((carrier, EVERY)))
        found = self._words.find(name)
        own = [number for number in found if number < self._shipped]
        return earliest(*exact, min(own) if own else next(iter(found), None))

    def is_shipped(self, number: Number) -> bool:
        """Whether it is one of the default rules, which take what they know by common names."""
        return number >= self._shipped

    def spans(self, path: str) -> list[tuple[Span, Number]]:
        """What templates take of a path, the first that takes something of it deciding."""
        taken: list[tuple[Span, Number]] = []
        for number, spans in self._templates:
            for start, end in spans(path):
                if all(end <= other[0] or start >= other[1] for other, _ in taken):
                    taken.append(((start, end), number))
        return taken

    def found(self, texts: Sequence[str], names: Sequence[str], places: Sequence[Place]) -> list[Find]:
        """What detectors find, each with the rule that decides about it. Nothing overlaps but what stays."""
        return self.without_kept(self.hits(texts, names, places))

    def hits(self, texts: Sequence[str], names: Sequence[str], places: Sequence[Place] = ()) -> list[Find]:
        """The same with what rules keep. `places` matter where some rule is `placed`."""
        hits: list[Find] = []
        if others := plain(texts):
            texts = [others[at].text if at in others else text for at, text in enumerate(texts)]
        for searching in self._searches if texts else ():
            if searching.within is None:
                among, called, chosen = texts, names, None
            else:
                within = self._places[searching.within]
                chosen = [index for index, place in enumerate(places) if within.have(place)]
                among, called = [texts[at] for at in chosen], [names[at] for at in chosen]
            for hit in (*searching.detectors.hits(among, called), *searching.patterns.hits(among)):
                moved = hit if chosen is None else hit.moved(chosen[hit.index])
                hits.append((moved, self._decides(hit.detector, searching.within)))
        return [(_as_written(hit, others), number) for hit, number in hits] if others else hits

    def _decides(self, detector: Detector, within: Number | None) -> Number:
        if within is not None:
            return within
        return min(self._named_by[each] for each in (detector.name, detector.group) if each in self._named_by)

    def without_kept(self, hits: list[Find]) -> list[Find]:
        """What an earlier rule keeps whole, no later one takes."""
        kept: dict[Number, list[Hit]] = {}
        for hit, number in hits:
            if self.keeps(number):
                kept.setdefault(number, []).append(hit)
        covers = {number: _Cover(found) for number, found in kept.items()}
        return [
            (hit, number)
            for hit, number in hits
            if number not in covers
            and not any(earlier < number and cover.has(hit) for earlier, cover in covers.items())
        ]

    def keeps(self, number: Number) -> bool:
        return self.rules[number].replacement.strategy is Strategy.KEEP


class Place(NamedTuple):
    """Where a value stands: what it is called by each carrier, and the ways to it."""

    called: tuple[tuple[Carrier, str], ...] = ()
    paths: tuple[tuple[Carrier, Path], ...] = ()
    in_body: bool = False
    segment: tuple[str, int, int] | None = None
    """The path of a URL, and from where to where in it."""


class _Cover:
    """Some finds, asked which others lie inside of one, in a time that hardly grows with them."""

    def __init__(self, hits: list[Hit]) -> None:
        hits.sort(key=lambda hit: (hit.index, hit.start))
        self._starts = [(hit.index, hit.start) for hit in hits]
        self._ends = list(accumulate(((hit.index, hit.end) for hit in hits), max))

    def has(self, hit: Hit) -> bool:
        at = bisect_right(self._starts, (hit.index, hit.start)) - 1
        return at >= 0 and self._ends[at][0] == hit.index and self._ends[at][1] >= hit.end


class _Places:
    """The places that some selectors mean."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self._bodies = any(each.carrier is Carrier.BODY for each in selectors)
        self._exact = {(each.carrier, each.expression.lower()) for each in selectors}
        self._words = Names((each.expression, True) for each in selectors if each.carrier is Carrier.KEY)
        self._pathed = [
            (each.carrier, PATHED[each.carrier](each.expression)) for each in selectors if each.carrier in PATHED
        ]
        self._templates = [template.compiled(each.expression) for each in selectors if each.carrier is Carrier.PATH]

    def have(self, place: Place) -> bool:
        return (
            (self._bodies and place.in_body)
            or any(self._is_called(*each) for each in place.called)
            or any(of is carrier and selects(path) for of, selects in self._pathed for carrier, path in place.paths)
            or (place.segment is not None and self._has_segment(*place.segment))
        )

    def _is_called(self, carrier: Carrier, name: str) -> bool:
        names = (carrier, name.lower()), (carrier, EVERY)
        return not self._exact.isdisjoint(names) or bool(self._words.find(name))

    def _has_segment(self, path: str, start: int, end: int) -> bool:
        return any(first < end and start < last for spans in self._templates for first, last in spans(path))


def _as_written(hit: Hit, others: Mapping[int, Plain]) -> Hit:
    if (found := others.get(hit.index)) is None:
        return hit
    return Hit(hit.index, *found.span(hit.start, hit.end), hit.detector)


def earliest(*numbers: Number | None) -> Number | None:
    first: Number | None = None
    for number in numbers:
        if number is not None and (first is None or number < first):
            first = number
    return first


def _selectors(rules: Iterable[tuple[Number, RedactionRule]], carrier: Carrier) -> list[tuple[str, Number]]:
    return [(each.expression, number) for number, rule in rules for each in rule.selectors if each.carrier is carrier]


def _by_name(rules: Iterable[tuple[Number, RedactionRule]]) -> dict[tuple[Carrier, str], Number]:
    made: dict[tuple[Carrier, str], Number] = {}
    for number, rule in rules:
        for each in rule.selectors:
            made.setdefault((each.carrier, each.expression.lower()), number)
    return made


def _pathed(rules: Iterable[tuple[Number, RedactionRule]]) -> tuple[Pathed, ...]:
    return tuple(
        Pathed(number, each.carrier, PATHED[each.carrier](each.expression))
        for number, rule in rules
        for each in rule.selectors
        if each.carrier in PATHED
    )


def _searches(rules: Iterable[tuple[Number, RedactionRule]]) -> tuple[dict[str, Number], list[Searching]]:
    """Rules without selectors are searched for at once, each of the others by itself."""
    named_by: dict[str, Number] = {}
    patterns: dict[str, str] = {}
    within: list[Searching] = []
    for number, rule in rules:
        own = {f"pattern/{number}/{at}": pattern for at, pattern in enumerate(rule.patterns)}
        if rule.selectors:
            within.append(Searching(Detectors(rule.detectors), Patterns(own), number))
        else:
            patterns |= own
            for name in (*rule.detectors, *own):
                named_by.setdefault(name, number)
    everywhere = Searching(Detectors(named_by.keys() - patterns.keys()), Patterns(patterns))
    return named_by, [everywhere, *within] if named_by else within
