"""Whether a fault or a rate limit is about an attempt, and by which values a limit tells attempts apart.

Owns the reading of their conditions. What then happens is for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from outgate.policy.conditions import Terms, compile_condition
from outgate.policy.model import Attempt, AttemptKind, Defaults
from outgate.policy.route_model import Fault, LimitBy, LimitPart, NamedMatch, RateLimit
from outgate.policy.routing import Seen, compiled

type Item = Fault | RateLimit
type Test = Callable[[Seen], bool]

KEPT = 4096
LONGEST = 128
"""Characters of a value that is remembered as it is."""


@dataclass(slots=True)
class Applying:
    """The conditions of faults and limits, compiled once for each. They are held, so that their ids stay theirs."""

    defaults: Defaults = field(default_factory=Defaults)
    _known: dict[int, tuple[Item, tuple[Test, ...]]] = field(default_factory=dict)

    def about(self, item: Item, seen: Seen) -> bool:
        if not (item.caller or item.headers):
            return True
        return all(test(seen) for test in self._tests(item))

    def _tests(self, item: Item) -> tuple[Test, ...]:
        known = self._known.get(id(item))
        if known is not None:
            return known[1]
        if len(self._known) >= KEPT:
            self._known.clear()
        made = tuple(_tests(item, self.defaults))
        self._known[id(item)] = item, made
        return made


def values_of(limit: RateLimit, attempt: Attempt) -> tuple[str, ...] | None:
    """What has a bucket of its own; None where the attempt lacks one of the parts, so that it is not limited."""
    found = []
    for part in limit.by:
        value = _value(part, attempt)
        if not value:
            return None
        found.append(value if len(value) <= LONGEST else _short(value))
    return tuple(found)


def _short(value: str) -> str:
    """Tells a long value from others: many are remembered, and workloads choose how long theirs are."""
    return blake2b(value.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _tests(item: Item, defaults: Defaults) -> Iterator[Test]:
    terms = Terms(defaults, granting=True)
    for condition in item.caller:
        yield _known(compile_condition(condition, terms))
    for named in item.headers:
        yield _field(named)


def _known(test: Callable[[Seen], bool | None]) -> Test:
    return lambda seen: test(seen) is True


def _field(named: NamedMatch) -> Test:
    passes, name = compiled(named.match), named.name
    return lambda seen: passes(seen.field(name))


def _value(part: LimitPart, attempt: Attempt) -> str | None:
    caller = attempt.caller
    match part.by:
        case LimitBy.CALLER:
            account = f"{caller.namespace}/{caller.service_account}" if caller.service_account else ""
            return caller.principal or account or caller.address
        case LimitBy.SOURCE_IP:
            return caller.address
        case LimitBy.HEADER:
            return attempt.headers.get(part.name)
        case LimitBy.HOST:
            return attempt.host or attempt.address
        case LimitBy.METHOD:
            return attempt.method if attempt.kind is AttemptKind.HTTP else None
        case LimitBy.PATH:
            return attempt.path.partition("?")[0] if attempt.kind is AttemptKind.HTTP else None
