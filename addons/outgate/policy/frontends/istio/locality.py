"""Locality in load balancing: `region/zone/subzone`, weights between places, and where to go when one fails.

Owns the shapes, their checks and their translation.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.policy.frontends.istio.common import Item, Placed, one_of
from outgate.policy.resilience_model import Locality
from outgate.policy.schema import Boolean, Field, Fields, Integer, Mapping, Reading, Record, Sequence, Text

TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")

FAILOVER = Sequence(Fields({"from": Field(Text()), "to": Field(Text())}, snake=True))

LOCALITY = Fields(
    {
        "distribute": Field(
            Sequence(
                Fields(
                    {
                        "from": Field(Placed(Text())),
                        "to": Field(Mapping(Placed(Integer(1, 100)))),
                    },
                    snake=True,
                )
            )
        ),
        "failover": Field(FAILOVER),
        "failoverPriority": Field(Sequence(Placed(Text()))),
        "enabled": Field(Boolean()),
    },
    snake=True,
)

ZONES = Fields(
    {
        "enabled": Field(Boolean()),
        "failover": Field(FAILOVER),
        "failoverPriority": Field(Sequence(Placed(Text()))),
        "minClusterSize": Field(Integer(1, 2**64 - 1)),
    },
    snake=True,
)

ZONES_NOTE = "it goes by how many callers each zone has, which the gate does not know; localityLbSetting is applied"


def check_locality(setting: Record | None, outliers: bool, reading: Reading) -> None:
    """`outliers`: outlier detection is set, without which nothing ever fails over."""
    if setting is None:
        return
    one_of(setting, ("distribute", "failover"), reading)
    one_of(setting, ("distribute", "failoverPriority"), reading)
    rules: list[Record] = setting.get("distribute", [])
    for rule in rules:
        _check_distribute(rule, reading)
    _check_places([rule.get("from") for rule in rules if "from" in rule], reading)
    check_zones(setting, outliers, reading)


def check_zones(setting: Record | None, outliers: bool, reading: Reading) -> None:
    """Failover between regions, the same in both ways to say it."""
    if setting is None:
        return
    for item in setting.get("failoverPriority", []) if setting.get("failover") else []:
        if item.value in TOPOLOGY:
            reading.error(item.where, item.path, f'"{item.value}" cannot stand beside "failover"', "keep one of them")
    if (setting.get("failover") or setting.get("failoverPriority")) and not outliers:
        reading.warn(setting.where, setting.path, "nothing fails over without outlierDetection", "add it")
    for rule in setting.get("failover", []):
        _check_failover(rule, reading)


def _check_failover(rule: Record, reading: Reading) -> None:
    if rule.get("from", "") == rule.get("to", ""):
        reading.error(rule.at("to"), rule.under("to"), "a region fails over to another one", "name a different region")
    for name in ("from", "to"):
        if "/" in rule.get(name, "") or "*" in rule.get(name, ""):
            reading.error(
                rule.at(name),
                rule.under(name),
                f'"{rule.get(name)}" is not a region',
                'write the region alone, without "/" or "*"',
            )


def _check_distribute(rule: Record, reading: Reading) -> None:
    shares: dict[str, Item] = rule.get("to", {})
    total = sum(item.value for item in shares.values())
    if total != 100:
        reading.error(rule.at("to"), rule.under("to"), f"the weights add up to {total}", "make them 100")
    _check_places([Item(name, item.where, item.path) for name, item in shares.items()], reading)


def _check_places(items: Iterable[Item], reading: Reading) -> None:
    """Each is `region/zone/subzone`, `*` only at the end, and none lies within an earlier one."""
    seen: list[str] = []
    for item in items:
        parts = item.value.split("/")
        if not all(parts) or len(parts) > 3 or "*" in item.value[:-1]:
            reading.error(
                item.where,
                item.path,
                f'"{item.value}" is not a locality',
                'write "region/zone/subzone", with "*" only at the end',
            )
        elif any(_within(item.value, other) or _within(other, item.value) for other in seen):
            reading.error(item.where, item.path, f'"{item.value}" overlaps one before it', "keep one of them")
        seen.append(item.value)


def _within(place: str, wider: str) -> bool:
    stem = wider.removesuffix("*").rstrip("/")
    return not stem or place == stem or place.startswith(f"{stem}/")


def locality_of(setting: Record, *, ejects: bool) -> Locality | None:
    """What a setting says; None where it says nothing. Without ejection nothing fails over."""
    if setting.get("enabled") is False:
        return None
    shares = tuple(
        (rule.get("from").value, tuple((place, item.value) for place, item in rule.get("to", {}).items()))
        for rule in setting.get("distribute", [])
        if "from" in rule
    )
    if shares or not ejects:
        return Locality(shares=shares) if shares else None
    return Locality(
        failover=tuple((rule.get("from", ""), rule.get("to", "")) for rule in setting.get("failover", [])),
        priority_labels=tuple(item.value for item in setting.get("failoverPriority", [])),
    )
