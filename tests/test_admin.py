"""The admin endpoint tells what a gate is, to those who may ask, and keeps what is secret."""

import asyncio
import json
import logging
import os
import socket
import stat
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from acting import acting_as
from outgate import __version__
from outgate.admin import Admin
from outgate.policy.compile import load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.policy.plain import plain, plain_policy
from outgate.proxy.peer import peer_uid
from outgate.reload import PolicyWatcher
from outgate.settings import Settings
from outgate.telemetry.calls import Caller, Calls, Edge, Place
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.usage import Usage

WITHIN = 20.0
"""Seconds that anything may take."""
POLICY = """\
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: mesh}
spec: {mode: ALLOW_ANY}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: partner}
spec:
  hosts: [api.partner.example]
  ports: [{number: 443, protocol: HTTPS}]
  headers: {set: [{name: x-api-key, value: hunter2}]}
"""


@dataclass
class Gate:
    """What the endpoint needs of a gate, with a real policy and a real watcher."""

    snapshot: Snapshot
    watcher: PolicyWatcher
    reason: str = ""
    counted: Counter[str] = field(default_factory=Counter)
    processes: list[dict[str, object]] = field(default_factory=list)
    refreshed: int = 0
    settings: Settings = field(default_factory=Settings)
    used: dict[str, float] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    levels: list[tuple[str, str]] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)

    def unready(self) -> str:
        return self.reason

    def connections(self) -> int:
        return 3

    def counts(self) -> Counter[str]:
        return self.counted

    def trips(self) -> int:
        return 2

    def workers(self) -> list[dict[str, object]]:
        return self.processes

    async def refresh(self) -> None:
        self.refreshed += 1

    def places(self) -> list[str]:
        return ["127.0.0.1:15001"]

    async def scraped(self):
        return self.metrics.scraped()

    async def usage(self) -> Usage:
        return Usage(1000.0, self.used, persisted=True)

    async def origins(self):
        return [{"origin": "o", "endpoints": []}]

    async def calls(self) -> Calls:
        return Calls(1000.0, tuple(self.edges))

    async def set_level(self, level: str, name: str) -> str:
        self.levels.append((level, name))
        return "not that one" if name == "mitmproxy" else ""

    async def reload(self) -> bool:
        return await self.watcher.reload()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self):
        return json.loads(self.body)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "policy.yaml"
    made.write_text(POLICY)
    return made


@pytest.fixture
def gate(file: Path) -> Gate:
    snapshot = Snapshot(load([file], Setting()))
    return Gate(snapshot, PolicyWatcher([file], Setting(), snapshot, settle=0))


@pytest.fixture
async def admin(gate: Gate) -> AsyncIterator[Admin]:
    made = Admin("127.0.0.1:0", gate)
    made.start()
    yield made
    await made.stop()


async def raw(admin: Admin, request: bytes) -> bytes:
    """Everything that comes back."""
    async with asyncio.timeout(WITHIN):
        if admin.address.startswith("unix:"):
            reader, writer = await asyncio.open_unix_connection(admin.address.removeprefix("unix:"))
        else:
            host = admin.address.rpartition(":")[0].strip("[]") or "127.0.0.1"
            reader, writer = await asyncio.open_connection(host, admin.port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


async def ask(admin: Admin, path: str, method: str = "GET", content: str = "", **headers: str) -> Answer:
    sent = {"Host": f"127.0.0.1:{admin.port}", "Connection": "close", "Content-Length": str(len(content))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value)
    head, _, body = (await raw(admin, f"{method} {path} HTTP/1.1\r\n{lines}\r\n{content}".encode())).partition(
        b"\r\n\r\n"
    )
    status, *fields = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in fields)
    return Answer(int(status.split(" ")[1]), {name.lower(): value for name, _, value in pairs}, body)


async def test_health_is_told_whatever_the_gate_does(admin, gate):
    gate.reason = "draining"
    answer = await ask(admin, "/healthz")
    assert (answer.status, answer.content) == (200, {"status": "ok"})
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers


async def test_readiness_has_a_reason_where_there_is_none(admin, gate):
    answer = await ask(admin, "/readyz")
    assert (answer.status, answer.content) == (200, {"ready": True})
    gate.reason = "draining"
    answer = await ask(admin, "/readyz")
    assert (answer.status, answer.content) == (503, {"ready": False, "reason": "draining"})


async def test_the_policy_is_told_without_its_secrets(admin, gate):
    answer = await ask(admin, "/config")
    assert answer.status == 200
    assert answer.content == plain_policy(gate.snapshot.policy)
    assert answer.content["destinations"][0]["source"]["where"]["line"] == 6
    assert b"hunter2" not in answer.body


async def test_the_policy_that_is_told_is_the_one_in_force(admin, gate, file):
    assert (await ask(admin, "/config")).content["defaults"]["mode"] == "ALLOW_ANY"
    file.write_text(POLICY.replace("ALLOW_ANY", "OBSERVE"))
    await gate.watcher.check_once()
    assert (await ask(admin, "/config")).content["defaults"]["mode"] == "OBSERVE"


async def test_destinations_are_told_alone(admin, gate):
    answer = await ask(admin, "/destinations")
    assert answer.content == plain(gate.snapshot.policy.destinations)
    assert answer.content[0]["hosts"] == ["api.partner.example"]
    assert b"hunter2" not in answer.body


async def test_status_says_what_is_in_force_and_how_it_goes(admin, gate):
    gate.counted["crashes"] += 1
    gate.reason = "starting"
    content = (await ask(admin, "/status")).content
    age = content["policy"].pop("age")
    assert 0 <= age < WITHIN
    assert content == {
        "version": __version__,
        "ready": False,
        "reason": "starting",
        "policy": {
            "generation": 1,
            "digest": gate.snapshot.policy.generation,
            "mode": "ALLOW_ANY",
            "destinations": 1,
            "warnings": 0,
            "failures": 0,
            "last_error": "",
        },
        "connections": 3,
        "counts": {"crashes": 1},
        "guard_trips": 2,
    }


async def test_status_tells_of_every_process_that_takes_traffic(admin, gate):
    assert "workers" not in (await ask(admin, "/status")).content
    gate.processes.append({"worker": 1, "pid": 42})
    assert (await ask(admin, "/status")).content["workers"] == [{"worker": 1, "pid": 42}]
    assert gate.refreshed == 2


async def test_listeners_say_where_workloads_arrive(admin):
    assert (await ask(admin, "/listeners")).content == {
        "mode": "transparent",
        "places": ["127.0.0.1:15001"],
        "admin": "127.0.0.1:15000",
        "connections": 3,
        "limit": 4096,
    }


async def test_routes_and_rules_are_told_for_everybody_and_for_one_caller(admin, file, gate):
    file.write_text(POLICY + "  exportTo: [prod]\n")
    assert await gate.watcher.check_once()
    everybody = (await ask(admin, "/routes")).content
    assert [(route["match"], route["port"]) for route in everybody["routes"]] == [("api.partner.example", 443)]
    assert (await ask(admin, "/routes?as=other/web")).content["routes"] == []
    assert (await ask(admin, "/routes?as=prod/web")).content["routes"] == everybody["routes"]
    assert (await ask(admin, "/rules?as=prod/web")).content == []


async def test_certificates_that_cannot_be_read_are_told_of(admin):
    told = (await ask(admin, "/certs")).content
    assert told["certificates"] == []
    assert "certs/outgate-ca.crt" in told["problems"][0]


@pytest.mark.parametrize("path", ["/metrics", "/stats/prometheus"])
async def test_what_was_counted_is_told_as_prometheus_reads_it(admin, gate, path):
    gate.metrics.connected()
    answer = await ask(admin, path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"\noutgate_connections_total 1\n" in answer.body
    assert b"\noutgate_guard_trips_total 2\n" in answer.body
    assert (await ask(admin, path, Origin="null")).status == 403


async def test_last_use_is_told_by_key(admin, gate):
    gate.used["EgressDestination/default/partner"] = 1234.5
    assert (await ask(admin, "/last-use")).content == {
        "since": 1000.0,
        "used": {"EgressDestination/default/partner": 1234.5},
        "persisted": True,
        "problem": "",
    }


async def test_calls_are_told_edge_by_edge(admin, gate):
    edge = Edge(Caller("prod", "web"), Place("registered", "EgressDestination/default/partner"), "allow")
    edge.count(1.0, 0.25, ("HTTP/2.0", "mutual", 443, "registered"))
    gate.edges.append(edge)
    told = (await ask(admin, "/calls")).content
    assert Calls.read(told) == Calls(1000.0, (edge,))
    assert told["edges"][0]["ways"] == [
        {"protocol": "HTTP/2.0", "tls": "mutual", "port": 443, "code": "registered", "requests": 1}
    ]


async def test_levels_of_logs_are_set_by_whoever_may(admin, gate):
    asked = json.dumps({"level": "DEBUG", "logger": "outgate.reload"})
    answer = await ask(admin, "/log-level", "POST", asked)
    assert (answer.status, answer.content) == (200, {"level": "DEBUG", "logger": "outgate.reload"})
    assert (await ask(admin, "/log-level", "POST", '{"level": "INFO"}')).status == 200
    assert gate.levels == [("DEBUG", "outgate.reload"), ("INFO", "outgate")]
    refused = await ask(admin, "/log-level", "POST", '{"level": "DEBUG", "logger": "mitmproxy"}')
    assert (refused.status, refused.content["error"]) == (422, "not that one")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "7", '"DEBUG"', "[" * 60_000])
async def test_what_is_no_level_is_told_what_to_send(admin, gate, content):
    answer = await ask(admin, "/log-level", "POST", content)
    assert answer.status == 400
    assert answer.content["error"].startswith("send JSON, such as")
    assert gate.levels == []


async def test_a_web_page_sets_no_level(admin, gate):
    asked = '{"level": "DEBUG"}'
    assert (await ask(admin, "/log-level", "POST", asked, Origin="null")).status == 403
    assert gate.levels == []


async def test_reload_loads_now(admin, gate, file):
    file.write_text(POLICY.replace("ALLOW_ANY", "OBSERVE"))
    answer = await ask(admin, "/reload", "POST")
    assert answer.status == 200
    assert answer.content == {"loaded": True, "generation": 2, "digest": gate.snapshot.policy.generation}
    assert gate.snapshot.policy.defaults.mode == "OBSERVE"


async def test_reload_says_why_a_policy_was_refused(admin, gate, file):
    before = gate.snapshot.policy
    file.write_text("kind: [")
    answer = await ask(admin, "/reload", "POST")
    assert (answer.status, answer.content["loaded"], answer.content["generation"]) == (422, False, 1)
    assert answer.content["error"].startswith(f"{file}:1:")
    assert gate.snapshot.policy is before
    status = (await ask(admin, "/status")).content["policy"]
    assert (status["failures"], status["last_error"]) == (1, answer.content["error"])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/reload"), ("POST", "/config"), ("DELETE", "/status"), ("PUT", "/healthz")]
)
async def test_other_methods_are_refused(admin, method, path):
    answer = await ask(admin, path, method)
    assert (answer.status, answer.content) == (405, {"error": "method not allowed"})


async def test_an_unknown_path_names_the_known_ones(admin):
    answer = await ask(admin, "/metric")
    assert answer.status == 404
    assert "/status" in answer.content["paths"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:8000", "localhost.", "127.9.9.9", "[::1]:80"]
)
async def test_loopback_may_be_asked_by_each_of_its_names(admin, host):
    assert (await ask(admin, "/healthz", Host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", "127.1"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/config"), ("POST", "/reload"), ("GET", "/nowhere")])
async def test_a_name_that_was_made_to_point_here_is_refused(admin, gate, host, method, path):
    """DNS rebinding: a web page's own name resolves to loopback, so its scripts may ask, but the name tells."""
    answer = await ask(admin, path, method, Host=host)
    assert (answer.status, set(answer.content)) == (403, {"error"})
    assert gate.snapshot.generation == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:15000"])
async def test_a_web_page_is_refused(admin, gate, origin):
    answer = await ask(admin, "/reload", "POST", Origin=origin)
    assert answer.status == 403
    assert gate.snapshot.generation == 1


@pytest.mark.parametrize("head", ["HTTP/1.1", "HTTP/1.0", "HTTP/1.1\r\nHost: a@localhost", "HTTP/1.1\r\nHost: a,b"])
async def test_a_request_without_a_plain_host_is_refused(admin, head):
    answer = await raw(admin, f"GET /config {head}\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"403")
    assert b"destinations" not in answer


@pytest.mark.parametrize(("uid", "status"), [(os.geteuid(), 200), (0, 200), (4242, 403), (None, 403)])
async def test_on_loopback_only_the_gate_and_root_are_answered(gate, uid, status):
    admin = Admin("127.0.0.1:0", gate, lambda source, destination: uid)
    admin.start()
    try:
        for path in ("/config", "/healthz", "/status"):
            assert (await ask(admin, path)).status == status
    finally:
        await admin.stop()


async def test_the_kernel_says_who_asks(gate):
    admin = Admin("127.0.0.1:0", gate, peer_uid)
    admin.start()
    try:
        assert (await ask(admin, "/healthz")).status == 200
    finally:
        await admin.stop()


def ask_and_leave(uid, port):
    with acting_as(uid), socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(b"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    time.sleep(0.3)  # until the kernel has forgotten whose it was


async def test_who_leaves_at_once_is_not_taken_for_root(gate):
    """The kernel gives uid 0 for what no process holds any more."""
    admin = Admin("127.0.0.1:0", gate, peer_uid)
    admin.start()
    try:
        ask_and_leave(1000, admin.port)
        assert (await ask(admin, "/reload", "POST")).content["generation"] == 2  # by this alone
    finally:
        await admin.stop()


async def test_an_address_of_the_machine_answers_to_itself_alone(gate):
    """As for the probes of a kubelet, which ask the pod by its address."""
    admin = Admin(":0", gate)
    admin.start()
    try:
        assert (await ask(admin, "/healthz", Host="127.0.0.1")).status == 200
        assert (await ask(admin, "/healthz", Host="localhost")).status == 200
        assert (await ask(admin, "/healthz", Host="10.0.0.1")).status == 403
        assert (await ask(admin, "/healthz", Host="evil.example")).status == 403
    finally:
        await admin.stop()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6_loopback_listens_too(gate):
    admin = Admin("[::1]:0", gate)
    try:
        admin.start()
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")
    try:
        assert (await ask(admin, "/healthz", Host=f"[::1]:{admin.port}")).status == 200
        assert (await ask(admin, "/healthz", Host="[2001:db8::1]")).status == 403
    finally:
        await admin.stop()


async def test_a_socket_file_is_for_its_owner_alone(gate):
    with tempfile.TemporaryDirectory() as folder:  # a short path: socket names are at most 107 bytes
        path = Path(folder) / "admin.sock"
        before = os.umask(0)
        try:
            admin = Admin(f"unix:{path}", gate)
            admin.start()
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await ask(admin, "/healthz", Host="anything")).status == 200
        assert (await ask(admin, "/reload", "POST", Host="localhost", Origin="null")).status == 403
        await admin.stop()
        assert not path.exists()


async def test_a_socket_file_of_before_is_replaced_and_other_files_are_not(gate):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "admin.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        admin = Admin(f"unix:{path}", gate)
        admin.start()
        assert (await ask(admin, "/healthz")).status == 200
        await admin.stop()
        path.write_text("mine")
        with pytest.raises(FileExistsError, match="is no socket"):
            Admin(f"unix:{path}", gate).start()
        assert path.read_text() == "mine"


async def test_an_address_that_is_taken_is_an_error(admin, gate):
    with pytest.raises(OSError, match="in use"):
        Admin(f"127.0.0.1:{admin.port}", gate).start()


async def test_stopping_closes_connections(gate):
    admin = Admin("127.0.0.1:0", gate)
    admin.start()
    async with asyncio.timeout(WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", admin.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b'"ok"}\n')
        await admin.stop()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_failure_is_told_without_details_and_logged_without_the_request(admin, gate, monkeypatch, caplog):
    def broken() -> str:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(gate, "unready", broken)
    with caplog.at_level(logging.DEBUG):
        answer = await ask(admin, "/readyz?secret=hunter3")
    assert (answer.status, answer.content) == (500, {"error": "internal server error"})
    assert "the admin endpoint failed" in caplog.text
    assert "hunter3" not in caplog.text


async def test_paths_are_never_logged(admin, caplog):
    with caplog.at_level(logging.DEBUG):
        await ask(admin, "/nowhere?secret=hunter3")
        await ask(admin, "/hunter3", "DELETE")
        await ask(admin, "/healthz?hunter3")
    assert "hunter3" not in caplog.text


async def test_a_request_that_is_too_long_is_not_read(admin):
    try:
        answer = await raw(admin, b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    except ConnectionError:  # closed with unread bytes, which resets
        answer = b""
    assert b" 200 " not in answer
    assert (await ask(admin, "/healthz")).status == 200
