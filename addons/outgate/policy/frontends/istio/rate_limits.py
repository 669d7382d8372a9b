"""Which limits hold for requests to a host on a port, of all EnvoyFilters of a load.

Owns selection: which filters are about this gate, and that a route's limits replace the listener's. What a limit says
is `local_rate_limit.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.common import is_egress, selects
from outgate.policy.frontends.istio.envoy_filter import Limited, limits
from outgate.policy.frontends.istio.ports import HTTP_LIKE
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.route_model import RateLimit
from outgate.policy.schema import Record

SEEN = ("", "HTTPS", *HTTP_LIKE)
"""Protocols of which the gate sees requests, those that it decrypts included."""


@dataclass(slots=True)
class RateLimits:
    """The limits of all filters that are about this gate."""

    filters: list[Resource]
    setting: Setting
    _all: list[Limited] = field(init=False)
    used: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._all = [limited for each in self.filters if self._applies(each) for limited in limits(each)]

    def at(self, host: str, port: int, protocol: str, route: str = "") -> tuple[RateLimit, ...]:
        """The limits of requests that take a route, by its name."""
        if not self._all or protocol not in SEEN:
            return ()
        fitting = [each for each in self._all if _fits(each, host, port, route)]
        self.used.update(map(id, fitting))
        whole = [each for each in fitting if each.listener]
        if not whole:
            return ()
        chosen = [each for each in fitting if not each.listener] or whole
        return tuple(limit for each in chosen for limit in each.config.limits)

    def warn_unused(self) -> None:
        listening = any(each.listener for each in self._all)
        for each in self._all:
            reading, record = each.filter.reading, each.filter.spec.get("configPatches")[each.index]
            if not each.listener and not listening:
                what = "limits nothing: no patch of HTTP_FILTER puts the local rate limit there"
                reading.warn(record.where, record.path, what, "add one")
            elif id(each) not in self.used:
                reading.warn(record.where, record.path, "no registered traffic is limited by it")

    def _applies(self, resource: Resource) -> bool:
        selector: Record | None = resource.spec.get("workloadSelector")
        labels = selector.get("labels", {}) if selector is not None else {}
        gate = self.setting.gate
        if labels:
            if selects(labels, gate.labels) or (gate.collapses and any(map(is_egress, labels.values()))):
                return True
            where, hint = resource.spec.at("workloadSelector"), "give the gate these labels"
        else:
            if resource.namespace in (gate.namespace, gate.root_namespace):
                return True
            where, hint = resource.document.where, f"put it into {gate.root_namespace} or {gate.namespace}"
        what = "selects nothing on this gate, and is not applied"
        resource.reading.warn(where, "spec.workloadSelector", what, hint)
        return False


def _fits(limited: Limited, host: str, port: int, route: str) -> bool:
    if limited.ports - {port}:
        return False
    if limited.listener:
        return not limited.domain or limited.domain.lower() == host
    return (
        limited.vhost in ("", f"{host}:{port}", host)
        and (not limited.domain or limited.domain.lower() in (host, f"{host}:{port}"))
        and limited.route in ("", route)
    )
