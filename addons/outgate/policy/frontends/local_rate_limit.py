"""Envoy's local rate limit: its shape, and what it comes to.

Owns the fields of `LocalRateLimit` and of the actions of routes, as far as the model can say them. What it cannot say
is refused. Where a limit holds, and which document patches it into Envoy, is each mesh's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.documents import Node
from outgate.policy.header_formats import literal_fault
from outgate.policy.model import Fate, Source
from outgate.policy.route_model import (
    Bucket,
    HeaderChange,
    LimitBy,
    LimitPart,
    LimitScope,
    NamedMatch,
    RateLimit,
    TextKind,
    TextMatch,
)
from outgate.policy.schema import (
    Anything,
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Integer,
    Reading,
    Record,
    Sequence,
    Text,
)
from outgate.problems import Where

LOCAL = "envoy.filters.http.local_ratelimit"
TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
STRUCT = ("udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct")
DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
ADDED = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT")
TOO_MANY = 429

BUCKET = Fields(
    {
        "maxTokens": Field(Integer(1, 2**32 - 1), required=True),
        "tokensPerFill": Field(Integer(1, 2**32 - 1)),
        "fillInterval": Field(Duration(least=0.05), required=True),
    },
    snake=True,
)
FRACTION = Fields(
    {
        "runtimeKey": Field(Text()),
        "defaultValue": Field(
            Fields(
                {"numerator": Field(Integer(0, 2**32 - 1)), "denominator": Field(Choice(tuple(DENOMINATORS)))},
                snake=True,
            )
        ),
    },
    snake=True,
)
HEADER = Fields(
    {
        "header": Field(Fields({"key": Field(Text(empty=False), required=True), "value": Field(Text())}, snake=True)),
        "append": Field(Boolean()),
        "appendAction": Field(Choice((*ADDED, "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"))),
    },
    snake=True,
)
ENTRY = Fields({"key": Field(Text(empty=False), required=True), "value": Field(Text())}, snake=True)
DESCRIPTOR = Fields(
    {
        "entries": Field(Sequence(ENTRY, least=1), required=True),
        "tokenBucket": Field(BUCKET, required=True),
    },
    snake=True,
)
CONFIG = Fields(
    {
        "@type": Field(Text()),
        "statPrefix": Field(Text()),
        "status": Field(Fields({"code": Field(Integer(0, 599))}, snake=True)),
        "tokenBucket": Field(BUCKET),
        "filterEnabled": Field(FRACTION),
        "filterEnforced": Field(FRACTION),
        "responseHeadersToAdd": Field(Sequence(HEADER, most=10)),
        "localRateLimitPerDownstreamConnection": Field(Boolean()),
        "descriptors": Field(Sequence(DESCRIPTOR)),
        "rateLimits": Field(Anything(), fate=Fate.LATER),
        "enableXRatelimitHeaders": Field(Text(), fate=Fate.IGNORED, note="retry-after is always told"),
    },
    snake=True,
)
GENERIC = Fields({"descriptorKey": Field(Text()), "descriptorValue": Field(Text(), required=True)}, snake=True)
REQUEST_HEADERS = Fields(
    {
        "headerName": Field(Text(empty=False), required=True),
        "descriptorKey": Field(Text(empty=False), required=True),
        "skipIfAbsent": Field(Boolean()),
    },
    snake=True,
)
ACTIONS = Sequence(
    Fields(
        {
            "actions": Field(
                Sequence(
                    Fields(
                        {
                            "genericKey": Field(GENERIC),
                            "requestHeaders": Field(REQUEST_HEADERS),
                            "remoteAddress": Field(Anything()),
                        },
                        snake=True,
                    )
                )
            )
        },
        snake=True,
    )
)


class Owner(Protocol):
    """The document that has the configuration in it."""

    @property
    def reading(self) -> Reading: ...
    @property
    def kind(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    def source(self, field: str = "", where: Where | None = None) -> Source: ...


@dataclass(frozen=True, slots=True)
class LimitConfig:
    """What one configuration comes to; none where it only makes those of routes possible."""

    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One entry that an action makes: its key, its text where that is fixed, and what it is made of."""

    key: str
    value: str = ""
    by: LimitBy | None = None
    header: str = ""


def configured(node: Node, rates: Node | None, path: str, owner: Owner, index: int) -> LimitConfig | None:
    """The limits of one `typed_config`, plain or as a typed struct; None, said why, where it is none."""
    reading = owner.reading
    kind = _text(node, "@type").rpartition("/")[2]
    if kind in STRUCT:
        kind = (_text(node, "type_url") or _text(node, "typeUrl")).rpartition("/")[2]
        node = node.child("value") or Node({}, node.where)
    if kind != TYPE:
        reading.error(node.where, path, f'"{kind}" is no {TYPE}', "write its type")
        return None
    record = CONFIG.read(node, path, reading)
    actions = ACTIONS.read(rates, f"{path}.rate_limits", reading) if rates is not None else []
    if record is None or reading.failed or _idle(record, owner):
        return LimitConfig(()) if record is not None else None
    return LimitConfig(tuple(_limits(record, actions or [], owner, index)))


def _text(node: Node, name: str) -> str:
    child = node.child(name)
    return child.data if child is not None and isinstance(child.data, str) else ""


def _idle(record: Record, owner: Owner) -> bool:
    """Whether it does nothing: no bucket, or no request is counted or refused. That is said."""
    if "tokenBucket" not in record and not record.get("descriptors"):
        return True
    for name in ("filterEnabled", "filterEnforced"):
        if not _percent(record, name):
            what = f"{name} is 0 %, so that nothing is limited"
            owner.reading.warn(record.at(name), record.under(name), what, "give it 100 of HUNDRED")
            return True
    return False


def _percent(record: Record, name: str) -> float:
    fraction: Record | None = record.get(name)
    value: Record | None = fraction.get("defaultValue") if fraction is not None else None
    if value is None:
        return 0.0
    share: float = 100.0 * value.get("numerator", 0) / DENOMINATORS[value.get("denominator", "HUNDRED")]
    return min(share, 100.0)


def _limits(record: Record, rates: list[Record], owner: Owner, index: int) -> Iterator[RateLimit]:
    own = f"{owner.kind}/{owner.namespace}/{owner.name}/{index}"
    bucket: Record | None = record.get("tokenBucket")
    if bucket is not None:
        yield _limit(own, bucket, record, owner)
    for number, descriptor in enumerate(record.get("descriptors", [])):
        found = False
        for turn, rate in enumerate(rates):
            parts = _parts(rate, owner)
            if parts is not None and _fits(parts, descriptor):
                found = True
                key = f"{own}/{number}/{turn}"
                yield _limit(key, descriptor.get("tokenBucket"), record, owner, _matched(parts, descriptor))
        if not found:
            what = "no action of a route makes these entries, so that nothing is limited by them"
            owner.reading.warn(descriptor.where, descriptor.path, what, "add rate_limits to the route")


def _limit(
    key: str, bucket: Record, record: Record, owner: Owner, parts: tuple[tuple[_Part, str], ...] = ()
) -> RateLimit:
    status: Record | None = record.get("status")
    code = status.get("code", TOO_MANY) if status is not None else TOO_MANY
    per_connection = record.get("localRateLimitPerDownstreamConnection", False)
    return RateLimit(
        key=key,
        bucket=Bucket(bucket.get("maxTokens"), bucket.get("tokensPerFill", 1), bucket.get("fillInterval")),
        scope=LimitScope.CONNECTION if per_connection else LimitScope.PROCESS,
        by=tuple(LimitPart(part.by, part.header) for part, value in parts if part.by is not None and not value),
        headers=tuple(
            NamedMatch(part.header, TextMatch(TextKind.EXACT, value))
            for part, value in parts
            if part.by is LimitBy.HEADER and value
        ),
        caller=tuple(
            Condition(Attribute.SOURCE_IP, (str(ip_network(value)),))
            for part, value in parts
            if part.by is LimitBy.SOURCE_IP and value
        ),
        enabled_percent=_percent(record, "filterEnabled"),
        enforced_percent=_percent(record, "filterEnforced"),
        status=code if code >= 400 else TOO_MANY,
        response_headers=_headers(record, owner),
        source=owner.source(record.path, record.where),
    )


def _headers(record: Record, owner: Owner) -> HeaderChange:
    pairs: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for each in record.get("responseHeadersToAdd", []):
        header: Record | None = each.get("header")
        added = each.get("append", True) if "appendAction" not in each else each.get("appendAction") in ADDED
        if header is None:
            continue
        value = header.get("value", "")
        if fault := literal_fault(value):
            _unapplied(owner, header.at("value"), header.under("value"), f"{fault}, which is not yet applied")
        else:
            pairs[added].append((header.get("key"), value.replace("%%", "%")))
    return HeaderChange(set=tuple(pairs[False]), add=tuple(pairs[True]))


def _parts(rate: Record, owner: Owner) -> tuple[_Part, ...] | None:
    """The entries that the actions of a route make, in order; None, said why, where one of them is not known."""
    made: list[_Part] = []
    for action in rate.get("actions", []):
        generic: Record | None = action.get("genericKey")
        header: Record | None = action.get("requestHeaders")
        if generic is not None:
            made.append(_Part(generic.get("descriptorKey") or "generic_key", generic.get("descriptorValue")))
        elif header is not None:
            made.append(_Part(header.get("descriptorKey"), by=LimitBy.HEADER, header=header.get("headerName").lower()))
        elif "remoteAddress" in action:
            made.append(_Part("remote_address", by=LimitBy.SOURCE_IP))
        else:
            _unapplied(owner, action.where, action.path, "an action that is not yet applied")
            return None
    return tuple(made)


def _unapplied(owner: Owner, where: Where, path: str, what: str) -> None:
    tell = owner.reading.error if owner.reading.strict else owner.reading.warn
    tell(where, path, what, "remove it, or load with --lenient")


def _fits(parts: tuple[_Part, ...], descriptor: Record) -> bool:
    entries: list[Record] = descriptor.get("entries")
    return len(parts) == len(entries) and all(
        part.key == entry.get("key") and (part.by is not None or part.value == entry.get("value", ""))
        for part, entry in zip(parts, entries, strict=True)
    )


def _matched(parts: tuple[_Part, ...], descriptor: Record) -> tuple[tuple[_Part, str], ...]:
    return tuple((part, entry.get("value", "")) for part, entry in zip(parts, descriptor.get("entries"), strict=True))
