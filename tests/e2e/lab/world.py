"""The world that tests and the demo share: who is out there, under which names, addresses and certificates.

Owns that cast. A test that needs somebody else starts further `LabOrigins` beside it.

    api        HTTP on 80 and HTTPS on 443, versions 1.1 and 2; also the hosts below wild.example
    partner    HTTPS on 443 that demands a client certificate of the client CA; HTTP on 80
    curious    HTTPS on 443 that asks for a client certificate, takes none too, and records what it was offered
    pinned     HTTPS on 443, certified by a CA that only its own clients know
    wrong      HTTPS on 443 with a certificate for another name
    grpc       gRPC on 80, and on 443 with TLS
    tcp        echo on 7000, a greeting on 7001
    forbidden  HTTP on 80 and HTTPS on 443, which no policy should name
    private    HTTP on 80 at private addresses
    metadata   HTTP on 80 where clouds keep instance credentials
    one, two   HTTP on 8080, for lists of endpoints
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .namespaces import METADATA4, METADATA6
from .pki import Authority, Certified, bundle
from .streams import Tls
from .upstreams import Server

PUBLIC = ("api", "partner", "curious", "pinned", "wrong", "grpc", "tcp", "forbidden", "one", "two")
ADDRESSES = {name: (f"93.184.216.{last}", f"2606:2800:220:1::{last}") for last, name in enumerate(PUBLIC, 10)} | {
    "private": ("10.20.0.5", "fd20::5"),
    "metadata": (METADATA4, METADATA6),
}
WILD = ("a.wild.example", "b.wild.example", "deep.b.wild.example")
NAMES = {f"{name}.example": ADDRESSES[name] for name in ADDRESSES} | dict.fromkeys(WILD, ADDRESSES["api"])
BOTH = ("h2", "http/1.1")


@dataclass(frozen=True)
class OriginPki:
    """The cast's certificates. Everything lies below `folder`, readable by every uid."""

    folder: Path
    origin_ca: Authority
    second_ca: Authority
    client_ca: Authority
    gate_ca: Authority
    client: Certified
    stranger: Certified
    spiffe: Certified
    servers: dict[str, Certified]

    @property
    def any_client_ca(self) -> Path:
        return self.folder / "any-client-ca.crt"


def make_pki() -> OriginPki:
    """New keys and certificates in a new directory. `remove_pki` deletes it."""
    folder = Path(tempfile.mkdtemp(prefix="outgate-pki-"))
    folder.chmod(0o755)
    origin, second, client, gate = (Authority(folder, f"{name}-ca") for name in ("origin", "second", "client", "gate"))
    servers = {
        name: origin.server(f"{name}.example", [f"{name}.example"])
        for name in ("partner", "curious", "grpc", "forbidden")
    }
    servers["api"] = origin.server("api.example", ["api.example", "*.wild.example", *ADDRESSES["api"]])
    servers["wrong"] = origin.server("somebody-else.example", ["somebody-else.example"])
    servers["pinned"] = second.server("pinned.example", ["pinned.example"])
    bundle(folder / "any-client-ca.crt", origin, second, client)
    return OriginPki(
        folder,
        origin,
        second,
        client,
        gate,
        client=client.client("workload"),
        stranger=second.client("stranger"),
        spiffe=client.client("spiffe-workload", ["spiffe://cluster.local/ns/prod/sa/web"]),
        servers=servers,
    )


def remove_pki(pki: OriginPki) -> None:
    shutil.rmtree(pki.folder)


def cast(pki: OriginPki) -> list[Server]:
    """All servers of the world, on their own addresses and ports."""
    plain = [
        ("api", 80),
        ("partner", 80),
        ("forbidden", 80),
        ("private", 80),
        ("metadata", 80),
        ("one", 8080),
        ("two", 8080),
    ]
    return [
        *(Server(f"{name}-plain", "http", at(name, port)) for name, port in plain),
        *(Server(name, "http", at(name, 443), tls(pki, name)) for name in ("api", "pinned", "wrong", "forbidden")),
        Server("partner", "http", at("partner", 443), tls(pki, "partner", "required")),
        Server("curious", "http", at("curious", 443), tls(pki, "curious", "optional")),
        Server("grpc-plain", "grpc", at("grpc", 80)),
        Server("grpc", "grpc", at("grpc", 443), tls(pki, "grpc")),
        Server("tcp", "echo", at("tcp", 7000)),
        Server("greeting", "greeting", at("tcp", 7001)),
    ]


def at(name: str, port: int) -> tuple[str, ...]:
    """A host's addresses with a port, as servers want them."""
    ipv4, ipv6 = ADDRESSES[name]
    return f"{ipv4}:{port}", f"[{ipv6}]:{port}"


def tls(pki: OriginPki, name: str, client: str = "no") -> Tls:
    """The certificate of a host, and whom it asks for theirs."""
    files = pki.servers[name]
    asks = {"no": "", "optional": str(pki.any_client_ca), "required": str(pki.client_ca.cert)}[client]
    return Tls(str(files.chain), str(files.key), BOTH, client, asks)
