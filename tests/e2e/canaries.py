"""A secret in every place of a request and of its answer where one may stand, each a canary that outputs must not hold.

Owns the canaries and the requests that carry them: allowed, denied, failing and malformed, in every version of HTTP,
decrypted or not, as WebSockets, gRPC and raw bytes. What becomes of them is told by whoever reads the outputs.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .documents import Document, access, defaults, destination, native
from .http2_client import Client, Fields, request
from .lab import world
from .workload import UID, Workload, drain

STEM = "c4n4ry"
"""Of all canaries; nothing else has it."""


def canary(place: str) -> str:
    return STEM + place


BASIC = base64.b64encode(f"user:{canary('basic')}".encode()).decode()
FIELDS: dict[str, str] = {
    "authorization": f"Bearer {canary('bearer')}",
    "proxy-authorization": f"Basic {BASIC}",
    "cookie": f"a=b; sid={canary('cookie')}",
    "x-api-key": canary("key"),
    "x-auth-token": canary("auth"),
    "x-amz-security-token": canary("amazon"),
    "referer": f"https://user:{canary('password')}@h.example/p?token={canary('referer')}",
    "x-note": f"Bearer {canary('shape')}",
}
"""Of requests."""
ANSWERED: dict[str, str] = {
    "set-cookie": f"sid={canary('setcookie')}; Path=/",
    "location": f"/next?code={canary('location')}",
    "x-session-token": canary("session"),
}
"""Fields of answers, which the query brings to the origin."""
QUERY = {
    "token": canary("token"),
    "api_key": canary("apikey"),
    "sig": canary("sig"),
    "code": canary("code"),
    "next": f"https://user:{canary('inner')}@h.example/?a=b",
}
ENCODED = f"to%6ben={canary('encoded')}"
TRAILERS = {"x-auth-token": canary("trailer")}
PARAMETER = f";jsessionid={canary('parameter')}"
PATH = f"/echo{PARAMETER}?{urlencode(QUERY)}"
BODY, MESSAGE = canary("body"), canary("message")
INJECTED, COLLECTOR = canary("injected"), canary("collector")
"""What the gate itself holds: a header that it sets, and its credential at the collector."""
HEADERS = (*FIELDS, *ANSWERED, *QUERY, *TRAILERS, "x-injected")
"""Names of fields that may hold canaries."""
FORMS = re.compile(rf"{STEM}\w*|{re.escape(BASIC)}|{STEM.encode().hex()}\w*", re.IGNORECASE)

HOSTS = ("api.example", "partner.example", "forbidden.example", "wrong.example", "nobody.example", "one.example:81")
"""Allowed, allowed with a client certificate, denied, and failing at TLS, at the name and at the port."""
WAYS = (("http", "--http1.1"), ("http", "--http2-prior-knowledge"), ("https", "--http1.1"), ("https", "--http2"))
ROUTES = ("/headers", "/echo", "/close", "/status/503", "/pipe", "/refused")


def documents(pki: world.OriginPki, secret: Path) -> list[Document]:
    """`secret`: the file with the header that the gate sets."""
    mutual = {"clientCertificate": str(pki.client.cert), "privateKey": str(pki.client.key)}
    both = [{"number": number, "protocol": protocol} for number, protocol in ((80, "HTTP"), (443, "HTTPS"))]
    injected = {"setFromFile": [{"name": "x-injected", "file": str(secret)}]}
    tls = [{**port, "upstream": {"port": 443, "tls": mutual}} for port in both]
    return [
        defaults(mode="REGISTRY_ONLY"),
        destination("api.example", ports=("80/HTTP", "443/HTTPS"), headers=injected),
        native("EgressDestination", "partner", {"hosts": ["partner.example"], "ports": tls, "headers": injected}),
        native("EgressDestination", "wrong", {"hosts": ["wrong.example"], "ports": _originated(both)}),
        destination("nobody.example", ports=("80/HTTP", "443/HTTPS")),
        destination("one.example", ports=("81/HTTP",)),
        destination("grpc.example", ports=("80/GRPC", "443/GRPC")),
        destination("tcp.example", ports=("7000/TCP",)),
        access("keep-out", action="DENY", to=[{"hosts": ["api.example"], "paths": ["/refused*"]}]),
        access("marked", action="AUDIT", to=[{"headers": {"x-api-key": [canary("rule")]}}]),
    ]


def _originated(ports: list[Document]) -> list[Document]:
    return [{**port, "upstream": {"port": 443, "tls": {}}} for port in ports]


class Flight:
    """Everything, sent once. `marks` are in the paths, so that it can be told that an output had every request."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._numbers = itertools.count()
        self.marks: list[str] = []

    def __call__(self) -> None:
        for step in (
            self._curls,
            self._trailers,
            self._malformed,
            self._user_info,
            self._websockets,
            self._grpc,
            self._tcp,
        ):
            step()

    def _mark(self) -> str:
        self.marks.append(f"mark{next(self._numbers)}end")
        return self.marks[-1]

    def _path(self, route: str = "/echo") -> str:
        query = urlencode({**QUERY, **(ANSWERED if route == "/headers" else {})})
        return f"{route}/{self._mark()}{PARAMETER}?{query}&{ENCODED}"

    def _curls(self) -> None:
        fields = [part for name, value in FIELDS.items() for part in ("-H", f"{name}: {value}")]
        for host, (scheme, version) in itertools.product(HOSTS, WAYS):
            for route in ROUTES if host == "api.example" else ROUTES[:1]:
                url = f"{scheme}://{host}{self._path(route)}"
                # What has no address in the pod either is sent to another's, and looked up by the gate.
                way = ["--connect-to", "nobody.example::api.example:"]
                self._workload.curl(url, version, *way, *fields, "--data-binary", "@-", data=BODY.encode())

    def _trailers(self) -> None:
        body = f"5\r\nhello\r\n0\r\nX-Auth-Token: {canary('trailer')}\r\n\r\n"
        for path in (self._path(), f"/trailers?{urlencode(TRAILERS)}"):
            head = f"POST {path} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
            self._workload.say("api.example", f"{head}Trailer: X-Auth-Token\r\n\r\n{body}".encode())
            with self._workload.secure("api.example", alpn="h2") as made:
                fields = request("api.example", path, "POST", "https")
                Client(made).ask(fields, b"hello", list(TRAILERS.items()))

    def _malformed(self) -> None:
        heads = [
            f"GET {PATH} HTTP/1.1\r\nX {FIELDS['x-api-key']}",
            f"GET {PATH}\x01 HTTP/1.1\r\nHost: api.example",
            f"GET {PATH}\x7f HTTP/9\r\nHost: api.example",
            f"GET {PATH} {PATH} HTTP/1.1\r\nHost: api.example",
            f"GET / HTTP/1.1\r\nHost: api.example\r\nContent-Length: {canary('length')}",
            "GET / HTTP/1.1\r\nHost: api.example" + f"\r\nCookie: sid={canary('many')}" * 300,
            f"GET / HTTP/1.1\r\nHost: api.example\r\nCookie: {canary('long') * 20_000}",
        ]
        for head in heads:
            self._workload.get("api.example", head.encode())
        fields: Fields = [*request("api.example", PATH), ("connection", canary("forbidden"))]
        with self._workload.dial("api.example", 80) as made:
            Client(made).ask(fields)

    def _user_info(self) -> None:
        """Where a URL has no business to be one's identity."""
        named = f"user:{canary('user')}@api.example"
        for target, host in ((f"http://{named}{PATH}", "api.example"), (PATH, named)):
            self._workload.get("api.example", f"GET {target} HTTP/1.1\r\nHost: {host}".encode())
        with self._workload.dial("api.example", 80) as made:
            Client(made).ask(request(named, PATH))

    def _websockets(self) -> None:
        for host, scheme in itertools.product(("api.example", "forbidden.example"), ("ws", "wss")):
            opened = self._workload.dial(host, 443 if scheme == "wss" else 80)
            trust = {"ssl": self._workload.context(), "server_hostname": host} if scheme == "wss" else {}
            fields = dict(FIELDS)
            with suppress(InvalidStatus), opened as made:
                url = f"{scheme}://{host}{self._path('/ws')}"
                with connect(url, sock=made, additional_headers=fields, **trust) as client:  # type: ignore[arg-type]
                    client.send(MESSAGE)
                    client.recv(timeout=10)
                    client.close(4000, canary("reason"))

    def _grpc(self) -> None:
        metadata = [(name, value) for name, value in FIELDS.items() if name != "proxy-authorization"]
        call = {"method": "Both", "messages": [MESSAGE, MESSAGE], "metadata": metadata}
        program = [sys.executable, str(Path(__file__).with_name("grpc_client.py"))]
        trust = str(self._workload.pki.gate_ca.cert)
        for target in (["grpc.example:80"], ["grpc.example:443", trust], ["forbidden.example:80"]):
            lab = self._workload.lab
            done = lab.run_in(lab.pod, [*program, *target], UID, input=json.dumps([call]))
            assert done.returncode == 0, done.stderr

    def _tcp(self) -> None:
        for port in (7000, 7002):
            with suppress(ConnectionError), self._workload.dial("tcp.example", port) as made:
                made.sendall(f"\x00{BODY}".encode())
                made.shutdown(socket.SHUT_WR)
                drain(made)


def held(text: str) -> list[str]:
    """Canaries in a text."""
    return sorted(set(FORMS.findall(text)))
