"""MeshExternalService: something outside, under a name of the mesh's own.

Owns the shape, its checks, and what it comes to without policies. What policies make of it is `destinations.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma import external_tls
from outgate.policy.frontends.kuma.resource import Resource, read
from outgate.policy.frontends.kuma.shapes import Count, OneOf
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.model import Endpoint, Fate, Protocol, UpstreamTLS
from outgate.policy.schema import Anything, Field, Fields, Record, Sequence, Text

PROTOCOLS = {"tcp": Protocol.TCP, "grpc": Protocol.GRPC, "http": Protocol.HTTP, "http2": Protocol.HTTP2}
LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LONGEST = 63
PORT = Count(1, 65535, "port must be a valid (1-65535)")
GENERATOR = "HostnameGenerator"
DOMAIN = "extsvc.mesh.local"

ENDPOINT = Fields(
    {"address": Field(Text()), "port": Field(Anything()), "priority": Field(Count(0, 128))},
)
MATCH = Fields(
    {
        "type": Field(Text()),
        "port": Field(Anything()),
        "protocol": Field(OneOf("protocol", tuple(PROTOCOLS))),
    }
)
SPEC = Fields(
    {
        "match": Field(MATCH, required=True),
        "endpoints": Field(Sequence(ENDPOINT)),
        "tls": Field(external_tls.TLS),
        "extension": Field(Anything(), fate=Fate.IGNORED, note="no extension is known, so nothing is reached by it"),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class ExternalService:
    """One document in words of the model."""

    resource: Resource
    port: int
    protocol: Protocol
    endpoints: tuple[Endpoint, ...]
    tls: UpstreamTLS | None

    @property
    def key(self) -> str:
        return f"kuma/{self.resource.mesh}/{self.resource.name}"

    @property
    def host(self) -> str:
        """The name that Kuma's own HostnameGenerator makes."""
        return f"{self.resource.name}.{DOMAIN}"

    @property
    def names(self) -> tuple[str, ...]:
        """Of its endpoints, without those that are addresses."""
        return tuple(dict.fromkeys(each.address for each in self.endpoints if literal(each.address) is None))

    @property
    def speaks_http(self) -> bool:
        return self.protocol is not Protocol.TCP


def external_service(document: Document, setting: Setting, contribution: Contribution) -> ExternalService | None:
    """The document, or None where it cannot be used."""
    resource = read(document, SPEC, setting, contribution)
    if resource is None:
        return None
    _check(resource)
    reading = resource.reading
    contribution.problems += reading.problems
    if reading.failed or not resource.spec.get("endpoints") or "extension" in resource.spec:
        return None
    spec = resource.spec
    endpoints: list[Record] = spec.get("endpoints")
    return ExternalService(
        resource,
        spec.get("match").get("port").data,
        PROTOCOLS[spec.get("match").get("protocol", "tcp")],
        tuple(_endpoint(endpoint) for endpoint in endpoints),
        external_tls.upstream_tls(resource, tuple(each.get("address") for each in endpoints), setting.kuma_secrets),
    )


def _endpoint(record: Record) -> Endpoint:
    return Endpoint(canonical_host(record.get("address")), record.get("port").data, priority=record.get("priority", 0))


def _check(resource: Resource) -> None:
    reading, spec, document = resource.reading, resource.spec, resource.document
    place = document.root.child("name") or document.root.child("metadata", "name") or document.root
    if len(resource.name) > LONGEST:
        reading.error(place.where, "name", f"must not be longer than {LONGEST} characters", "shorten it")
    elif not LABEL.fullmatch(resource.name):
        what = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character"
        )
        reading.error(place.where, "name", what, 'such as "my-name"')
    match: Record = spec.get("match")
    if (kind := match.get("type", GENERATOR)) != GENERATOR:
        what = f"unrecognized type '{kind}' - only '{GENERATOR}' is supported"
        reading.error(match.at("type"), match.under("type"), what, f"write {GENERATOR}")
    _check_port(match, resource)
    if "extension" not in spec:
        for endpoint in spec.get("endpoints", []):
            _check_endpoint(endpoint, resource)
    external_tls.check(spec.get("tls"), resource.dialect, reading)
    if not reading.failed:
        _warn(resource)


def _check_endpoint(endpoint: Record, resource: Resource) -> None:
    address = endpoint.get("address", "")
    if not _is_host(address):
        what = "address has to be a valid IP or hostname"
        resource.reading.error(endpoint.at("address"), endpoint.under("address"), what, "write one")
    _check_port(endpoint, resource)


def _check_port(record: Record, resource: Resource) -> None:
    """A port that is missing is as wrong as one that cannot be."""
    if (node := record.get("port")) is None:
        what = "port must be a valid (1-65535)"
        resource.reading.error(record.where, record.under("port"), what, "add it")
    else:
        PORT.read(node, record.under("port"), resource.reading)


def _is_host(address: str) -> bool:
    try:
        canonical_host(address)
    except HostError:
        return False
    return True


def _warn(resource: Resource) -> None:
    spec, reading = resource.spec, resource.reading
    if "extension" not in spec and not spec.get("endpoints"):
        what = "there is none, so nothing is reached by it"
        reading.warn(spec.where, "spec.endpoints", what, "add one")
        reading.set_aside("", what)
    if "extension" in spec:
        what = "no extension is known, so nothing is reached by it"
        reading.warn(spec.at("extension"), "spec.extension", what, "write endpoints")
        reading.set_aside("", what)
    named = {each.get("address") for each in spec.get("endpoints", []) if literal(each.get("address")) is None}
    if len(named) > 1 and spec.get("match").get("protocol") != "tcp":
        what = "have several names, and all of them are told one: that of serverName, or the first"
        reading.warn(spec.at("endpoints"), "spec.endpoints", what, "register each for itself")
    tls: Record | None = spec.get("tls")
    if tls is not None and not tls.get("enabled", False):
        what = "says nothing, for it is not enabled"
        reading.warn(tls.where, "spec.tls", what, "write enabled: true")
        reading.set_aside("spec.tls", what)
