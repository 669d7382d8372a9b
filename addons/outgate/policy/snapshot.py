"""One compiled policy: immutable, swapped as a whole, and asked by everything that decides.

Owns what belongs to a generation and the bounded caches that live and die with it. Knows no documents and no traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache

from outgate.policy.access_model import AccessLayer, Action, Attribute, Condition
from outgate.policy.forwarding import timed
from outgate.policy.model import Attempt, Defaults, Destination, FieldReport, Gate, Identity, Port, Scope, Source
from outgate.policy.redaction_model import KeepingPolicy
from outgate.policy.registry import Registry
from outgate.policy.routing import Chosen, Routers
from outgate.policy.rules import conditions_of
from outgate.policy.sight import Sight, sight
from outgate.policy.steps import Steps
from outgate.policy.telemetry_model import CallerTelemetry, TelemetryPolicy
from outgate.policy.telemetry_rules import telemetry_of
from outgate.problems import Problem

CALLERS = 1024
"""Kinds of caller of whom is remembered what they see and how they are recorded."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decisions need. Two policies made from the same documents have the same generation."""

    generation: str
    """First 12 hexadecimal digits of a SHA-256."""
    defaults: Defaults = field(default_factory=Defaults)
    destinations: tuple[Destination, ...] = ()
    scopes: tuple[Scope, ...] = ()
    access: tuple[AccessLayer, ...] = ()
    gate: Gate = field(default_factory=Gate)
    problems: tuple[Problem, ...] = ()
    """Warnings."""
    fields: tuple[FieldReport, ...] = ()
    overridden: tuple[tuple[Source, Source], ...] = ()
    """Winner and loser, for each document that a later policy directory replaced."""
    telemetry: TelemetryPolicy = field(default_factory=TelemetryPolicy)
    keeping: KeepingPolicy = field(default_factory=KeepingPolicy)
    now: Callable[[], datetime] = field(default=utc_now, compare=False)
    registry: Registry = field(init=False, compare=False, repr=False)
    routers: Routers = field(init=False, compare=False, repr=False)
    handed_on: dict[int, Port] = field(init=False, compare=False, repr=False)
    """Ports with routes as they are for what the gateway takes on, by the identity of their routes."""
    judges_paths: bool = field(init=False, compare=False)
    """Some rule that is enforced, or some redaction of live messages, looks at paths."""
    _sights: Callable[[str, tuple[tuple[str, str], ...]], Sight] = field(init=False, compare=False, repr=False)
    _recorded: Callable[[str, tuple[tuple[str, str], ...]], CallerTelemetry] = field(
        init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        handed_on = timed(self.destinations, self.defaults)
        for name, value in (
            ("registry", Registry(self.destinations)),
            ("routers", Routers(self.destinations, self.defaults, handed_on.values())),
            ("handed_on", handed_on),
            ("judges_paths", _judges_paths(self.access) or _redacts_by_paths(self.keeping)),
            ("_sights", self._remembering()),
            ("_recorded", self._recording()),
        ):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[type[Policy], tuple[object, ...]]:
        """As what it was made of, for another process of the same program."""
        return Policy, tuple(getattr(self, entry.name) for entry in fields(self) if entry.init)

    def sight(self, caller: Identity) -> Sight:
        """What a caller sees, and the mode that holds for it."""
        return self._sights(caller.namespace, caller.labels)

    def route(
        self, port: Port, attempt: Attempt, destination: Destination | None = None, steps: Steps | None = None
    ) -> Chosen | None:
        """The route that an allowed attempt takes at a port; None where none takes it and it is refused."""
        return self.routers.choose(port, attempt, destination, steps)

    def telemetry_of(self, caller: Identity) -> CallerTelemetry:
        """How a caller's attempts are logged, counted and traced."""
        return self._recorded(caller.namespace, caller.labels)

    def _remembering(self) -> Callable[[str, tuple[tuple[str, str], ...]], Sight]:
        scopes, defaults, gate = self.scopes, self.defaults, self.gate

        @lru_cache(CALLERS)
        def remembered(namespace: str, labels: tuple[tuple[str, str], ...]) -> Sight:
            return sight(scopes, defaults, gate, Identity(namespace=namespace, labels=labels))

        return remembered

    def _recording(self) -> Callable[[str, tuple[tuple[str, str], ...]], CallerTelemetry]:
        telemetry, gate = self.telemetry, self.gate

        @lru_cache(CALLERS)
        def remembered(namespace: str, labels: tuple[tuple[str, str], ...]) -> CallerTelemetry:
            return telemetry_of(telemetry, gate, Identity(namespace=namespace, labels=labels))

        return remembered


def _judges_paths(layers: tuple[AccessLayer, ...]) -> bool:
    return any(
        _about_paths(condition)
        for layer in layers
        for policy in layer.policies
        if not policy.shadow and policy.action is not Action.AUDIT
        for rule in policy.rules
        for condition in conditions_of(rule)
    )


def _redacts_by_paths(keeping: KeepingPolicy) -> bool:
    return any(each.inline is not None and each.matching.paths for each in keeping.redactions)


def _about_paths(condition: Condition) -> bool:
    """Whether it is written as a path, or as the pseudo-header that holds one."""
    return condition.attribute is Attribute.PATH or (
        condition.attribute is Attribute.HEADER and condition.key.lower() == ":path"
    )
