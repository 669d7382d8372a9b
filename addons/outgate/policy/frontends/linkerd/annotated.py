"""Annotations of EgressNetworks and routes: time limits, retries, failure accrual.

Owns their names, their notation and what they come to in the model. A route's own stand in for its network's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from outgate.policy.frontends.linkerd.resource import APPROXIMATED, Resource
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Outliers, Resilience
from outgate.policy.route_model import Events, RetryPolicy, Route
from outgate.policy.schema import DURATION, DURATION_PART, SECONDS

TIMEOUTS = ("timeout.linkerd.io/request", "timeout.linkerd.io/response", "timeout.linkerd.io/idle")
RETRY = "retry.linkerd.io/"
RETRIES = (f"{RETRY}http", f"{RETRY}grpc", f"{RETRY}limit", f"{RETRY}timeout")
ACCRUAL = "balancer.linkerd.io/failure-accrual"
CONSECUTIVE = f"{ACCRUAL}-consecutive-"
MOST_FAILURES, LEAST, MOST, JITTER = (
    f"{CONSECUTIVE}{name}" for name in ("max-failures", "min-penalty", "max-penalty", "jitter-ratio")
)
KNOWN = (*TIMEOUTS, *RETRIES, ACCRUAL, MOST_FAILURES, LEAST, MOST, JITTER)
GRPC = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
CODES = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", re.ASCII)
FAILURES, SHORTEST, LONGEST = 7, 1.0, 60.0
"""Of failure accrual, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """The annotations that count for one route: its own before its network's."""

    route: Resource
    network: Resource

    def text(self, name: str) -> str:
        return self.route.annotations.get(name) or self.network.annotations.get(name) or ""

    def read[T](self, name: str, make: Callable[[str], T | None], hint: str) -> T | None:
        """A value, or None where there is none, or it cannot be read, which is an error."""
        text = self.text(name)
        if not text:
            return None
        if (value := make(text)) is None:
            owner = self.route if name in self.route.annotations else self.network
            where, path = owner.annotation_place(name)
            owner.reading.error(where, path, f'"{text}" is not valid', hint)
        return value

    def applied(self, route: Route) -> Route:
        """The route with the time limits and retries that are said of it."""
        seconds = [self.read(name, duration, 'write a duration such as "10s"') for name in TIMEOUTS]
        whole = route.timeout or seconds[0] or seconds[1]
        return replace(route, timeout=whole, idle_timeout=seconds[2], retry=self._retry())

    def _retry(self) -> RetryPolicy | None:
        statuses = self.read(f"{RETRY}http", _statuses, 'write "5xx", "gateway-error", a code, or "502-504"')
        grpc = self.read(f"{RETRY}grpc", _grpc, f"write some of {', '.join(GRPC)}")
        if statuses is None and grpc is None:
            return None
        on, codes = statuses or (frozenset(), ())
        return RetryPolicy(
            retries=self.read(f"{RETRY}limit", _count, "write a whole number") or 1,
            on=Events(on | (grpc or frozenset())),
            statuses=codes,
            any_method=True,
            per_try_timeout=self.read(f"{RETRY}timeout", duration, 'write a duration such as "10s"'),
        )


def resilience(network: Resource) -> Resilience:
    """When an address of a network is out of use, and for how long."""
    if not network.annotations.get(ACCRUAL):
        return PLAIN_RESILIENCE
    said = Annotated(network, network)
    said.read(ACCRUAL, lambda text: text if text in ("consecutive", "unified") else None, 'write "consecutive"')
    shortest = said.read(LEAST, duration, 'write a duration such as "1s"') or SHORTEST
    outliers = Outliers(
        consecutive_5xx=said.read(MOST_FAILURES, _count, "write a whole number") or FAILURES,
        interval=1.0,
        base_ejection=shortest,
        maximum_ejection=said.read(MOST, duration, 'write a duration such as "60s"') or LONGEST,
        maximum_percent=100.0,
    )
    return Resilience(outliers=outliers)


def account(resource: Resource, *, network: bool) -> None:
    """Sets aside what has no effect, and warns of what looks like one of these and is none. `network`: the document is
    an EgressNetwork, and no route."""
    for name, text in resource.annotations.items():
        where, path = resource.annotation_place(name)
        if name not in KNOWN:
            resource.reading.set_aside(path, "for other tools")
        elif name == JITTER:
            resource.reading.set_aside(path, "penalties are as long as they are")
        elif name.startswith(ACCRUAL) and not (network and resource.annotations.get(ACCRUAL)):
            why = f"says nothing without {ACCRUAL}" if network else "only what an EgressNetwork has counts"
            resource.reading.set_aside(path, why)
        elif (name, text) in APPROXIMATED:
            resource.reading.warn(where, path, f"{text} is {APPROXIMATED[name, text]}", "write consecutive")
        if name.partition("/")[0].endswith("linkerd.io") and name not in KNOWN:
            resource.reading.warn(where, path, "has no effect here", f"known: {', '.join(KNOWN)}")


def duration(text: str) -> float | None:
    if not DURATION.fullmatch(text):
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in DURATION_PART.findall(text)) or None


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else None


def _grpc(text: str) -> frozenset[str] | None:
    names = frozenset(part.strip() for part in text.split(","))
    return names if names <= set(GRPC) else None


def _statuses(text: str) -> tuple[frozenset[str], tuple[int, ...]] | None:
    """Conditions and codes."""
    on, codes = set[str](), set[int]()
    for part in (part.strip() for part in text.split(",")):
        if part in ("5xx", "gateway-error"):
            on.add(part)
        elif (found := CODES.fullmatch(part)) is not None:
            codes.update(range(int(found[1]), int(found[2] or found[1]) + 1))
        else:
            return None
    return frozenset(on | ({"retriable-status-codes"} if codes else set())), tuple(sorted(codes))
