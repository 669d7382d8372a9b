"""Whatever fails, wherever: nothing leaves before it was judged, nothing more arrives after, and the gate lives."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.lab import gate as lab_gate
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins

pytestmark = pytest.mark.netns

PROGRAM = Path(__file__).with_name("saboteur.py")
WITHIN = 3.0
"""Seconds: the deadlines that the gate was given, 0.5 for hooks and 1 for dialling, and some air for a busy machine."""
BEFORE_DIAL = ("client_connected", "requestheaders", "request", "server_connect")
AFTER_DIAL = ("server_connected", "responseheaders")
HOWS = ("exception", "base", "cancelled", "later", "never")

POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: all}
spec:
  hosts: [api.example, one.example]
  ports:
  - {number: 80, protocol: HTTP}
  - {number: 443, protocol: HTTPS}
  - {number: 8080, protocol: HTTP}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: tcp}
spec:
  hosts: [tcp.example]
  ports: [{number: 7000, protocol: TCP}]
"""


class SabotagedGate(lab_gate.Gate):
    """The gate under test, with the saboteur in it."""

    def __init__(self, lab: Lab, pki: world.OriginPki) -> None:
        super().__init__(lab, POLICY, pki, settings={"hook_timeout": 0.5, "connect_timeout": 1, "admin": ""})
        self.order, self.trace = self._folder / "order.json", self._folder / "trace"
        for path in (self.order, self.trace):
            path.touch()
            shutil.chown(path, lab_gate.UID, lab_gate.UID)
        self.sabotage("", "")

    def sabotage(self, at: str, how: str) -> None:
        self.order.write_text(json.dumps({"at": at, "how": how} if at else {}))

    def places(self) -> set[str]:
        return set(self.trace.read_text().split())

    def _launch(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        pairs = [part for part in argv if "=" in part]
        tests = str(Path(__file__).resolve().parents[1])
        told = {"SABOTAGE": str(self.order), "SABOTAGE_TRACE": str(self.trace)}
        environment = environment | told | {"PYTHONPATH": os.pathsep.join((lab_gate.ADDONS, tests))}
        return super()._launch([sys.executable, str(PROGRAM), str(self.policy), ":15001", *pairs], environment)


@pytest.fixture(scope="module")
def gate(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[SabotagedGate]:
    with SabotagedGate(lab, origin_pki) as running:
        yield running
        assert "Exception in callback" not in running.stderr(), running.stderr()[-4000:]
        assert "never retrieved" not in running.stderr()


@pytest.fixture
def sabotaged(gate: SabotagedGate) -> Iterator[SabotagedGate]:
    yield gate
    gate.sabotage("", "")
    assert not gate.process_ended(), gate.stderr()


class Answer:
    """All that a client got: bytes, and how long it took until they ended."""

    def __init__(self, data: bytes, seconds: float, reset: bool) -> None:
        self.data, self.seconds, self.reset = data, seconds, reset
        head, _, self.body = data.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1]) if head.startswith(b"HTTP/1.1 ") else 0

    def __repr__(self) -> str:
        return f"{self.data[:300]!r} after {self.seconds:.2f} s, reset {self.reset}"


def ask(lab: Lab, host: str, port: int, path: str = "/echo", tls: ssl.SSLContext | None = None) -> Answer:
    """One request on a connection of its own, read until the end of it."""
    started = time.monotonic()
    with lab.enter(lab.pod):
        sock = socket.create_connection((world.ADDRESSES[host.split(".")[0]][0], port), 10)
    received, reset = b"", False
    try:
        if tls:
            sock = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            sock.do_handshake()
        name = host if port in (80, 443) else f"{host}:{port}"
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        while data := sock.recv(65536):
            received += data
    except (ConnectionError, ssl.SSLError):
        reset = True
    finally:
        sock.close()
    return Answer(received, time.monotonic() - started, reset)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("hook", BEFORE_DIAL)
def test_a_hook_that_fails_before_the_dial_lets_nothing_leave(
    counting: Lab, sabotaged: SabotagedGate, hook: str, how: str
) -> None:
    sabotaged.sabotage(f"hook:{hook}", how)
    before = [counting.packets(address) for address in world.ADDRESSES["one"]]
    answer = ask(counting, "one.example", 8080)
    assert answer.seconds < WITHIN, answer
    assert answer.status in (0, 500, 502), answer
    assert [counting.packets(address) for address in world.ADDRESSES["one"]] == before


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("hook", AFTER_DIAL)
def test_a_hook_that_fails_after_the_dial_lets_nothing_of_the_origin_through(
    lab: Lab, origins: LabOrigins, sabotaged: SabotagedGate, hook: str, how: str
) -> None:
    sabotaged.sabotage(f"hook:{hook}", how)
    answer = ask(lab, "api.example", 80, "/echo?marker=origin")
    assert answer.seconds < WITHIN, answer
    assert answer.status in (0, 500, 502), answer
    assert b"marker" not in answer.data


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("hook", ["requestheaders", "server_connected", "responseheaders"])
def test_a_hook_that_fails_on_http2_lets_nothing_of_the_origin_through(
    lab: Lab, origin_pki: world.OriginPki, sabotaged: SabotagedGate, hook: str, how: str
) -> None:
    sabotaged.sabotage(f"hook:{hook}", how)
    started = time.monotonic()
    done = http2(lab, origin_pki)
    assert time.monotonic() - started < WITHIN
    assert done.returncode != 0
    assert "marker" not in done.stdout


@pytest.mark.parametrize("how", HOWS)
def test_a_body_stage_that_fails_ends_the_response_visibly(lab: Lab, sabotaged: SabotagedGate, how: str) -> None:
    sabotaged.sabotage("stage:response", how)
    answer = ask(lab, "api.example", 80, "/echo?staged=1")
    assert answer.seconds < WITHIN, answer
    assert answer.body == b"", answer
    assert answer.reset or answer.status >= 500, answer


@pytest.mark.parametrize("how", ["exception", "base", "cancelled", "never"])
def test_a_lookup_that_fails_or_hangs_is_answered_within_the_dial_deadline(
    lab: Lab, sabotaged: SabotagedGate, how: str
) -> None:
    lab.name(fresh := f"fresh-{how}.example", "93.184.216.10")
    sabotaged.sabotage("lookup", how)
    policy = POLICY.replace("one.example", f"one.example, {fresh}")
    sabotaged.write(policy)
    sabotaged.hang_up()
    deadline = time.monotonic() + 10
    answer = Answer(b"", 0, reset=False)
    while b"unregistered" in (answer := ask_named(lab, fresh)).data and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer.seconds < WITHIN, answer
    assert answer.status in (0, 500, 502, 503, 504), answer


def ask_named(lab: Lab, host: str) -> Answer:
    started = time.monotonic()
    with lab.enter(lab.pod):
        sock = socket.create_connection(("93.184.216.10", 80), 10)
    received, reset = b"", False
    with sock:
        sock.settimeout(10)
        sock.sendall(f"GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        try:
            while data := sock.recv(65536):
                received += data
        except ConnectionError:
            reset = True
    return Answer(received, time.monotonic() - started, reset)


def trust(pki: world.OriginPki) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki.gate_ca.cert))
    context.set_alpn_protocols(["http/1.1"])
    return context


def exercise(lab: Lab, pki: world.OriginPki) -> None:
    """Traffic of every kind, so that every place is passed."""
    assert ask(lab, "api.example", 80).status == 200
    assert ask(lab, "api.example", 443, tls=trust(pki)).status == 200
    assert http2(lab, pki).returncode == 0
    assert echo(lab) == b"hello"


def http2(lab: Lab, pki: world.OriginPki) -> subprocess.CompletedProcess[str]:
    """One HTTP/2 request, and what curl made of the answer: its exit code and `marker` where the origin answered."""
    url = ["https://api.example/echo?marker=origin", "--cacert", str(pki.gate_ca.cert), "--http2"]
    return lab.run_in(lab.pod, ["curl", "-sS", "--fail", "--max-time", "8", *url], uid=1000)


def echo(lab: Lab) -> bytes:
    with lab.enter(lab.pod):
        sock = socket.create_connection((world.ADDRESSES["tcp"][0], 7000), 5)
    with sock:
        sock.settimeout(5)
        try:
            sock.sendall(b"hello")
            return sock.recv(100)
        except ConnectionError:
            return b""


def test_every_hook_that_is_fired_has_its_case(lab: Lab, gate: SabotagedGate, origin_pki: world.OriginPki) -> None:
    exercise(lab, origin_pki)
    fired = {place.removeprefix("hook:") for place in gate.places() if place.startswith("hook:")}
    afterwards = {"response", "error", "client_disconnected", "server_disconnected", "server_connect_error"}
    mine = {name for name in fired if name.startswith("outgate_")}
    assert fired - afterwards - mine <= {*BEFORE_DIAL, *AFTER_DIAL}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("hook", ["response", "client_disconnected", "server_disconnected", "outgate_exchange"])
def test_a_hook_that_fails_when_all_is_over_harms_nobody_else(
    lab: Lab, sabotaged: SabotagedGate, hook: str, how: str
) -> None:
    sabotaged.sabotage(f"hook:{hook}", how)
    assert ask(lab, "api.example", 80).seconds < WITHIN
    sabotaged.sabotage("", "")
    assert ask(lab, "api.example", 80).status == 200


def test_without_sabotage_the_packets_are_counted(counting: Lab, gate: SabotagedGate) -> None:
    """The control: were the counter blind, counts that stay would mean nothing."""
    before = counting.packets(world.ADDRESSES["one"][0])
    assert ask(counting, "one.example", 8080).status == 200
    assert counting.packets(world.ADDRESSES["one"][0]) > before


@pytest.mark.slow
def test_every_layer_and_task_that_fails_ends_its_connection_and_nothing_else(
    lab: Lab, origins: LabOrigins, gate: SabotagedGate, origin_pki: world.OriginPki
) -> None:
    """The places are enumerated by what a clean run passes; each fails in each way."""
    exercise(lab, origin_pki)
    places = sorted(place for place in gate.places() if place.startswith(("layer:", "task:")))
    assert {place.split(":")[1] for place in places if place.startswith("layer:")} == {
        "GateHttpLayer", "OriginLayer", "GateStream",
        "GateHttp1Server", "GateHttp1Client", "GateHttp2Server", "GateHttp2Client",
    }  # fmt: skip
    wrong = []
    for place in places:
        for how in ("exception", "base", "cancelled"):
            gate.sabotage(place, how)
            wrong += [f"{place} {how}: {what}" for what in failures(lab, origin_pki, place)]
            gate.sabotage("", "")
            assert not gate.process_ended(), f"{place} {how}: {gate.stderr()}"
    assert not wrong, "\n".join(wrong)
    exercise(lab, origin_pki)


def failures(lab: Lab, pki: world.OriginPki, place: str) -> list[str]:
    """What was not as it has to be while `place` fails: everything ends in time, and nothing looks whole."""
    found = []
    for name, answer in (
        ("http", ask(lab, "api.example", 80, "/stream?mb=1")),
        ("https", ask(lab, "api.example", 443, "/stream?mb=1", trust(pki))),
    ):
        if answer.seconds > WITHIN:
            found.append(f"{name} took {answer.seconds:.1f} s")
    started = time.monotonic()
    http2(lab, pki)
    echo(lab)
    if time.monotonic() - started > 2 * WITHIN:
        found.append("http/2 or tcp hung")
    return found
