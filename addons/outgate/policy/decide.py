"""The verdict: a policy and an attempt in, a decision out.

Owns the order of judgement: in-mesh traffic, registry, paths, access rules, mode, and what nobody could look into.
Holds no state and swallows nothing: whatever raises here is turned into a denial by whoever asked.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from outgate.policy.access import judge
from outgate.policy.addresses import PASSTHROUGH
from outgate.policy.forwarding import sent
from outgate.policy.keeping import blind
from outgate.policy.mesh import internal
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Decision,
    Defaults,
    Destination,
    Intercept,
    Mode,
    Port,
    Protocol,
    Source,
    Traffic,
    Verdict,
    Via,
)
from outgate.policy.paths import ambiguous
from outgate.policy.route_model import Unmatched
from outgate.policy.selection import Found, Missing, dialled, elsewhere, find, refusal, target, tcp_only
from outgate.policy.sight import Sight
from outgate.policy.snapshot import Policy
from outgate.policy.steps import Steps

__all__ = ["STATUS", "Steps", "Treatment", "bytes_only", "decide", "denial", "opaque", "tcp_only", "treat"]

STATUS = {
    Code.REQUEST_MALFORMED: 400,
    Code.NAME_MALFORMED: 400,
    Code.NAME_MISSING: 400,
    Code.PATH_AMBIGUOUS: 400,
    Code.REFUSED_BY_RULE: 403,
    Code.ADDRESS_REFUSED: 403,
    Code.UPGRADE_REFUSED: 403,
    Code.REDACTION_BLOCKED: 403,
    Code.REDACTION_REFUSED: 403,
    Code.CONNECT_REFUSED: 405,
    Code.NAMES_DISAGREE: 421,
    Code.LOOP: 508,
}
"""HTTP status by code; the others answer with `Defaults.deny_status`."""

NEVER_PASSED = frozenset({Code.NAMES_DISAGREE, Code.ADDRESS_REFUSED})
"""Denied under every mode."""


class Treatment(StrEnum):
    """What becomes of a TLS connection before anything inside it is seen."""

    DECRYPT = "DECRYPT"
    TUNNEL = "TUNNEL"
    CLOSE = "CLOSE"


def decide(policy: Policy, attempt: Attempt, steps: Steps | None = None) -> Decision:
    """Whether an attempt may leave, and to where. The same policy, attempt and time give the same answer."""
    sight = policy.sight(attempt.caller)
    _introduce(sight, attempt, steps)
    found = find(policy, attempt, steps)
    if (inside := internal(policy.defaults, attempt, found)) is not None and not _never(found):
        decision = _inside(policy, attempt, found, *inside)
    else:
        decision = _outside(policy, attempt, found, sight, steps)
    decision = _seen(policy, attempt, decision)
    if decision.allowed:
        decision = sent(policy.defaults, attempt, decision, policy.handed_on)
    if steps is not None:
        steps.say(f"{decision.verdict}: {decision.code}, {decision.reason}", decision.source)
        if decision.via is not Via.DIRECT:
            steps.say(f"it leaves through the {decision.via.lower()}")
    return decision


def treat(policy: Policy, attempt: Attempt) -> Treatment:
    """What to do with a TLS ClientHello. `attempt.host` is the canonical SNI, or None.

    What will be denied is decrypted all the same, so that the reason can be told over HTTP. Without a name or an
    address there is nothing to make a certificate for, and the connection is closed.
    """
    found = find(policy, attempt)
    if internal(policy.defaults, attempt, found) is not None and not _never(found):
        return Treatment.TUNNEL
    if isinstance(found, Found) and found.port.protocol is not Protocol.HTTP:
        tunnelled = found.port.protocol is Protocol.TCP or found.port.intercept is Intercept.TUNNEL
        return Treatment.TUNNEL if tunnelled else Treatment.DECRYPT
    if attempt.host is None and attempt.address is None:
        return Treatment.CLOSE
    if policy.sight(attempt.caller).mode is Mode.REGISTRY_ONLY or _never(found) or _forbidden(policy, attempt):
        return Treatment.DECRYPT
    return Treatment.TUNNEL if policy.defaults.unregistered_tls is Intercept.TUNNEL else Treatment.DECRYPT


def bytes_only(policy: Policy, attempt: Attempt) -> bool:
    """Whether nothing but bytes can go to the destination that was named, so that nothing needs to be read first."""
    found = find(policy, attempt)
    return isinstance(found, Found) and found.port.protocol is Protocol.TCP


def opaque(policy: Policy, hello: Attempt, steps: Steps | None = None) -> Decision:
    """The denial of TLS that was decrypted and holds no HTTP: the gate is its end by then, and cannot pass it on."""
    decision = decide(policy, hello, steps)
    if not decision.allowed:
        return decision
    reason = f"{target(hello)} is decrypted, and what is inside is not HTTP"
    return decision.would or denial(policy.defaults, Code.PROTOCOL_UNKNOWN, reason, decision.source)


def denial(defaults: Defaults, code: Code, reason: str, source: Source | None = None) -> Decision:
    """A denial as a decision, also for what is denied before a policy is asked: malformed, disagreeing, failed."""
    status = STATUS.get(code, defaults.deny_status)
    return Decision(Verdict.DENY, code, reason, Traffic.BLACKHOLE, source, status=status)


def _seen(policy: Policy, attempt: Attempt, decision: Decision) -> Decision:
    """A tunnel, or raw TCP, to where live messages are to be looked at shows none: no mode lets it pass."""
    unseen = blind(policy.keeping, attempt, decision.destination) if decision.allowed else None
    if unseen is None:
        return decision
    reason = f"{target(attempt)} passes as bytes, and {unseen.name} is to look at its live messages"
    return _refused(policy, decision, Code.REDACTION_REFUSED, reason, unseen.source)


def _outside(policy: Policy, attempt: Attempt, found: Found | Missing, sight: Sight, steps: Steps | None) -> Decision:
    selected = refusal(attempt, found) or found if isinstance(found, Found) else found
    if isinstance(selected, Found):
        decision = _ruled(policy, attempt, _registered(selected), steps)
    elif sight.mode is Mode.ALLOW_ANY and not _never(selected):
        decision = _any(policy, attempt, selected, sight, steps)
    else:
        # Where no document comes near, the one that sets the mode is what denies.
        decision = denial(policy.defaults, selected.code, selected.reason, selected.source or sight.mode_source)
    if sight.mode is Mode.OBSERVE and not decision.allowed:
        return _observed(policy, attempt, decision, sight)
    return decision


def _registered(found: Found) -> Decision:
    until = found.destination.expires
    reason = f"{found.match.pattern}:{found.port.number} is registered{f' until {until}' if until else ''}"
    source = found.port.source or found.destination.source
    return Decision(Verdict.ALLOW, Code.REGISTERED, reason, Traffic.REGISTERED, source, found.destination, found.port)


def _any(policy: Policy, attempt: Attempt, missing: Missing, sight: Sight, steps: Steps | None) -> Decision:
    if forbidden := _forbidden(policy, attempt):
        return denial(policy.defaults, Code.ADDRESS_REFUSED, forbidden)
    reason = f"{missing.reason}, and {sight.mode} lets it pass"
    passed = Decision(Verdict.ALLOW, Code.ALLOW_ANY, reason, Traffic.PASSTHROUGH, sight.mode_source)
    return _ruled(policy, attempt, passed, steps)


def _observed(policy: Policy, attempt: Attempt, denied: Decision, sight: Sight) -> Decision:
    """Passes what was denied, but for what no mode lets pass."""
    if denied.code in NEVER_PASSED:
        return denied
    if denied.destination is None and (forbidden := _forbidden(policy, attempt)):
        return denial(policy.defaults, Code.ADDRESS_REFUSED, forbidden)
    traffic = Traffic.PASSTHROUGH if denied.destination is None else Traffic.REGISTERED
    return Decision(
        Verdict.ALLOW,
        Code.OBSERVED,
        f"{denied.reason}, and {sight.mode} lets it pass",
        traffic,
        sight.mode_source,
        denied.destination,
        denied.port,
        would=denied,
        shadows=denied.shadows,
        audited=denied.audited,
    )


def _inside(policy: Policy, attempt: Attempt, found: Found | Missing, destination: Destination, port: Port) -> Decision:
    if isinstance(found, Found) and found.destination is destination and (wrong := elsewhere(attempt, found)):
        return denial(policy.defaults, wrong.code, wrong.reason, wrong.source)
    reason = f"{target(attempt)} is inside the mesh"
    return Decision(Verdict.ALLOW, Code.INTERNAL, reason, Traffic.INTERNAL, destination.source, destination, port)


def _ruled(policy: Policy, attempt: Attempt, allowed: Decision, steps: Steps | None) -> Decision:
    """The decision after the access rules."""
    if attempt.kind is AttemptKind.HTTP and policy.judges_paths and (what := ambiguous(attempt.path)):
        reason = f"the path has {what}, and rules that look at paths exist"
        return _refused(policy, allowed, Code.PATH_AMBIGUOUS, reason, None)
    verdict = judge(policy.access, attempt, policy.defaults, steps, destination=allowed.destination)
    judged = allowed
    if verdict.shadows or verdict.audited:
        judged = replace(allowed, shadows=verdict.shadows, audited=verdict.audited)
    if verdict.verdict is Verdict.ALLOW:
        return _unless_unrouted(policy, attempt, judged)
    return _refused(policy, judged, Code.REFUSED_BY_RULE, verdict.reason, verdict.source)


def _unless_unrouted(policy: Policy, attempt: Attempt, judged: Decision) -> Decision:
    """The decision, unless its port is for those attempts only that one of its routes takes."""
    port = judged.port
    if port is None or port.unmatched is not Unmatched.REFUSED:
        return judged
    if policy.route(port, attempt, judged.destination) is not None:
        return judged
    reason = f"only what a route names is allowed, and none matches {target(attempt)}"
    return _refused(policy, judged, Code.REFUSED_BY_RULE, reason, port.source)


def _refused(policy: Policy, allowed: Decision, code: Code, reason: str, source: Source | None) -> Decision:
    status = STATUS.get(code, policy.defaults.deny_status)
    return replace(allowed, verdict=Verdict.DENY, code=code, reason=reason, source=source, status=status)


def _forbidden(policy: Policy, attempt: Attempt) -> str:
    """Why the address that the workload dialled may not be reached without being named; empty where it may."""
    ip = dialled(attempt)
    return PASSTHROUGH.beyond(policy.defaults.nat64).refusal(ip) if ip is not None else ""


def _never(found: Found | Missing) -> bool:
    return isinstance(found, Missing) and found.code in NEVER_PASSED


def _introduce(sight: Sight, attempt: Attempt, steps: Steps | None) -> None:
    if steps is None:
        return
    who = attempt.caller.principal or attempt.caller.service_account or "the caller"
    steps.say(f"{who} is in namespace {sight.namespace}, established by {attempt.caller.how}")
    if sight.scope is not None:
        steps.say("a scope narrows what it sees", sight.scope.source)
    steps.say(f"the mode is {sight.mode}", sight.mode_source)
