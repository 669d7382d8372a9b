"""`graph` draws what a running gate has seen, and the same of its log. The gate is real here."""

import json
import socket
import time
from contextlib import contextmanager
from xml.etree import ElementTree

import pytest

from capture.exchanges import sealed
from capture.formats.written import tunnel
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from outgate.capture import record
from outgate.cli import graph as command
from outgate.redact.exchange import Verdict
from outgate.telemetry.native import render
from telemetry.calls_building import denied, event, registered

LIMIT = 20.0
POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {{name: mesh}}
spec: {{mode: REGISTRY_ONLY}}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {{name: echo}}
spec:
  hosts: [echo.example]
  endpoints: [{{address: 127.0.0.1, port: {port}}}]
  ports: [{{number: 80, protocol: HTTP}}]
"""


@pytest.fixture(scope="module")
def pki():
    made = world.make_pki()
    yield made
    world.remove_pki(made)


@contextmanager
def refusing():
    """A port at which nobody listens, kept from others."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture(scope="module")
def gate(pki):
    settings = {"workload_namespace": "prod", "workload_service_account": "web"}
    with refusing() as port, LoopbackGate(POLICY.format(port=port), pki, settings=settings) as made:
        for host in ("echo.example", "other.example", "other.example"):
            ask(made, host)
        made.log(3)
        yield made


def ask(gate, host):
    with socket.create_connection(gate.address, LIMIT) as client:
        client.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        with client.makefile("rb") as answer:
            assert answer.read()


@pytest.fixture
def drawn(gate, terminal):
    def run(*arguments):
        host, port = gate.admin_address
        result = terminal.run("graph", "--admin", f"{host}:{port}", *arguments)
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def log(terminal):
    """A log of two callers, the earlier one of long ago."""
    now = time.time()
    events = [event(decision=registered(would=denied()), started=100.0), event(started=now), event(started=now)]
    (file := terminal.path / "access.log").write_bytes(b"".join(render(each) for each in events))
    return str(file)


def edges(text):
    return [
        (edge["caller"]["name"], edge["destination"]["name"], edge["verdict"], edge["requests"], edge["errors"])
        for edge in json.loads(text)["edges"]
    ]


SEEN = [("prod/web", "other.example", "deny", 2, 0), ("prod/web", "default/echo", "allow", 1, 1)]


def test_a_running_gate_tells_who_called_what(drawn):
    assert edges(drawn("-o", "json").stdout) == SEEN
    lines = drawn().stdout.splitlines()
    assert lines[0].split()[:4] == ["CALLER", "DESTINATION", "VERDICT", "REQUESTS"]
    assert lines[1].split()[:4] == ["prod/web", "other.example", "denied", "2"]
    assert lines[2].split()[:5] == ["prod/web", "default/echo", "allowed", "1", "100.0%"]


def test_its_log_tells_the_same(drawn, gate, terminal):
    terminal.write("access.log", "".join(json.dumps(line) + "\n" for line in gate.log(3)))
    result = terminal.run("graph", "--log", str(terminal.path / "access.log"), "-o", "json")
    assert edges(result.stdout) == SEEN
    told, asked = json.loads(result.stdout), json.loads(drawn("-o", "json").stdout)
    same = ("protocols", "tls", "ports", "codes", "received")
    assert [[edge[name] for name in same] for edge in told["edges"]] == [
        [edge[name] for name in same] for edge in asked["edges"]
    ]
    assert told["source"] == "access.log"


@pytest.mark.parametrize(("form", "begins"), [("svg", "<svg "), ("html", "<!doctype html>"), ("dot", "digraph ")])
def test_it_is_drawn(drawn, form, begins):
    text = drawn("-o", form).stdout
    assert text.startswith(begins)
    assert "other.example" in text
    if form == "svg":
        ElementTree.fromstring(text)


def test_of_a_gate_since_chooses_edges_and_says_so(drawn):
    result = drawn("--since", "2199-01-01", "-o", "json")
    assert edges(result.stdout) == []
    assert "--since chooses edges, their numbers are whole" in result.stderr
    assert edges(drawn("--since", "1h", "--namespace", "prod", "-o", "json").stdout) == SEEN
    assert drawn("--namespace", "batch").stdout == "no calls\n"


def test_of_a_log_since_chooses_lines(terminal, log):
    assert [edge[2:4] for edge in edges(terminal.run("graph", "--log", log, "-o", "json").stdout)] == [
        ("allow", 2),
        ("would_deny", 1),
    ]
    result = terminal.run("graph", "--log", log, "--since", "1h", "-o", "json")
    assert [edge[2:4] for edge in edges(result.stdout)] == [("allow", 2)]
    assert result.stderr == ""


def test_other_lines_are_counted_and_left_out(terminal, log):
    with open(log, "ab") as file:
        file.write(b"outgate is ready\n{\n")
    result = terminal.run("graph", "--log", log)
    assert result.exit_code == 0
    assert result.stderr == "2 lines are none of an access log and are left out\n"


def test_what_is_not_told_apart_is_told_of(terminal, monkeypatch):
    monkeypatch.setattr("outgate.telemetry.calls.STRANGE", 1)
    lines = [render(event(f"{number}.example", decision=denied())) for number in range(3)]
    (file := terminal.path / "access.log").write_bytes(b"".join(lines))
    result = terminal.run("graph", "--log", str(file), "-o", "json")
    assert [edge[1:4] for edge in edges(result.stdout)] == [("others", "deny", 2), ("0.example", "deny", 1)]
    assert "the rest is counted as others" in result.stderr


def test_a_capture_is_drawn_too(terminal):
    allowed = Verdict(destination="EgressDestination/default/shop", code="registered")
    kept = [
        sealed("https://shop.example/a", caller="prod/web", verdict=allowed, started=1e9),
        sealed("https://shop.example/b", caller="prod/web", verdict=allowed, status=503, started=2e9),
        sealed("https://paste.example/", status=0, verdict=Verdict("deny", "unregistered"), started=2e9),
        tunnel(),
    ]
    (terminal.path / "shop.ndjson").write_bytes(b"".join(map(record.write, kept)) + b"{")
    result = terminal.run("graph", "--capture", "shop.ndjson", "-o", "json")
    assert edges(result.stdout) == [
        ("prod/web", "default/shop", "allow", 2, 1),
        ("unnamed", "paste.example", "deny", 1, 0),
        ("unnamed", "tcp.example", "allow", 1, 0),
    ]
    assert "record 5 is torn" in result.stderr
    assert json.loads(result.stdout)["edges"][2]["protocols"] == ["TCP"]
    recent = terminal.run("graph", "--capture", "shop.ndjson", "--since", "2020-01-01", "-o", "json")
    assert [edge[3] for edge in edges(recent.stdout)] == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--log", "nowhere.log"), 2, "No such file"),
        (("--since", "soon"), 2, '"soon" is no time'),
        (("-o", "png"), 2, "'svg', 'html', 'dot', 'json'"),
        (("--admin", "unix:/nowhere/x.sock"), 3, "nobody listens at unix:/nowhere/x.sock"),
    ],
)
def test_what_cannot_be_drawn_says_why(terminal, arguments, code, message):
    result = terminal.run("graph", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr


def test_two_sources_are_one_too_many(terminal, log):
    result = terminal.run("graph", "--log", log, "--admin", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "--admin and --log are two sources; name one" in result.stderr


@pytest.mark.parametrize("told", [[], {"since": 1.0}, {"since": 1.0, "edges": [{}]}, {"since": 1.0, "edges": 7}])
def test_calls_of_another_form_are_another_version_of_a_gate(terminal, monkeypatch, told):
    monkeypatch.setattr(command, "ask", lambda admin, path: told)
    result = terminal.run("graph")
    assert result.exit_code == 3
    assert "is it a gate of another version?" in result.stderr
