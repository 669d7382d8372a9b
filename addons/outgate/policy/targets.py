"""The host and port that a proxy is told before anything else is said, by CONNECT or SOCKS.

Owns the denials that nothing said later could change, so that they are told at once. Knows neither protocol.
"""

from __future__ import annotations

from outgate.policy.decide import decide, denial
from outgate.policy.hosts import HostError, canonical_authority
from outgate.policy.model import Attempt, AttemptKind, Code, Decision, Identity
from outgate.policy.names import Refusal
from outgate.policy.snapshot import Policy

NOWHERE = frozenset({Code.UNREGISTERED, Code.PORT_UNREGISTERED, Code.NOT_EXPORTED, Code.EXPIRED})
"""Denials that no further byte could change."""
USUAL = 443
"""The port of a target that spells none."""


def told(caller: Identity, target: str) -> Attempt | Refusal:
    """A target as the attempt that it is by itself; it is `host:port` as sent."""
    try:
        host, port = canonical_authority(target, USUAL)
    except HostError as error:
        return Refusal(Code.NAME_MALFORMED, str(error))
    return Attempt(AttemptKind.TLS, caller, port, host)


def hopeless(policy: Policy, asked: Attempt | Refusal) -> Decision | None:
    """The denial of a target that nothing said later could make allowed, or None."""
    if isinstance(asked, Refusal):
        return denial(policy.defaults, asked.code, asked.reason)
    decision = decide(policy, asked)
    return decision if decision.code in NOWHERE and not decision.allowed else None
