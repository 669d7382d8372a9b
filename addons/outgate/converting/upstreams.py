"""How an origin is dialled, as the native kinds write it: port, endpoints, TLS.

Owns the `upstream` and `tls` blocks.
"""

from __future__ import annotations

from outgate.converting.values import Content, duration, given
from outgate.policy.model import EVERY_PORT, Endpoint, Resolution, Upstream, UpstreamTLS
from outgate.policy.tls_model import NameKind, SubjectName, Verification

CONNECT_TIMEOUT = 10.0


def upstream(dialled: Upstream, number: int) -> Content:
    """`number`: the port as the workload sees it, which is dialled where none is named."""
    made: Content = {"port": dialled.port} if dialled.port not in (number, EVERY_PORT) else {}
    made["resolution"] = str(dialled.resolution)
    if dialled.http2:
        made["protocol"] = "HTTP2"
    if dialled.connect_timeout != CONNECT_TIMEOUT:
        made["connectTimeout"] = duration(dialled.connect_timeout)
    if dialled.endpoints or dialled.resolution is Resolution.STATIC:
        made["endpoints"] = [endpoint(each, dialled.port) for each in dialled.endpoints]
    if dialled.tls is not None:
        made["tls"] = tls(dialled.tls)
    return made


def endpoint(place: Endpoint, port: int) -> Content:
    made: Content = {"address": place.address}
    if place.port != port:
        made["port"] = place.port
    if place.weight != 1:
        made["weight"] = place.weight
    return made | given({"priority": place.priority, "locality": place.locality, "labels": dict(sorted(place.labels))})


def tls(said: UpstreamTLS) -> Content:
    made: Content = {"mode": "MUTUAL" if said.mutual else "SIMPLE"}
    return made | given(
        {
            "clientCertificate": said.client_certificate,
            "privateKey": said.private_key,
            "caCertificates": said.ca,
            "crl": said.crl,
            "sni": said.sni,
            "subjectAltNames": [_name(each) for each in said.names],
            "pins": list(said.pins),
            "verification": str(said.verification) if said.verification is not Verification.FULL else None,
            "minVersion": said.minimum_version,
            "maxVersion": said.maximum_version,
        }
    )


def _name(name: SubjectName) -> str | Content:
    return name.value if name.kind is NameKind.EXACT else {"kind": str(name.kind), "value": name.value}
