"""A workload that is never still: everything that a gate can be asked, over and over, so that rates are not nothing.

Owns the policy under which each thing comes to what it is meant to, and the thread that asks. Over IPv4 it is
`prod/shop`, under REGISTRY_ONLY; over IPv6 nobody knows who it is, and what is not registered passes.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from typing import Self

import pytest

from .documents import Document, access, defaults, destination, istio, native, policy
from .http2_client import Client, request
from .lab import world
from .lab.namespaces import POD4
from .workload import Workload, drain

GATEWAY = "istio-egressgateway"
SETTINGS = {
    "gate_name": GATEWAY,
    "gate_namespace": "istio-system",
    "dns_ttl": 0,
    "metric_hosts": 2,
}
PAUSE = 0.2
"""Seconds between two rounds: the machine has other work."""
SHOP: Document = {
    "addresses": [f"{POD4}/32"],
    "namespace": "prod",
    "serviceAccount": "shop",
    "labels": {"app": "shop", "version": "v1"},
}


def documents(pki: world.OriginPki, **more: str) -> str:
    """`more` are defaults."""
    return policy(
        {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}},
        istio("Sidecar", "default", {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}, namespace="prod"),
        defaults(identities=[SHOP], **more),
        destination("api.example", ports=("80/HTTP", "443/HTTPS")),
        originated("partner.example", clientCertificate=str(pki.client.cert), privateKey=str(pki.client.key)),
        originated("wrong.example"),
        destination("nobody.example", "one.example", ports=("80/HTTP",)),
        destination("pinned.example", ports=("443/TLS",)),
        destination("tcp.example", ports=("7000/TCP",), endpoints=[labelled("tcp", 7000)]),
        destination("grpc.example", ports=("80/GRPC",)),
        access("keep-out", action="DENY", to=[{"hosts": ["api.example"], "paths": ["/forbidden"]}]),
    )


def originated(host: str, **tls: str) -> Document:
    """HTTP from the workload, TLS from the gate."""
    port = {"number": 80, "protocol": "HTTP", "upstream": {"port": 443, "tls": tls}}
    return native("EgressDestination", host.partition(".")[0], {"hosts": [host], "ports": [port]})


def labelled(name: str, port: int) -> Document:
    return {"address": world.ADDRESSES[name][0], "port": port, "labels": {"app": "ledger", "version": "blue"}}


class Busy:
    """Asks in a thread of its own while it is entered. What it did not expect is raised at the end."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._over, self._asking = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name="busy", daemon=True)
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def still(self) -> threading.Lock:
        """While this is held, nothing is asked: what is done to the gate breaks no connection."""
        return self._asking

    def _run(self) -> None:
        try:
            for number in itertools.count():
                with self._asking:
                    self._round(number)
                if self._over.wait(PAUSE):
                    return
        except Exception as error:
            self._failure = error

    def _round(self, number: int) -> None:
        for host in ("api.example", "partner.example", "wrong.example", "nobody.example", "one.example"):
            self._ask(host, "/hello")
        for host in ("api.example", "partner.example"):  # so that there is another connection to it in the next round
            self._ask(host, "/headers?connection=close")
        for path in ("/forbidden", "/status/404", "/status/503", "/close"):
            self._ask("api.example", path)
        self._ask("api.example", "/hello", name=f"h{number}.forbidden.example")
        self._ask("api.example", "/hello", fields="".join(f"x-{each}: y\r\n" for each in range(300)))
        for path in ("/hello", "/status/404"):
            self._ask("api.example", path, version=6)
        self._ask("forbidden.example", "/hello", version=6)
        self._grpc()
        self._tls()
        self._tcp()

    def _ask(self, host: str, path: str, *, name: str = "", version: int = 4, fields: str = "") -> None:
        """A request with a body, on a connection of its own. `host` is where it is sent, `name` what it says."""
        head = f"POST {path} HTTP/1.1\r\nHost: {name or host}\r\nConnection: close\r\nContent-Length: 5\r\n{fields}\r\n"
        address = host if host in self._workload.lab.names else "api.example"
        self._workload.say(address, f"{head}hello".encode(), 80, version)

    def _grpc(self) -> None:
        """A call with one message, which an answer without an error has in its trailers."""
        fields = request("grpc.example", "/lab.Echo/Unary", "POST", content_type="application/grpc", te="trailers")
        with self._workload.dial("grpc.example", 80) as made:
            answer = Client(made).ask(fields, b"\x00\x00\x00\x00\x05hello")
        assert ("grpc-status", "0") in answer.trailers

    def _tls(self) -> None:
        """Decrypted, tunnelled, and given up by a workload that does not trust the gate."""
        ask = b"GET /hello HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
        with self._workload.secure("api.example") as made:
            made.sendall(ask)
            assert drain(made).startswith(b"HTTP/1.1 200")
        trusted = self._workload.pki.second_ca.cert
        with self._workload.secure("pinned.example", trust=trusted) as made:
            made.sendall(ask.replace(b"api", b"pinned"))
            assert drain(made).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLCertVerificationError), self._workload.secure("api.example", trust=trusted):
            pass

    def _tcp(self) -> None:
        with self._workload.dial("tcp.example", 7000) as made:
            made.sendall(b"\x00 neither HTTP nor TLS")
            made.shutdown(socket.SHUT_WR)
            assert drain(made).startswith(b"\x00 neither")
