"""Istio's port protocols, and what the gate makes of each.

Owns the list of names and their families. Knows no document.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.model import Intercept, Protocol
from outgate.policy.schema import Choice, Reading

HTTP_LIKE = ("HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-Web")
TLS_LIKE = ("HTTPS", "TLS")
TCP_LIKE = ("TCP", "HTTPS", "TLS", "MONGO", "REDIS", "MYSQL")
NAMES = ("HTTP", "HTTPS", "GRPC", "GRPC-Web", "HTTP2", "HTTP_PROXY", "TLS", "TCP", "UDP", "MONGO", "REDIS", "MYSQL")

_SPOKEN = {
    "": Protocol.ANY,
    "HTTP": Protocol.HTTP,
    "HTTP_PROXY": Protocol.HTTP,
    "GRPC-Web": Protocol.HTTP,
    "HTTP2": Protocol.HTTP2,
    "GRPC": Protocol.GRPC,
    "HTTPS": Protocol.HTTPS,
    "TLS": Protocol.TLS,
    "TCP": Protocol.TCP,
    "MONGO": Protocol.TCP,
    "REDIS": Protocol.TCP,
    "MYSQL": Protocol.TCP,
}
_TUNNELLED = (Protocol.TLS, Protocol.TCP, Protocol.ANY)


@dataclass(frozen=True, slots=True)
class ProtocolName:
    """One of Istio's names in any case; empty, where that is allowed, lets the first bytes tell."""

    sniffed: bool = True

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        if node.data == "" and self.sniffed:
            return ""
        return Choice(NAMES, fold=True).read(node, path, reading)


PROTOCOL = ProtocolName()
NAMED_PROTOCOL = ProtocolName(sniffed=False)


def spoken(name: str) -> Protocol | None:
    """What the workload speaks on a port, or None for what the gate does not carry (UDP)."""
    return _SPOKEN.get(name)


def intercept(protocol: Protocol) -> Intercept:
    """What happens to TLS on a port. Where no protocol is given, Istio passes TLS as bytes, and so does the gate."""
    return Intercept.TUNNEL if protocol in _TUNNELLED else Intercept.DECRYPT


def needs_http2(protocol: Protocol) -> bool:
    """Whether the far side is spoken to in HTTP/2 whatever the workload speaks."""
    return protocol in (Protocol.HTTP2, Protocol.GRPC)
