"""Which DestinationRule applies to a destination and port, and what it says there.

Owns the search through namespaces and hosts, the merge of rules for one host, and the replacement of a destination's
settings by a port's. The gate's own namespace stands for the client's. Knows no ServiceEntry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.common import covers, exports, qualified, selects, visible
from outgate.policy.frontends.istio.hostnames import Names, weight
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.traffic_policy import BLOCKS
from outgate.policy.model import Source
from outgate.policy.schema import Record

WHOLE = ("tunnel", "proxyProtocol", "retryBudget")
"""Blocks that are not a port's to say."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who sees an entry: its namespace and where it is exported to."""

    namespace: str
    export_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one port of a host, or for a subset of it: the blocks in force, and the rule that says so."""

    rule: Resource
    blocks: tuple[tuple[str, Record], ...] = ()
    labels: tuple[tuple[str, str], ...] | None = None
    """Of the subset; None: of the whole host."""

    def block(self, name: str) -> Record | None:
        return dict(self.blocks).get(name)

    def source(self) -> Source:
        record = self.block("tls")
        return self.rule.source(record.path, record.where) if record is not None else self.rule.source()


@dataclass(slots=True)
class DestinationRules:
    """All rules of a load. `used` keeps the ones that were found to apply to something."""

    rules: list[Resource]
    setting: Setting
    default_export: tuple[str, ...] = ("*",)
    used: set[tuple[str, str]] = field(default_factory=set)
    _names: Names[Resource] = field(init=False)

    def __post_init__(self) -> None:
        self._names = Names((host_of(rule), rule) for rule in self.rules)

    def terms(self, host: str, port: int, entry: Audience) -> Terms | None:
        """What applies to a host pattern that an entry registers, at a port."""
        for rule in self.found(host, entry):
            policy: Record | None = rule.spec.get("trafficPolicy")
            if policy is not None:
                return Terms(rule, tuple(_in_force(policy, port, {}).items()))
        return None

    def subset(self, name: str, host: str, port: int, entry: Audience) -> Terms | None:
        """What applies to a subset; None where no rule names one. Where it says nothing its host's policy holds."""
        whole = self.terms(host, port, entry)
        for rule in self.found(host, entry):
            for subset in rule.spec.get("subsets", []):
                if subset.get("name") == name:
                    blocks = dict(whole.blocks) if whole is not None else {}
                    policy: Record | None = subset.get("trafficPolicy")
                    merged = _in_force(policy, port, blocks) if policy is not None else blocks
                    labels = tuple(sorted(subset.get("labels", {}).items()))
                    return Terms(rule, tuple(merged.items()), labels)
        return None

    def found(self, host: str, entry: Audience) -> list[Resource]:
        """The rules for a host, the one that counts first: of the client's namespace, else of the destination's, else
        of the root namespace; in each the most specific host; one that selects the gate before one for everything."""
        here, root = self.setting.gate.namespace, self.setting.gate.root_namespace
        for owner in dict.fromkeys((here, entry.namespace, root)):
            candidates = list(self._of(owner, host, entry))
            best = max((self._rank(rule) for rule in candidates), default=None)
            if best is not None:
                chosen = [rule for rule in candidates if self._rank(rule) == best]
                self.used |= {(rule.namespace, rule.name) for rule in chosen}
                return chosen
        return []

    def _of(self, owner: str, host: str, entry: Audience) -> Iterator[Resource]:
        """A namespace's rules that the gate sees, or all who see the entry, and that do not select another workload."""
        gate = self.setting.gate
        for rule in self._names.covering(host):
            export_to = exports(rule.spec, self.default_export)
            seen = visible(export_to, owner, gate.namespace)
            seen = seen or covers(export_to, owner, entry.export_to, entry.namespace)
            if rule.namespace == owner and seen and self._selected(rule):
                yield rule

    def _selected(self, rule: Resource) -> bool:
        selector: Record | None = rule.spec.get("workloadSelector")
        return selector is None or selects(selector.get("matchLabels", {}), self.setting.gate.labels)

    def _rank(self, rule: Resource) -> tuple[bool, int]:
        return "workloadSelector" in rule.spec, weight(host_of(rule))

    def warn_unused(self, gateways: Callable[[str], bool]) -> None:
        """A rule that applies to nothing is probably a mistake, unless it is about a gateway's own hop."""
        for rule in self.rules:
            if (rule.namespace, rule.name) in self.used:
                continue
            if gateways(host_of(rule)):
                _warn_gone(rule)
                continue
            if not self._selected(rule):
                selector = rule.spec.at("workloadSelector")
                rule.reading.warn(
                    selector, "spec.workloadSelector", "does not select this gate", "give it these labels"
                )
            else:
                rule.reading.warn(
                    rule.spec.at("host"),
                    "spec.host",
                    f'"{rule.spec.get("host")}" is no registered host that this rule applies to',
                    "register it with a ServiceEntry in sight of the rule",
                )


def host_of(rule: Resource) -> str:
    return qualified(rule.spec.get("host", ""), rule.namespace)


def all_tls(rule: Resource) -> Iterable[Record]:
    """Every `tls` block of a rule."""
    holders = [rule.spec, *rule.spec.get("subsets", [])]
    for policy in (holder.get("trafficPolicy") for holder in holders if "trafficPolicy" in holder):
        blocks = [policy.get("tls"), *(port.get("tls") for port in policy.get("portLevelSettings", []))]
        yield from (block for block in blocks if block is not None)


def _warn_gone(rule: Resource) -> None:
    """Of a rule for a gateway's own host: its TLS is the gate's affair, and nothing else has a hop to hold for."""
    policy: Record | None = rule.spec.get("trafficPolicy")
    for name in policy.values if policy is not None else ():
        if policy is not None and name not in ("tls", "portLevelSettings"):
            what = "is about the hop to the egress gateway that the gate stands for, and there is none"
            rule.reading.warn(policy.at(name), policy.under(name), what, "say it of the host behind the gateway")


def _in_force(policy: Record, number: int, inherited: dict[str, Record]) -> dict[str, Record]:
    """The blocks of a policy at a port, over those of the host it is a subset of. A port's settings replace all that
    they could say, also what they leave out."""
    given = {name: policy.get(name) for name in (*BLOCKS, *WHOLE) if name in policy}
    blocks = inherited | given
    for settings in policy.get("portLevelSettings", []):
        port: Record | None = settings.get("port")
        if port is not None and port.get("number") == number:
            kept = {name: block for name, block in blocks.items() if name in WHOLE}
            return kept | {name: settings.get(name) for name in BLOCKS if name in settings}
    return blocks
