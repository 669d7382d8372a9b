"""Why a verdict on something that was kept is not certain: a rule looks at what a capture does not keep, or what
redaction has replaced.

Owns the reasons, and what of a policy looks at such things. Dry-run and audit rules change no verdict and are left
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from outgate.backtest.again import Again, Hidden, Watched
from outgate.policy.access_model import AccessLayer, Action, Attribute, Condition
from outgate.policy.attempts import Way
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.matching import is_template
from outgate.policy.model import Code, Decision, Resolution, Traffic
from outgate.policy.rules import conditions_of
from outgate.policy.snapshot import Policy
from outgate.policy.targets import NOWHERE

RULED = frozenset({Code.REGISTERED, Code.ALLOW_ANY, Code.REFUSED_BY_RULE, Code.PATH_AMBIGUOUS})
"""Verdicts that access rules had a say in."""
PASSED = frozenset({Code.ALLOW_ANY, Code.OBSERVED})
CALLS_FROM = frozenset({Attribute.SOURCE_IP, Attribute.REMOTE_IP})
UNSAID = "whether the bytes were TLS is not kept"
UNSEEN = "the gate would decrypt it, and what was inside is not known"


def enforced(policy: Policy) -> Policy:
    """The policy without rules that only watch."""
    layers = (
        AccessLayer(
            layer.mesh, tuple(each for each in layer.policies if not each.shadow and each.action is not Action.AUDIT)
        )
        for layer in policy.access
    )
    return replace(policy, access=tuple(layers))


@dataclass(frozen=True, slots=True)
class Looks:
    """What the rules of a policy look at that may not be known."""

    paths: tuple[str, ...] = ()
    """What paths are compared with."""
    targets: bool = False
    """Some rule compares path and query as one."""
    attributes: frozenset[Attribute] = frozenset()
    labels: bool = False
    """Of callers."""
    mapped: bool = False
    """Callers are found by their addresses or uids."""

    @classmethod
    def of(cls, policy: Policy) -> Looks:
        conditions = [*_conditions(policy)]
        return cls(
            tuple(value for each in conditions if each.attribute is Attribute.PATH for value in each.values),
            any(each.attribute is Attribute.HEADER and each.key.lower() == ":path" for each in conditions),
            frozenset(each.attribute for each in conditions),
            any(scope.labels for scope in policy.scopes),
            bool(policy.defaults.identities),
        )


def doubts(policy: Policy, looks: Looks, asked: Again, decision: Decision, watched: Watched, was: str) -> Iterator[str]:
    """What a decision may hang on that is not known; nothing where everything passes, whatever is there. `was`: the
    code that was recorded."""
    passes = decision.traffic is Traffic.PASSTHROUGH and was not in PASSED
    if (passes or was == Code.ADDRESS_REFUSED) and _undialled(asked):
        yield "the address that was dialled, which is not kept, may be none that is let pass"
    if decision.code is Code.OBSERVED:
        return
    if looks.labels:
        yield "a scope is for callers with labels, which are not kept"
    if looks.mapped and not asked.asked.caller.namespace:
        yield "callers are told by their addresses or uids, which are not kept"
    if _elsewhere(policy, asked, decision, was):
        yield "a destination is known by address, and the address that was dialled is not kept"
    if decision.code not in RULED:
        return
    if looks.attributes & CALLS_FROM:
        yield "a rule looks at the caller's address, which is not kept"
    if Attribute.DESTINATION_IP in looks.attributes and asked.asked.address is None:
        yield "a rule looks at the address that was dialled, which is not kept"
    for name in sorted(watched.seen):
        yield f"a rule looks at the header {name}, which was redacted"
    if _in_path(looks, asked.hidden):
        yield "a rule looks at the path, which was redacted in part"


def _conditions(policy: Policy) -> Iterator[Condition]:
    for layer in policy.access:
        for each in layer.policies:
            for rule in each.rules:
                yield from conditions_of(rule)


def _in_path(looks: Looks, hidden: Hidden) -> bool:
    if looks.targets and hidden.target:
        return True
    return hidden.known is not None and any(_open(value, hidden.known) for value in looks.paths)


def _open(value: str, known: str) -> bool:
    """Whether what a path begins with leaves it open if the path is meant."""
    if is_template(value):
        return True
    begins = value.partition("*")[0]
    if value == f"{begins}*" and known.startswith(begins):
        return False
    return known.startswith(begins) or begins.startswith(known)


def _elsewhere(policy: Policy, asked: Again, decision: Decision, was: str) -> bool:
    """Whether the address that was dialled could have chosen another destination, or none; on another port that would
    still be a denial, for another reason."""
    if not _undialled(asked):
        return False
    if decision.code in NOWHERE:
        possible = policy.destinations if was in NOWHERE else policy.registry.on(asked.asked.url.port)
        known = any(each.networks or any(map(_is_address, each.hosts)) for each in possible)
        return not _is_address(asked.asked.url.host) and (known or bool(policy.defaults.internal_networks))
    destination, port = decision.destination, decision.port
    by_address = port is not None and port.upstream.resolution is Resolution.NONE
    return destination is not None and bool(destination.networks) and by_address


def _undialled(asked: Again) -> bool:
    """Whether an address was dialled that is not known."""
    return asked.asked.address is None and asked.asked.way is Way.TRANSPARENT


def _is_address(host: str) -> bool:
    try:
        return literal(canonical_host(host)) is not None
    except HostError:
        return False
