"""What a load of the policy is told: what the settings say of the gate, and who judges what only others can carry out.

Owns that alone, so that whoever loads a policy, to serve, to check or to explain it, refuses the same documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from outgate.hop_settings import Hops
from outgate.policy.frontends import Setting
from outgate.policy.model import Via
from outgate.policy.redaction_model import KeepingPolicy
from outgate.problems import Problem
from outgate.redact.select import faults
from outgate.settings import ListenMode, Settings
from outgate.telemetry import accesslogs


def setting_of(settings: Settings) -> Setting:
    return Setting(
        gate=settings.gate,
        strict=settings.strict,
        kuma_dialect=settings.kuma_dialect,
        kuma_role=kuma_role_of(settings),
        kuma_secrets=settings.kuma_secrets,
        ways=ways_of(settings.hops),
        is_gateway=settings.mode is ListenMode.GATEWAY,
        osm_secrets=settings.osm_secrets,
        istio_secrets=settings.istio_secrets,
        telemetry_faults=accesslogs.problems,
        redaction_faults=redaction_faults,
    )


def kuma_role_of(settings: Settings) -> str:
    """As it is told; else who is a gateway is the zone's egress, who has one behind it is a sidecar, and all others are
    both."""
    if settings.kuma_role != "auto":
        return settings.kuma_role
    if settings.mode is ListenMode.GATEWAY:
        return "egress"
    return "sidecar" if settings.hops.gateway else "both"


def ways_of(hops: Hops) -> tuple[Via, ...]:
    """Who has a gateway leaves through that, and only where a document says so through a proxy beside it."""
    return ((Via.GATEWAY,) if hops.gateway else ()) + ((Via.PROXY,) if hops.upstream_proxy else ())


def redaction_faults(keeping: KeepingPolicy) -> Iterator[Problem]:
    """What redaction cannot carry out. Detectors take a while to load, so only who names some pays for them."""
    yield from _vaults(keeping)
    detectors = None
    if any(rule.detectors for each in keeping.redactions for rule in each.rules):
        from outgate.redact.detect.detector import Group
        from outgate.redact.detect.patterns import BY_NAME

        detectors = {*BY_NAME, *Group}
    yield from faults.problems(keeping, detectors)


def _vaults(keeping: KeepingPolicy) -> Iterator[Problem]:
    """Keys of vaults that nothing can be sealed to."""
    for capture in keeping.captures:
        if capture.vault is None or capture.source is None:
            continue
        from outgate.redact.replace.vault import VaultError, public_key

        try:
            public_key(Path(capture.vault.key).read_bytes())
        except (OSError, VaultError) as error:
            what = f"{capture.vault.key}: {error.strerror if isinstance(error, OSError) else error}"
            yield Problem(capture.source.where, what, "mount the public key", field="spec.vault.key")
