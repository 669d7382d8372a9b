"""ISTIO_MUTUAL: TLS with a mesh identity, which the gate has for one hop only, the one to the egress gateway.

Owns the question which hosts are the egress gateway's own. There the mode means the hop that is collapsed; anywhere
else it is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.destination_rules import all_tls, host_of
from outgate.policy.frontends.istio.gateway import names_egress
from outgate.policy.frontends.istio.resource import Resource


def check(rules: list[Resource], own: Callable[[str], bool]) -> None:
    """Refuses the mode on every host that is not a gateway's own."""
    for rule in rules:
        for block in all_tls(rule):
            if block.get("mode") == "ISTIO_MUTUAL" and not own(host_of(rule)):
                say = rule.reading.error if rule.reading.strict else rule.reading.warn
                what = "ISTIO_MUTUAL is for an egress gateway's own host; the gate has no other mesh identity"
                say(block.at("mode"), block.under("mode"), what, "use SIMPLE or MUTUAL")


def own_hosts(gateway_hosts: frozenset[str], setting: Setting) -> Callable[[str], bool]:
    """Tells an egress gateway's own host: by its name, by the routes that lead through it, or as the gate's own."""
    gate = f"{setting.gate.name}.{setting.gate.namespace}.svc."
    return lambda host: host in gateway_hosts or names_egress(host) or host.startswith(gate)
