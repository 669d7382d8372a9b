"""`EgressDestination`: a place outside, its ports, and how the gate reaches it.

Owns the kind's shape, what its fields demand of each other, and the translation.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.frontends import Contribution
from outgate.policy.frontends.native import tls
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.shapes import Cidr, Host
from outgate.policy.hosts import literal
from outgate.policy.model import (
    EVERY_PORT,
    Destination,
    Endpoint,
    HeaderInjection,
    Intercept,
    Port,
    Protocol,
    Resolution,
    Upstream,
    UpstreamTLS,
    Via,
)
from outgate.policy.schema import (
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Integer,
    Mapping,
    Reading,
    Record,
    Sequence,
    Text,
    Timestamp,
)

NUMBER = Integer(1, 65535)


@dataclass(frozen=True, slots=True)
class NumberOrEvery:
    """A port number, or `*` for every port that is not listed."""

    def read(self, node: Node, path: str, reading: Reading) -> int | None:
        return EVERY_PORT if node.data == "*" else NUMBER.read(node, path, reading)


TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
NAMESPACE = r"\*|\.|~?[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
VALUE = r"[\t\x20-\x7e\x80-\xff]*"
FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say where a message goes or ends."""

PROPAGATIONS = ("none", "w3c", "b3", "b3multi", "passthrough")
ENDPOINT = Fields(
    {
        "address": Field(Host(pattern=False), required=True),
        "port": Field(NUMBER),
        "weight": Field(Integer(1)),
        "priority": Field(Integer(0)),
        "locality": Field(Text()),
        "labels": Field(Mapping(Text())),
    }
)

UPSTREAM = Fields(
    {
        "port": Field(NUMBER),
        "protocol": Field(Choice(("HTTP", "HTTPS", "HTTP2", "GRPC"), fold=True)),
        "connectTimeout": Field(Duration()),
        "resolution": Field(Choice(tuple(Resolution), fold=True)),
        "endpoints": Field(Sequence(ENDPOINT, most=4096)),
        "tls": Field(tls.TLS),
    }
)

PORT = Fields(
    {
        "number": Field(NumberOrEvery(), required=True),
        "protocol": Field(Choice(tuple(Protocol), fold=True)),
        "intercept": Field(Choice(tuple(Intercept), fold=True)),
        "tls": Field(tls.TLS),
        "upstream": Field(UPSTREAM),
    }
)

NAME = Text(pattern=TOKEN, hint="use letters, digits and hyphens")
HEADERS = Fields(
    {
        "set": Field(
            Sequence(
                Fields(
                    {
                        "name": Field(NAME, required=True),
                        "value": Field(Text(pattern=VALUE, hint="no control characters"), required=True),
                    }
                )
            )
        ),
        "setFromFile": Field(
            Sequence(Fields({"name": Field(NAME, required=True), "file": Field(Text(empty=False), required=True)}))
        ),
    }
)

SPEC = Fields(
    {
        "hosts": Field(Sequence(Host(), most=256)),
        "addresses": Field(Sequence(Cidr(), most=256)),
        "ports": Field(Sequence(PORT, most=256), required=True),
        "resolution": Field(Choice(tuple(Resolution), fold=True)),
        "endpoints": Field(Sequence(ENDPOINT, most=4096)),
        "exportTo": Field(Sequence(Text(pattern=NAMESPACE, hint='use "*", ".", a namespace, or "~" and one'), least=1)),
        "internal": Field(Boolean()),
        "headers": Field(HEADERS),
        "allowAddresses": Field(Sequence(Cidr())),
        "region": Field(Text()),
        "propagation": Field(Choice(PROPAGATIONS, fold=True)),
        "via": Field(Choice(tuple(Via), fold=True)),
        "expires": Field(Timestamp()),
    }
)


def translate(resource: Resource, spec: Record, into: Contribution) -> None:
    """Adds the destination of one document, unless its fields contradict each other."""
    ports = tuple(_port(resource, spec, record) for record in spec.get("ports", ()))
    headers = _headers(resource, spec)
    _named(resource, spec)
    _numbers(resource, spec)
    if headers and not any(_http(port) for port in ports):
        resource.reading.error(
            spec.at("headers"), "spec.headers", "no port carries HTTP that the gate sees", "remove it"
        )
    if resource.reading.failed:
        return
    into.destinations.append(
        Destination(
            key=resource.key,
            name=resource.document.name,
            namespace=resource.namespace,
            hosts=tuple(dict.fromkeys(spec.get("hosts", ()))),
            networks=tuple(dict.fromkeys(spec.get("addresses", ()))),
            ports=ports,
            source=resource.source(),
            export_to=tuple(spec.get("exportTo") or ("*",)),
            internal=spec.get("internal", False),
            headers=headers,
            allow_networks=tuple(spec.get("allowAddresses", ())),
            region=spec.get("region", ""),
            propagation=spec.get("propagation", ""),
            via=Via(spec.get("via")) if "via" in spec else None,
            expires=spec.get("expires"),
            owner=resource.document.annotation("owner"),
            purpose=resource.document.annotation("purpose"),
        )
    )


def _port(resource: Resource, spec: Record, record: Record) -> Port:
    protocol = Protocol(record.get("protocol", Protocol.ANY))
    raw = protocol in (Protocol.TLS, Protocol.TCP)
    _spoken(resource, record, protocol)
    return Port(
        number=record.get("number", 0),
        protocol=protocol,
        upstream=_upstream(resource, spec, record, protocol),
        intercept=Intercept(record.get("intercept", Intercept.TUNNEL if raw else Intercept.DECRYPT)),
        tls=_onward(resource, record, protocol),
        source=resource.source(record.path, record.where),
    )


def _onward(resource: Resource, record: Record, protocol: Protocol) -> UpstreamTLS:
    """How the server is verified to which TLS that was decrypted goes on."""
    block: Record | None = record.get("tls")
    if block is None:
        return UpstreamTLS()
    reading = resource.reading
    if protocol in (Protocol.TCP, Protocol.HTTP) or _tunnelled(record, protocol):
        reading.error(block.where, block.path, f"no TLS is decrypted here ({protocol})", "write it as upstream.tls")
    made = tls.translate(resource, block)
    if made is None:
        reading.error(block.where, block.path, "what came encrypted does not go on in the clear", "remove it")
    return made or UpstreamTLS()


def _spoken(resource: Resource, record: Record, protocol: Protocol) -> None:
    """What cannot be: to decrypt what is not TLS, and to change what passes unread or has to stay encrypted."""
    reading, upstream = resource.reading, record.get("upstream")
    if protocol is Protocol.TCP and record.get("intercept") == Intercept.DECRYPT:
        hint = "remove it, or say what is inside: HTTPS, HTTP2 or GRPC"
        reading.error(record.at("intercept"), record.under("intercept"), "TCP is relayed as it is", hint)
    if protocol is Protocol.HTTP and "intercept" in record:
        tunnel = record.get("intercept") == Intercept.TUNNEL
        meant = "TLS, if TLS is to pass unread" if tunnel else "HTTPS, if the workload speaks TLS"
        hint = f"remove it, or write protocol: {meant}"
        reading.error(record.at("intercept"), record.under("intercept"), "is about TLS, and HTTP is without it", hint)
    if upstream is None or "protocol" not in upstream:
        return
    where, path, wanted = upstream.at("protocol"), upstream.under("protocol"), upstream.get("protocol")
    secure = protocol in (Protocol.TLS, Protocol.HTTPS)
    if (protocol is Protocol.TCP and wanted != "HTTPS") or (secure and _tunnelled(record, protocol)):
        reading.error(where, path, f"has no effect on {protocol} that passes unread", "remove it")
    elif secure and wanted == "HTTP":
        reading.error(where, path, f"would send {protocol} traffic in the clear", "remove it")


def _tunnelled(record: Record, protocol: Protocol) -> bool:
    return record.get("intercept") == Intercept.TUNNEL or (protocol is Protocol.TLS and "intercept" not in record)


def dialled(resource: Resource, block: Record, hosts: tuple[str, ...]) -> Upstream:
    """What a block says by itself of an origin that is no port of a document's."""
    number = block.get("port", 0)
    endpoints = tuple(_endpoint(one, number) for one in block.get("endpoints", ()))
    _places(resource.reading, block, hosts, endpoints)
    return Upstream(
        port=number,
        resolution=_resolution(block, Record(block.where, block.path, {"hosts": hosts}, {}), endpoints),
        endpoints=endpoints,
        tls=_tls(resource, block, block, Protocol.ANY),
        http2=block.get("protocol") in ("HTTP2", "GRPC"),
        connect_timeout=block.get("connectTimeout", 10.0),
    )


def _upstream(resource: Resource, spec: Record, record: Record, protocol: Protocol) -> Upstream:
    upstream = record.get("upstream") or Record(record.where, record.under("upstream"), {}, {})
    number = upstream.get("port", record.get("number", 0))
    endpoints = tuple(_endpoint(one, number) for one in upstream.get("endpoints") or spec.get("endpoints", ()))
    _places(resource.reading, upstream, tuple(spec.get("hosts", ())), endpoints)
    return Upstream(
        port=number,
        resolution=_resolution(upstream if "resolution" in upstream else spec, spec, endpoints),
        endpoints=endpoints,
        tls=_tls(resource, record, upstream, protocol),
        http2=upstream.get("protocol") in ("HTTP2", "GRPC"),
        connect_timeout=upstream.get("connectTimeout", 10.0),
    )


def _tls(resource: Resource, record: Record, upstream: Record, protocol: Protocol) -> UpstreamTLS | None:
    block, reading = upstream.get("tls"), resource.reading
    made = tls.translate(resource, block) if block is not None else None
    if made is None and upstream.get("protocol") == "HTTPS":
        if block is not None:
            reading.error(block.where, block.path, "is DISABLE, and upstream.protocol is HTTPS", "choose one")
        return UpstreamTLS(source=resource.source(upstream.path, upstream.where))
    if block is not None and made is None and protocol in (Protocol.HTTPS, Protocol.TLS):
        reading.error(block.where, block.path, f"would send {protocol} traffic in the clear", "remove it")
    if made is not None and _tunnelled(record, protocol) and protocol is not Protocol.TCP:
        hint = "remove tls, or decrypt the workload's TLS with intercept: DECRYPT"
        reading.error(
            upstream.at("tls"), upstream.under("tls"), "would put TLS around a tunnel that is TLS already", hint
        )
    return made


def _endpoint(record: Record, port: int) -> Endpoint:
    return Endpoint(
        address=record.get("address", ""),
        port=record.get("port", port),
        weight=record.get("weight", 1),
        priority=record.get("priority", 0),
        locality=record.get("locality", ""),
        labels=tuple(sorted(record.get("labels", {}).items())),
    )


def _resolution(said: Record, spec: Record, endpoints: tuple[Endpoint, ...]) -> Resolution:
    """As given; else what hosts and endpoints suggest."""
    if "resolution" in said:
        return Resolution(said.get("resolution"))
    if endpoints:
        return Resolution.STATIC if all(literal(one.address) for one in endpoints) else Resolution.DNS
    hosts = spec.get("hosts", ())
    if any(host.startswith("*") for host in hosts):
        return Resolution.DYNAMIC_DNS
    return Resolution.DNS if hosts and not spec.get("addresses") else Resolution.NONE


def _named(resource: Resource, spec: Record) -> None:
    """What hosts, addresses and the resolution of all ports demand of each other."""
    if "ports" in spec and not spec.get("ports"):
        resource.reading.warn(spec.at("ports"), "spec.ports", "has no entry: nothing goes there", "add the ports")
    hosts = tuple(spec.get("hosts", ()))
    if not hosts and not spec.get("addresses"):
        resource.reading.error(spec.where, "spec", "neither hosts nor addresses", "name what the workload asks for")
    endpoints = tuple(_endpoint(one, 0) for one in spec.get("endpoints", ()))
    if endpoints or not _everywhere(spec):
        _places(resource.reading, spec, hosts, endpoints)


def _places(reading: Reading, record: Record, hosts: tuple[str, ...], endpoints: tuple[Endpoint, ...]) -> None:
    """What the resolution of a block, where it gives one, demands of hosts and endpoints."""
    resolution = record.get("resolution")
    where, path = record.at("resolution"), record.under("resolution")
    if endpoints and resolution in ("NONE", "DYNAMIC_DNS"):
        where, path = record.at("endpoints"), record.under("endpoints")
        reading.error(where, path, f"mean nothing with resolution {resolution}", "remove them")
    elif resolution == "STATIC" and not all(literal(one.address) for one in endpoints):
        where, path = record.at("endpoints"), record.under("endpoints")
        reading.error(where, path, "STATIC takes addresses alone", "use resolution: DNS")
    elif resolution == "STATIC" and not endpoints and "endpoints" not in record:
        reading.error(where, path, "STATIC needs endpoints", "add them")
    elif resolution in ("DNS", "DNS_ROUND_ROBIN") and not endpoints and any(host.startswith("*") for host in hosts):
        hint = "use resolution: DYNAMIC_DNS, or add endpoints"
        reading.error(where, path, f"{resolution} cannot resolve a wildcard", hint)


def _everywhere(spec: Record) -> bool:
    """Whether each port has endpoints of its own."""
    return all(port.get("upstream") and port.get("upstream").get("endpoints") for port in spec.get("ports", ()))


def _numbers(resource: Resource, spec: Record) -> None:
    seen: set[int] = set()
    for record in spec.get("ports", ()):
        number = record.get("number")
        if number == EVERY_PORT:
            _every(resource, spec, record)
        if number in seen:
            resource.reading.error(
                record.at("number"), record.under("number"), f"{number} is there twice", "merge the two"
            )
        seen.add(number)


def _every(resource: Resource, spec: Record, record: Record) -> None:
    """Where every port is meant, the one that the workload dials is dialled."""
    upstream = record.get("upstream")
    for block, name in ((upstream, "port"), (upstream, "endpoints"), (spec, "endpoints")):
        if block is not None and name in block:
            what, hint = 'has no meaning for a port "*", which is dialled as it is', "list the ports"
            resource.reading.error(block.at(name), block.under(name), what, hint)


def _headers(resource: Resource, spec: Record) -> tuple[HeaderInjection, ...]:
    block = spec.get("headers")
    if block is None:
        return ()
    made: list[HeaderInjection] = []
    for record in (*block.get("set", ()), *block.get("setFromFile", ())):
        name = record.get("name", "").lower()
        if name in FRAMING or any(name == other.name for other in made):
            what = "frames the message" if name in FRAMING else "is set twice"
            resource.reading.error(record.at("name"), record.under("name"), f"{name} {what}", "remove it")
        made.append(HeaderInjection(name, record.get("value"), tls.absolute(resource, record.get("file"))))
    return tuple(made)


def _http(port: Port) -> bool:
    return port.protocol is not Protocol.TCP and (
        port.intercept is Intercept.DECRYPT or port.protocol not in (Protocol.TLS, Protocol.HTTPS)
    )
