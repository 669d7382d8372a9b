"""Which route an attempt takes: the first of its port's that matches.

Owns matching. What a route makes of a request is `rewriting.py`'s. Expressions are RE2 and compiled once, with the
policy. A port without routes costs nothing, and neither does one whose first route takes everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from operator import attrgetter

import re2

from outgate.policy.conditions import Terms, compile_condition
from outgate.policy.facts import Facts
from outgate.policy.hosts import matches
from outgate.policy.model import Attempt, AttemptKind, Defaults, Destination, Network, Port
from outgate.policy.route_model import NamedMatch, Route, RouteMatch, TextKind, TextMatch, Unmatched
from outgate.policy.steps import Steps

type Text = Callable[[str | None], bool]
"""Whether a text passes; None is one that is not there."""
type Test = Callable[[Seen], bool]

AUTHORITY = ":authority"
WHOLE = -1
"""As the length of what was matched: all of the path."""
IS_HTTP, METHOD, PATH, AS_SAID = map(attrgetter, ("http", "attempt.method", "path", "authority"))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The route that an attempt takes, and what of its path was matched."""

    route: Route
    path: str = ""
    """Without the query, in the form that is compared; empty where no route looked at it."""
    matched: int = 0
    """How much of `path` a prefix stands for; `WHOLE` where the match was by more than a prefix."""
    segments: bool = False
    """The prefix was of whole segments."""


PLAIN = Chosen(Route())
"""As if there were no routes."""
UNKNOWN = Chosen(Route(name="not asked yet"))
OF_LINE = frozenset({"HTTP", "kind", "method", "path"})
KEPT = 256
"""Request lines of which a port remembers the route."""
LONGEST = 256
"""Characters of one of them."""


class Seen(Facts):
    """An attempt as routes see it."""

    @cached_property
    def queries(self) -> dict[str, str]:
        """The first value of each parameter, as it was sent."""
        found: dict[str, str] = {}
        query = self.attempt.path.partition("?")[2].partition("#")[0]
        for part in query.split("&") if query else ():
            name, _, value = part.partition("=")
            found.setdefault(name, value)
        return found

    @cached_property
    def authority(self) -> str | None:
        """With its port where it leaves with one."""
        headers, names = self.attempt.headers, self.names
        return headers.get("host") or headers.get(AUTHORITY) or (names.spellings[0] if names else None)

    def field(self, name: str) -> str | None:
        """A header or pseudo-header."""
        return self.authority if name in (AUTHORITY, "host") else self.header(name)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One match of one route."""

    route: Route
    tests: tuple[Test, ...]
    names: tuple[str, ...]
    """Of what each test is about."""
    path: TextMatch | None
    decided: Chosen | None
    """The same for all that it takes, where nothing asks what of a path was matched."""

    def told(self, seen: Seen) -> str:
        """Whether it takes an attempt, in words."""
        route = f"the route {self.route.name}" if self.route.name else "a route"
        failed = next((name for name, test in zip(self.names, self.tests, strict=True) if not test(seen)), "")
        return f"{route} does not take it, for its {failed}" if failed else f"{route} takes it"

    def takes(self, seen: Seen) -> bool:
        for test in self.tests:  # noqa: SIM110 - a generator costs more than the tests it runs
            if not test(seen):
                return False
        return True

    def chosen(self, seen: Seen) -> Chosen:
        if self.decided is not None:
            return self.decided
        path, match = seen.path or "", self.path
        if match is None or match.negated:
            return Chosen(self.route, path)
        if match.kind is TextKind.PREFIX:
            return Chosen(self.route, path, len(match.value))
        if match.kind is TextKind.SEGMENTS:
            return Chosen(self.route, path, len(_stem(match.value)), segments=True)
        return Chosen(self.route, path, WHOLE)


class Router:
    """The routes of one port. Raises `ValueError` when it is made of what cannot be compared."""

    __slots__ = ("_defaults", "_entries", "_known", "_otherwise", "_plain")

    def __init__(self, port: Port, defaults: Defaults, tests: Tests | None = None) -> None:
        self._defaults = defaults
        self._entries = tuple(_entries(port.routes, tests or Tests(defaults)))
        kept = port.unmatched in (Unmatched.NOT_FOUND, Unmatched.REFUSED)
        self._otherwise = None if port.routes and kept else PLAIN
        self._plain = _plain(self._entries)
        self._known: dict[tuple[str, str], Chosen | None] = {}

    def choose(
        self, attempt: Attempt, destination: Destination | None = None, steps: Steps | None = None
    ) -> Chosen | None:
        """None: no route takes it, and it is not forwarded either."""
        if steps is None and self._plain and attempt.kind is AttemptKind.HTTP:
            line = attempt.method, attempt.path
            known = self._known.get(line, UNKNOWN)
            return known if known is not UNKNOWN else self._by_line(line, attempt, destination)
        return self._asked(attempt, destination, steps)[0]

    def _by_line(self, line: tuple[str, str], attempt: Attempt, destination: Destination | None) -> Chosen | None:
        """Remembered where nothing but these was looked at, for most requests are like one before."""
        chosen, number = self._asked(attempt, destination, None)
        if number < self._plain and len(line[0]) + len(line[1]) <= LONGEST:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[line] = chosen
        return chosen

    def _asked(
        self, attempt: Attempt, destination: Destination | None, steps: Steps | None
    ) -> tuple[Chosen | None, int]:
        """And the number of the match that takes it."""
        seen = Seen(attempt, self._defaults, destination)
        for number, entry in enumerate(self._entries):
            if steps is not None:
                steps.say(entry.told(seen), entry.route.source)
            if entry.takes(seen):
                return None if entry.route.missing else entry.chosen(seen), number
        return self._otherwise, len(self._entries)


class Routers:
    """The routers of all ports of a policy, and of `others`, as long as it is in force."""

    def __init__(self, destinations: Iterable[Destination], defaults: Defaults, others: Iterable[Port] = ()) -> None:
        self._defaults, tests = defaults, Tests(defaults)
        self._settled: dict[int, Chosen] = {}
        self._made: dict[tuple[int, Unmatched | None], Router] = {}
        """By what is the same for a port that stands for every other and for each of those."""
        for destination in destinations:
            for port in destination.ports:
                self._add(port, tests)
        for port in others:
            self._add(port, tests)

    def choose(
        self, port: Port, attempt: Attempt, destination: Destination | None = None, steps: Steps | None = None
    ) -> Chosen | None:
        """What a port does with an attempt. One that is not of this policy is read as it comes."""
        if not port.routes:
            return PLAIN
        router = self._made.get((id(port.routes), port.unmatched))
        if router is not None:
            return router.choose(attempt, destination, steps)
        settled = self._settled.get(id(port.routes[0]))
        if settled is not None:
            return None if settled.route.missing else settled
        return Router(port, self._defaults).choose(attempt, destination, steps)

    def _add(self, port: Port, tests: Tests) -> None:
        if not port.routes:
            return
        first = port.routes[0]
        if _takes_everything(first):
            self._settled.setdefault(id(first), Chosen(first))
        else:
            self._made[id(port.routes), port.unmatched] = Router(port, self._defaults, tests)


def _plain(entries: tuple[_Entry, ...]) -> int:
    """How many of the first matches look at nothing but method and path, the query included."""
    alone = [all(map(_of_line, entry.names)) for entry in entries]
    return alone.index(False) if False in alone else len(alone)


def _of_line(name: str) -> bool:
    return name in OF_LINE or name.startswith("parameter ")


def _takes_everything(route: Route) -> bool:
    """Whether nothing of a request has to be looked at, now or for an answer."""
    return not route.matches and route.rewrite is None and route.redirect is None


def _entries(routes: Iterable[Route], tests: Tests) -> Iterator[_Entry]:
    """Every match in order, up to one that takes everything."""
    for route in routes:
        for match in route.matches or (RouteMatch(),):
            named = tuple(tests.of(match))
            decided = None if route.rewrite or route.redirect else Chosen(route)
            held, names = tuple(test for _, test in named), tuple(name for name, _ in named)
            yield _Entry(route, held, names, match.path, decided)
            if not named:
                return


class Tests:
    """What matches ask, made once for all that ask the same: the routes of a policy are much alike."""

    def __init__(self, defaults: Defaults) -> None:
        terms = Terms(defaults, granting=True)
        self._text, self._field, self._query = cache(_of), cache(_field), cache(_query)
        self._caller = cache(lambda condition: _known(compile_condition(condition, terms)))

    def of(self, match: RouteMatch) -> Iterator[tuple[str, Test]]:
        """What has to hold and what it is about, the cheap before the dear."""
        if match.method or match.scheme or match.path or match.authority or match.headers or match.queries:
            yield "HTTP", IS_HTTP
        yield from self._of_connection(match)
        for what, wanted, read in (
            ("method", match.method, METHOD),
            ("scheme", match.scheme, _scheme),
            ("path", match.path, PATH),
            ("authority", match.authority, AS_SAID),
        ):
            if wanted is not None:
                yield what, self._text(wanted, read)
        for named in match.headers:
            yield f"header {named.name}", self._field(named)
        for named in match.queries:
            yield f"parameter {named.name}", self._query(named)

    def _of_connection(self, match: RouteMatch) -> Iterator[tuple[str, Test]]:
        """What is the same for all requests of one."""
        if match.kinds:
            yield "kind", _among(match.kinds)
        if match.hosts:
            yield "host name", _called(match.hosts)
        if match.networks:
            yield "addresses", _within(match.networks)
        if match.sni:
            yield "server names", _named(match.sni)
        for condition in match.caller:
            yield str(condition.attribute), self._caller(condition)


def _scheme(seen: Seen) -> str | None:
    return seen.header(":scheme")


def _known(test: Callable[[Facts], bool | None]) -> Test:
    return lambda seen: test(seen) is True


def _of(match: TextMatch, read: Callable[[Seen], str | None]) -> Test:
    """The most usual ones are in one piece, for they are asked with every request."""
    value = match.value
    if not (match.negated or match.ignore_case):
        if match.kind is TextKind.EXACT:
            return lambda seen: read(seen) == value
        if match.kind is TextKind.PREFIX and value:
            return lambda seen: (read(seen) or "").startswith(value)
    passes = compiled(match)
    return lambda seen: passes(read(seen))


def _field(named: NamedMatch) -> Test:
    passes, name = compiled(named.match), named.name
    return lambda seen: passes(seen.field(name))


def _query(named: NamedMatch) -> Test:
    passes, name = compiled(named.match), named.name
    return lambda seen: passes(seen.queries.get(name))


def _among(kinds: tuple[AttemptKind, ...]) -> Test:
    return lambda seen: seen.attempt.kind in kinds


def _called(patterns: tuple[str, ...]) -> Test:
    def test(seen: Seen) -> bool:
        host = seen.attempt.host
        return host is not None and any(matches(pattern, host) for pattern in patterns)

    return test


def _within(networks: tuple[Network, ...]) -> Test:
    def test(seen: Seen) -> bool:
        address = seen.dialled_address
        return address is not None and any(address in network for network in networks)

    return test


def _named(patterns: tuple[str, ...]) -> Test:
    def test(seen: Seen) -> bool:
        name = seen.sni
        return bool(name) and any(matches(pattern, name) for pattern in patterns)

    return test


def compiled(match: TextMatch) -> Text:
    """The test of a text that may be absent. Raises `ValueError` for an expression that is none."""
    holds = _holds(match)
    if match.negated:
        return lambda text: text is None or not holds(text)
    return lambda text: text is not None and holds(text)


def _holds(match: TextMatch) -> Callable[[str], bool]:
    if match.kind is TextKind.PRESENT:
        return lambda text: True
    if match.kind is TextKind.REGEX:
        return _expression(match)
    if not match.ignore_case:
        return _literal(match.kind, match.value)
    holds = _literal(match.kind, match.value.lower())
    return lambda text: holds(text.lower())


def _literal(kind: TextKind, value: str) -> Callable[[str], bool]:
    if kind is TextKind.EXACT:
        return lambda text: text == value
    if kind is TextKind.PREFIX:
        return lambda text: text.startswith(value)
    stem = _stem(value)
    below = f"{stem}/"
    return lambda text: text == stem or text.startswith(below)


def _stem(value: str) -> str:
    """A prefix of whole segments without the slash at its end: `/` is one of every path."""
    return value.removesuffix("/")


def _expression(match: TextMatch) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not match.ignore_case
    try:
        pattern = re2.compile(match.value, options)
    except re2.error as error:
        raise ValueError(f"{match.value[:60]!a} is not an RE2 expression") from error
    return lambda text: pattern.fullmatch(_readable(text)) is not None


def _readable(text: str) -> str:
    """RE2 takes no halves of characters, as which bytes that are no UTF-8 stand here."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
