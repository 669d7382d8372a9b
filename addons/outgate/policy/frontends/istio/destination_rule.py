"""DestinationRule: its shape and its checks.

Owns what one rule must look like. Which rule applies where is `rules.py`'s.
"""

from __future__ import annotations

from outgate.policy.frontends.istio import traffic_policy
from outgate.policy.frontends.istio.common import DNS_LABEL, EXPORTS, HOST, Labels, check_exports
from outgate.policy.frontends.istio.resource import NETWORKING, Kind, Resource, envelope
from outgate.policy.schema import Field, Fields, Record, Sequence

SUBSET = Fields(
    {
        "name": Field(DNS_LABEL, required=True),
        "labels": Field(Labels()),
        "trafficPolicy": Field(traffic_policy.POLICY),
    },
    snake=True,
)

SPEC = Fields(
    {
        "host": Field(HOST, required=True),
        "trafficPolicy": Field(traffic_policy.POLICY),
        "subsets": Field(Sequence(SUBSET)),
        "workloadSelector": Field(Fields({"matchLabels": Field(Labels(selector=True))}, snake=True)),
        "exportTo": Field(EXPORTS),
    },
    snake=True,
)


def check(rule: Resource) -> None:
    """Everything that one value alone does not show."""
    spec, reading = rule.spec, rule.reading
    traffic_policy.check(spec.get("trafficPolicy"), rule.namespace, reading)
    _check_subsets(rule)
    check_exports(spec, rule.namespace, reading)
    if "workloadSelector" in spec:
        _check_selector(rule, spec.get("workloadSelector"))


def _check_subsets(rule: Resource) -> None:
    seen: set[str] = set()
    for subset in rule.spec.get("subsets", []):
        name = subset.get("name")
        if name in seen:
            rule.reading.error(subset.at("name"), subset.under("name"), f'"{name}" is given twice', "keep one")
        seen.add(name)
        traffic_policy.check(subset.get("trafficPolicy"), rule.namespace, rule.reading)


def _check_selector(rule: Resource, selector: Record) -> None:
    reading, spec = rule.reading, rule.spec
    if not selector.get("matchLabels"):
        reading.warn(selector.where, selector.path, "a selector without labels selects every workload")
    for item in spec.get("exportTo", []):
        if item.value not in (".", rule.namespace):
            reading.error(
                item.where,
                item.path,
                f'"{item.value}" is beyond the namespace of a rule that selects workloads',
                'use "."',
            )


KIND = Kind("DestinationRule", "networking.istio.io", NETWORKING, envelope(Field(SPEC, required=True)), check)
