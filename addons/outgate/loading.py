"""What a load of the policy is told: what the settings say of the gate, and who judges what only others can carry out.

Owns that alone, so that whoever loads a policy, to serve, to check or to explain it, refuses the same documents.
"""

from __future__ import annotations

from outgate.policy.frontends import Setting
from outgate.redact.select import faults
from outgate.settings import Settings
from outgate.telemetry import accesslogs


def setting_of(settings: Settings) -> Setting:
    return Setting(
        gate=settings.gate,
        strict=settings.strict,
        telemetry_faults=accesslogs.problems,
        redaction_faults=faults.problems,
    )
