"""One run of everything that may become of an attempt, each under a name or path of its own and a trace of the app's.

Owns what is asked, and the documents under which. What is told of it is looked at elsewhere.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from e2e.documents import access, defaults, destination, native, policy
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.raw import EOF_SEEN
from e2e.workload import Answer, Workload, drain

SILENT = "93.184.216.99"
"""Nobody's: what dials it gets no answer."""
SETTINGS = {"workload_namespace": "prod", "workload_service_account": "web", "trust_domain": "cluster.local"}
TCP = world.ADDRESSES["tcp"][0]
LABELS = {"app": "ledger", "version": "v1"}
BRIEF = {"number": 80, "protocol": "HTTP", "upstream": {"connectTimeout": "300ms"}}
POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "81/HTTP", "443/HTTPS")),
    destination("wrong.example", ports=("443/HTTPS",)),
    destination("strange.example", ports=("443/HTTPS",)),
    destination("pinned.example", ports=("443/TLS",)),
    destination("nowhere.example", ports=("80/HTTP",)),
    native("EgressDestination", "silent", {"hosts": ["silent.example"], "ports": [BRIEF]}),
    destination("grpc.example", ports=("80/GRPC", "443/GRPC")),
    destination(
        "tcp.example",
        ports=("7000/TCP", "7009/TCP"),
        resolution="STATIC",
        endpoints=[{"address": TCP, "labels": LABELS}],
    ),
    access("no-forbidden", action="DENY", rules=[{"to": [{"hosts": ["api.example"], "paths": ["/forbidden"]}]}]),
)


@dataclass(frozen=True)
class App:
    """Where the workload's own trace stands, different for each number."""

    number: int

    @property
    def trace(self) -> str:
        return f"{0x0AF7651916CD43DD << 64 | self.number:032x}"

    @property
    def span(self) -> str:
        return f"{0x00F0 << 48 | self.number:016x}"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.span}-01"

    @property
    def b3(self) -> str:
        return f"{self.trace}-{self.span}-1"


def name_hosts(lab: Lab) -> None:
    """Those that are nobody of the cast."""
    lab.name("strange.example", *world.ADDRESSES["pinned"])
    lab.resolve("silent.example", SILENT)


def asked(workload: Workload, url: str, app: App, *flags: str, **more: Any) -> Answer:
    return workload.curl(url, "-H", f"traceparent: {app.traceparent}", *flags, **more)


class Kept:
    """A client that keeps its connection, so that the next request takes the short way."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._host = host
        with lab.enter(lab.pod):
            self._connection = http.client.HTTPConnection(lab.names[host][0], 80, timeout=15)
            self._connection.connect()

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, path: str, app: App, **headers: str) -> tuple[int, bytes]:
        sent = {"Host": self._host, "traceparent": app.traceparent, **headers}
        self._connection.request("GET", path, headers=sent)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def calls(workload: Workload, target: str, *made: dict[str, Any], encrypted: bool = False) -> list[str]:
    """Calls of gRPC on one channel, and how each ended."""
    program = [sys.executable, str(Path(__file__).parents[1] / "grpc_client.py"), target]
    trust = [str(workload.pki.gate_ca.cert)] if encrypted else []
    done = workload.lab.run_in(workload.lab.pod, [*program, *trust], 1000, input=json.dumps(made))
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["code"] for line in done.stdout.splitlines()]


def call(method: str, app: App, *messages: str) -> dict[str, Any]:
    return {"method": method, "messages": messages, "metadata": [("traceparent", app.traceparent)]}


def run(workload: Workload, origins: LabOrigins, turn: str) -> None:
    """All of it. That clients see what they should is part of it: what is told is told of these. `turn` tells one run
    from another to origins that remember."""
    _answered(workload, turn)
    _denied(workload)
    _not_reached(workload)
    _broken_off(workload, origins)
    _websocket(workload)
    _grpc(workload)
    _bytes(workload)


def _answered(workload: Workload, turn: str) -> None:
    foreign = ("-H", "tracestate: vendor=1", "-H", "baggage: user=ada")
    url = "https://api.example/allowed?page=2&token=s3cret"
    assert asked(workload, url, App(1), "--http1.1", *foreign).status == 200
    assert asked(workload, "https://api.example/h2", App(2), "--http2", "-d", "four").status == 200
    assert workload.curl("http://api.example/b3", "-H", f"b3: {App(3).b3}").status == 200
    assert asked(workload, "http://api.example/status/404", App(4)).status == 404
    assert asked(workload, "http://api.example/status/503", App(5)).status == 503
    with Kept(workload.lab, "api.example") as client:
        assert client.ask("/first", App(6))[0] == 200
        assert client.ask("/short", App(7))[0] == 200
        answer = client.ask(f"/flaky?fail=1&how=close&key={turn}", App(8))
    assert answer == (200, b"attempt 2\n"), answer


def _denied(workload: Workload) -> None:
    assert asked(workload, "http://forbidden.example/unregistered", App(11)).status == 502
    assert asked(workload, "https://api.example/forbidden", App(12)).status == 403
    assert workload.say("forbidden.example", b"\0bytes", 7777) == b""


def _not_reached(workload: Workload) -> None:
    assert asked(workload, "https://wrong.example/wrong", App(21)).status == 502
    assert asked(workload, "https://strange.example/strange", App(22)).status == 502
    assert asked(workload, "http://silent.example/silent", App(23)).status == 503
    nowhere = ("--resolve", f"nowhere.example:80:{SILENT}")
    assert asked(workload, "http://nowhere.example/nowhere", App(24), *nowhere).status == 503
    assert asked(workload, "http://api.example:81/refused", App(25)).status == 503
    assert workload.say("tcp.example", b"\0bytes", 7009) == b""


def _broken_off(workload: Workload, origins: LabOrigins) -> None:
    assert asked(workload, "https://api.example/cut", App(31), "--http1.1").exit != 0
    flags = ["--http1.1", "-H", f"traceparent: {App(32).traceparent}", "--cacert", str(workload.pki.gate_ca.cert)]
    client = workload.lab.popen_in(workload.lab.pod, ["curl", "-s", *flags, "https://api.example/hang"], 1000)
    try:
        origins.records.wait(lambda seen: any("/hang" in each["line"] for each in seen), "request", "api", within=15)
        assert client.poll() is None
    finally:
        client.kill()
        client.wait()


def _websocket(workload: Workload) -> None:
    headers = {"traceparent": App(41).traceparent}
    with (
        workload.dial("api.example", 80) as made,
        connect("ws://api.example/ws", sock=made, additional_headers=headers, compression=None) as client,
    ):
        client.send("hello")
        assert client.recv(timeout=10) == "hello"


def _grpc(workload: Workload) -> None:
    made = (
        call("Unary", App(51), "hello"),
        call("ServerStream", App(52), "3"),
        call("ClientStream", App(53), "a", "b", "c"),
        call("Fail", App(54), "thing"),
    )
    assert calls(workload, "grpc.example:80", *made) == ["OK", "OK", "OK", "NOT_FOUND"]
    assert calls(workload, "grpc.example:443", call("Both", App(55), "a", "b"), encrypted=True) == ["OK"]


def _bytes(workload: Workload) -> None:
    with workload.dial("tcp.example", 7000) as client:
        client.sendall(b"\0one two")
        client.shutdown(socket.SHUT_WR)
        assert drain(client) == b"\0one two" + EOF_SEEN
    with workload.secure("pinned.example", trust=workload.pki.second_ca.cert) as secured:
        secured.sendall(b"GET /inside HTTP/1.1\r\nHost: pinned.example\r\nConnection: close\r\n\r\n")
        assert b"200 Origin" in drain(secured)
