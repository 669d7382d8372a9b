"""What a load of the policy is told: what the settings say of the gate, and who judges what only others can carry out.

Owns that alone, so that whoever loads a policy, to serve, to check or to explain it, refuses the same documents.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.frontends import Setting
from outgate.policy.redaction_model import KeepingPolicy
from outgate.problems import Problem
from outgate.redact.select import faults
from outgate.settings import Settings
from outgate.telemetry import accesslogs


def setting_of(settings: Settings) -> Setting:
    return Setting(
        gate=settings.gate,
        strict=settings.strict,
        telemetry_faults=accesslogs.problems,
        redaction_faults=redaction_faults,
    )


def redaction_faults(keeping: KeepingPolicy) -> Iterator[Problem]:
    """What redaction cannot carry out. Detectors take a while to load, so only who names some pays for them."""
    detectors = None
    if any(rule.detectors for each in keeping.redactions for rule in each.rules):
        from outgate.redact.detect.detector import Group
        from outgate.redact.detect.patterns import BY_NAME

        detectors = {*BY_NAME, *Group}
    return faults.problems(keeping, detectors)
