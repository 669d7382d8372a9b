"""Policy values as data that JSON can hold, without the secrets in them.

Owns the masking and the form of times, networks and places. Knows nothing of who prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.model import HeaderInjection
from outgate.policy.resilience_model import HealthCheck
from outgate.policy.route_model import HeaderChange, NamedMatch
from outgate.policy.snapshot import Policy
from outgate.policy.telemetry_model import ExportHeader

MASK = "[redacted]"
PARTS = ("generation", "gate", "defaults", "scopes", "destinations", "access", "telemetry", "keeping", "overridden")


def plain(value: object) -> Any:
    """A value of the model, or anything made of such, as dicts, lists and scalars. Header values are masked, those that
    are set or sent with exports and those that rules and routes compare with: each may be a credential."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)} | _masked(value)
    return str(value)


def plain_policy(policy: Policy) -> dict[str, Any]:
    """A whole policy, with the warnings of its load as lines of text."""
    parts = {name: plain(getattr(policy, name)) for name in PARTS}
    return parts | {"warnings": [str(problem) for problem in policy.problems]}


def _masked(value: object) -> dict[str, Any]:
    if isinstance(value, (HeaderInjection, ExportHeader)) and value.value is not None:
        return {"value": MASK}
    if isinstance(value, Condition) and value.attribute is Attribute.HEADER:
        return {"values": [part if part == "*" else MASK for part in value.values]}
    if isinstance(value, HeaderChange):
        return {name: [[key, MASK] for key, _ in getattr(value, name)] for name in ("set", "add")}
    if isinstance(value, NamedMatch) and value.match.value:
        return {"match": plain(value.match) | {"value": MASK}}
    if isinstance(value, HealthCheck):
        return {"headers": [[key, MASK] for key, _ in value.headers]}
    return {}
