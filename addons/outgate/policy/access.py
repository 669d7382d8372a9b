"""Who may do what: access layers judged as Istio judges AuthorizationPolicies.

In each layer a matching DENY denies; without any ALLOW policy the rest is allowed; else an ALLOW rule must match. Every
layer must allow. Order among policies means nothing. Owns that order, the shadow verdicts and the audit marks.

Hosts on HTTP are compared, without regard to case, with the whole authority as sent, port and all, as Istio does.
Where that and the verified name in the same form give different results the host counts as not known, which never
allows. A rule that keeps something back, a DENY of hosts or an ALLOW of all others, takes the verified name with its
port and without, whatever was sent. Where the headers carry no authority the host matches as `host:port`, and as `host`
on the scheme's own port. On a tunnel `Defaults.tunnel_hosts` says whether hosts are judged by the SNI (where it is none
of the destination's names, and on raw TCP, by the destination's one name) or count as not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from outgate.policy.access_model import AccessLayer, Action, Attribute
from outgate.policy.facts import Facts
from outgate.policy.model import Attempt, Defaults, Destination, ShadowVerdict, Source, Verdict
from outgate.policy.rules import Policy, conditions_of, first
from outgate.policy.steps import Steps

KEPT = 8
"""Compiled layers kept: those in force, those that requests still finish on, and what `explain` asks for."""


@dataclass(frozen=True, slots=True)
class AccessVerdict:
    """What the layers say. `source` is the rule; for a denial because nothing allows, the first policy that might have;
    None where no policy applies."""

    verdict: Verdict
    source: Source | None
    reason: str
    shadows: tuple[ShadowVerdict, ...] = ()
    audited: tuple[Source, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.verdict is Verdict.ALLOW


def judge(
    layers: tuple[AccessLayer, ...],
    attempt: Attempt,
    defaults: Defaults,
    steps: Steps | None = None,
    *,
    destination: Destination | None = None,
) -> AccessVerdict:
    """The verdict of all layers. `destination` is what the attempt was found to be for: policies may be about it, and
    rules may name its region. Raises `ValueError` for rules whose values cannot be read."""
    benches = _benches(_Loaded(layers, defaults))
    facts = Facts(attempt, defaults, destination)
    verdict, source, reason = _enforced(benches, facts, steps)
    shadows = tuple(shadow for bench in benches for shadow in bench.shadows(facts, steps))
    audited = tuple(source for bench in benches for source in bench.audited(facts, steps))
    return AccessVerdict(verdict, source, reason, shadows, audited)


def prepare(layers: tuple[AccessLayer, ...], defaults: Defaults) -> None:
    """Compiles the layers ahead of the first attempt. Raises `ValueError` for rules whose values cannot be read."""
    _benches(_Loaded(layers, defaults))


@dataclass(frozen=True, slots=True)
class _Bench:
    """The policies of one layer, by what they do."""

    deny: tuple[Policy, ...]
    allow: tuple[Policy, ...]
    audit: tuple[Policy, ...]
    dry_deny: tuple[Policy, ...]
    dry_allow: tuple[Policy, ...]

    @classmethod
    def of(cls, layer: AccessLayer, defaults: Defaults) -> _Bench:
        def chosen(action: Action, shadow: bool = False) -> tuple[Policy, ...]:
            fitting = (policy for policy in layer.policies if policy.action is action and policy.shadow is shadow)
            return tuple(Policy.of(policy, defaults) for policy in fitting)

        return cls(
            deny=chosen(Action.DENY),
            allow=chosen(Action.ALLOW),
            audit=chosen(Action.AUDIT) + chosen(Action.AUDIT, shadow=True),
            dry_deny=chosen(Action.DENY, shadow=True),
            dry_allow=chosen(Action.ALLOW, shadow=True),
        )

    def shadows(self, facts: Facts, steps: Steps | None) -> Iterator[ShadowVerdict]:
        """What is in dry-run, judged apart from what is enforced, as Envoy judges shadow rules."""
        if denied := first(self.dry_deny, facts, steps):
            yield ShadowVerdict(Verdict.DENY, denied)
        if concerned := _concerned(self.dry_allow, facts):
            allowed = first(concerned, facts, steps)
            yield ShadowVerdict(Verdict.ALLOW if allowed else Verdict.DENY, allowed or concerned[0].policy.source)

    def audited(self, facts: Facts, steps: Steps | None) -> Iterator[Source]:
        """One rule of each AUDIT policy that marks the attempt."""
        for policy in self.audit:
            if found := first((policy,), facts, steps):
                yield found


def _enforced(benches: tuple[_Bench, ...], facts: Facts, steps: Steps | None) -> tuple[Verdict, Source | None, str]:
    """1 any DENY denies, 2 every layer with an ALLOW policy must allow, 3 what nothing restricts is allowed."""
    for bench in benches:
        if denied := first(bench.deny, facts, steps):
            return Verdict.DENY, denied, f"denied by {denied}{_where(bench.deny, facts, denied)}"
    granted: Source | None = None
    for bench in benches:
        if not (concerned := _concerned(bench.allow, facts)):
            continue
        allowed = first(concerned, facts, steps)
        if allowed is None:
            return Verdict.DENY, concerned[0].policy.source, _unallowed(concerned) + _where(concerned, facts)
        granted = granted or allowed
    return Verdict.ALLOW, granted, f"allowed by {granted}" if granted else "no access policy restricts it"


def _unallowed(policies: list[Policy]) -> str:
    more = f" and {len(policies) - 1} more" if len(policies) > 1 else ""
    return f"only what an ALLOW rule names is allowed, and none matches: {policies[0].policy.source}{more}"


def _where(policies: Iterable[Policy], facts: Facts, by: Source | None = None) -> str:
    """In what region the destination is, where the policies, or the rule that denies, ask for that."""
    asked = (
        each.attribute is Attribute.REGION
        for policy in policies
        for rule in policy.rules
        if by in (None, rule.rule.source or policy.policy.source)
        for each in conditions_of(rule.rule)
    )
    if not any(asked):
        return ""
    return f"; it is in the region {facts.region}" if facts.region else "; nothing says in which region it is"


def _concerned(policies: tuple[Policy, ...], facts: Facts) -> list[Policy]:
    return [policy for policy in policies if policy.concerns(facts)]


class _Loaded:
    """Layers and defaults, compared by identity: a loaded policy is frozen, and comparing it whole would cost more than
    judging. The references held here keep an identity from being used again."""

    __slots__ = ("defaults", "layers")

    def __init__(self, layers: tuple[AccessLayer, ...], defaults: Defaults) -> None:
        self.layers = layers
        self.defaults = defaults

    def __hash__(self) -> int:
        return id(self.layers) ^ id(self.defaults)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Loaded) and self.layers is other.layers and self.defaults is other.defaults


@lru_cache(maxsize=KEPT)
def _benches(loaded: _Loaded) -> tuple[_Bench, ...]:
    return tuple(_Bench.of(layer, loaded.defaults) for layer in loaded.layers)
