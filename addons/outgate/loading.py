"""What a load of the policy is told: what the settings say of the gate, and who judges what documents say of outputs.

Owns that alone, so that whoever loads a policy, to serve, to check or to explain it, refuses the same documents.
"""

from __future__ import annotations

from outgate.policy.frontends import Setting
from outgate.settings import Settings
from outgate.telemetry.accesslogs import problems


def setting_of(settings: Settings) -> Setting:
    return Setting(gate=settings.gate, strict=settings.strict, telemetry_faults=problems)
