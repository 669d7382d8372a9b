"""Policies item by item: what each of `to`, `from` and `rules` says of whom.

Owns the shape that kinds with items share, and what Kuma asks of the items together. What a conf says is each kind's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma import target as targets
from outgate.policy.frontends.kuma.allowed import Place, kinds, wider
from outgate.policy.frontends.kuma.dialect import Dialect, Role
from outgate.policy.frontends.kuma.resource import Resource, read
from outgate.policy.model import Fate, Source
from outgate.policy.schema import Field, Fields, Reading, Record, Shape, Text
from outgate.policy.schema import Sequence as List

INBOUND = "about what arrives at a workload, which does not pass the gate"
GATEWAYS = "about what passes a gateway of the mesh"
SPIFFE = "spiffe://"
SPIFFE_ID = Fields({"type": Field(Text()), "value": Field(Text())})
MATCH = Fields({"spiffeID": Field(SPIFFE_ID), "sni": Field(SPIFFE_ID)})


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One item of a policy."""

    resource: Resource
    side: str
    """`to`, `from` or `rules`."""
    index: int
    top: Record | None
    """The policy's own reference."""
    target: Record | None
    """The item's; None in `rules`."""
    conf: Record
    record: Record
    siblings: tuple[Record | None, ...] = ()
    """What the items beside it are about, its own included."""

    @property
    def source(self) -> Source:
        return self.resource.source(self.record.path, self.record.where)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of policy that has items."""

    name: str
    conf: Shape
    sides: tuple[str, ...]
    check: Callable[[Record, Reading], None]
    """What the fields of one conf ask of each other."""
    item_check: Callable[[Entry], None] | None = None
    needs_some: bool = True
    """One of the sides has to be there."""
    apart: bool = False
    """`to` and `rules` never stand in one policy; of most kinds they may in 3.0."""
    whole: bool = False
    """The conf is the item itself, and not what stands under `default`."""
    scoped: bool = False
    """Gateways have `to`, and all others `from`: MeshRateLimit and MeshFaultInjection."""

    def entries(self, document: Document, setting: Setting, contribution: Contribution) -> list[Entry]:
        """The items of a document; none where it cannot be used."""
        resource = read(document, self._spec(), setting, contribution)
        if resource is None:
            return []
        reading = resource.reading
        self._check_sides(resource)
        _check_top(resource)
        found = list(self._items(resource))
        for entry in found:
            self._check_item(entry)
        if not found:
            reading.set_aside("", "has no items")
        contribution.problems += reading.problems
        return [] if reading.failed else found

    def _spec(self) -> Fields:
        under = Fields({"targetRef": Field(targets.TARGET, required=True), "default": Field(self.conf)})
        item = self.conf if self.whole else under
        rule = Fields({"matches": Field(List(MATCH)), "default": Field(self.conf)})
        return Fields(
            {
                "targetRef": Field(targets.TARGET),
                **{side: self._side(List(rule if side == "rules" else item), side) for side in self.sides},
            }
        )

    def _side(self, shape: Shape, side: str) -> Field:
        if self.applies(side):
            return Field(shape)
        return Field(shape, fate=Fate.IGNORED, note=GATEWAYS if self.scoped else INBOUND)

    def applies(self, side: str) -> bool:
        """Whether a side is about what leaves: `to`, but for kinds that are about what arrives where it leaves."""
        return (side != "to") if self.scoped or "to" not in self.sides else side == "to"

    def _items(self, resource: Resource) -> Iterator[Entry]:
        top: Record | None = resource.spec.get("targetRef")
        for side in self.sides:
            records: list[Record] = resource.spec.get(side, [])
            siblings = tuple(record.get("targetRef") for record in records)
            for index, record in enumerate(records):
                conf = (
                    record
                    if self.whole
                    else record.get("default") or Record(record.where, record.under("default"), {}, {})
                )
                yield Entry(resource, side, index, top, record.get("targetRef"), conf, record, siblings)

    def _conf(self, record: Record) -> Record:
        if self.whole:
            return record
        return record.get("default") or Record(record.where, record.under("default"), {}, {})

    def _check_sides(self, resource: Resource) -> None:
        spec, reading, dialect = resource.spec, resource.reading, resource.dialect
        given = [side for side in self.sides if spec.get(side)]
        usual = [side for side in self.sides if not (side == "from" and dialect is Dialect.V3_0)]
        if "from" in given and dialect is Dialect.V3_0:
            hint = f"write rules; dialect {Dialect.V2_14} takes it: set kuma_dialect"
            reading.error(spec.at("from"), "spec.from", "unknown field", hint)
        if self.needs_some and not given:
            self._refuse_nothing(spec, usual, reading)
        if "rules" in given and len(given) > 1 and (self.apart or self.scoped or dialect is not Dialect.V3_0):
            what = "field 'to' must be empty when 'rules' is defined"
            if dialect is not Dialect.V3_0:
                what = "fields 'to' and 'from' must be empty when 'rules' is defined"
            reading.error(spec.where, "spec", what, "write two policies")
        if self.scoped:
            self._check_scope(resource, given)

    def _refuse_nothing(self, spec: Record, usual: Sequence[str], reading: Reading) -> None:
        shown = [f"'{side}'" for side in sorted(usual, key=("from", "to", "rules").index)]
        if len(shown) == 1:
            path = f"spec.{usual[0]}" if usual != ["rules"] else "spec"
            what = "needs at least one item" if usual != ["rules"] else "policy must define rules"
        else:
            path, what = "spec", f"at least one of {', '.join(shown[:-1])} or {shown[-1]} has to be defined"
        reading.error(spec.at(usual[0]), path, what, "add one")

    def _check_scope(self, resource: Resource, given: Sequence[str]) -> None:
        """What arrives at gateways is said by `to`, what arrives at others by `from` or `rules`."""
        spec, reading = resource.spec, resource.reading
        gateways = _gateways(spec.get("targetRef"), resource.dialect)
        both = "must not be defined when the scope includes a Gateway, select only proxyType Sidecar or select only"
        if gateways and "from" in given:
            reading.error(spec.at("from"), "spec.from", f"{both} gateways and use spec.to")
        if not gateways and "to" in given:
            reading.error(spec.at("to"), "spec.to", "must not be defined", "use spec.from or spec.rules")
        if "to" in given and "rules" in given:
            reading.error(spec.at("rules"), "spec.rules", "must not be defined", "use spec.to")

    def _check_item(self, entry: Entry) -> None:
        resource, record, reading = entry.resource, entry.record, entry.resource.reading
        if entry.target is not None:
            place = Place.TO if entry.side == "to" else Place.FROM
            named = entry.target.get("kind", "")
            found = kinds(resource.kind, place, resource.dialect)
            gateways = (self.whole or self.apart) and entry.side == "to"
            if gateways and entry.top is not None and entry.top.get("kind") == "MeshGateway":
                found = ("Mesh",)
            targets.check(entry.target, found, wider(resource.kind, place, named), resource.dialect, reading)
        for match in record.get("matches", []):
            _check_match(match, reading)
        self.check(entry.conf, reading)
        if self.item_check is not None:
            self.item_check(entry)


def _check_top(resource: Resource) -> None:
    top: Record | None = resource.spec.get("targetRef")
    if top is not None:
        check_top(top, resource)
    if resource.dialect is Dialect.MADR062:
        _require_proxies(top, resource)


def check_top(top: Record, resource: Resource) -> None:
    """A policy's own reference."""
    reading, kind = resource.reading, top.get("kind", "")
    found = kinds(resource.kind, Place.TOP, resource.dialect)
    targets.check(top, found, wider(resource.kind, Place.TOP, kind), resource.dialect, reading)
    inbound = bool(resource.spec.get("rules") or resource.spec.get("from"))
    if kind == "Dataplane" and "sectionName" in top and not inbound:
        where = top.at("sectionName")
        reading.error(where, top.under("sectionName"), "can only be used with inbound policies", "remove it")


def _require_proxies(top: Record | None, resource: Resource) -> None:
    """The design 062: what names something outside has to say which proxies it means."""
    about = [top, *(item.get("targetRef") for item in resource.spec.get("to", []))]
    outside = any(each is not None and each.get("kind") == "MeshExternalService" for each in about)
    if outside and (top is None or not top.get("proxyType")):
        reading = resource.reading
        where = top.where if top is not None else resource.spec.where
        what = "must be set when a MeshExternalService is referenced"
        hint = f'write proxyType: ["{Role.EGRESS}"]; dialects after {Dialect.MADR062} need none'
        reading.error(where, "spec.targetRef.proxyType", what, hint)


def _gateways(top: Record | None, dialect: Dialect) -> bool:
    if top is None:
        return True
    if top.get("kind") in ("Mesh", "MeshSubset"):
        if dialect is Dialect.MADR062 and top.get("proxyType"):
            return False
        return "Gateway" in top.get("proxyTypes", ["Gateway"])
    return top.get("kind") in ("MeshGateway", "MeshHTTPRoute")


def _check_match(match: Record, reading: Reading) -> None:
    if "spiffeID" not in match and "sni" not in match:
        reading.error(match.where, match.path, "either spiffeID or sni must be set", "add one")
    check_spiffe(match.get("spiffeID"), reading)
    check_sni(match.get("sni"), reading)


def check_spiffe(record: Record | None, reading: Reading) -> None:
    if record is None:
        return
    kind, value = record.get("type"), record.get("value", "")
    if not kind:
        reading.error(record.where, record.under("type"), "must be set", "Exact or Prefix")
    elif kind not in ("Exact", "Prefix"):
        reading.error(record.at("type"), record.under("type"), f"unrecognized type '{kind}'", "Exact or Prefix")
    if not value.startswith(SPIFFE):
        reading.error(record.where, record.path, "must be a valid Spiffe ID: scheme is missing or invalid")


def check_sni(record: Record | None, reading: Reading) -> None:
    if record is None:
        return
    if record.get("type") != "Exact":
        reading.error(record.at("type"), record.under("type"), "must be Exact", "write Exact")
    if not record.get("value"):
        reading.error(record.where, record.under("value"), "must be set", "add it")
