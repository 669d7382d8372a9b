"""A gate over time: policies come and go, requests finish, and the process says how it is and ends in order."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import PATIENCE, Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.scene import scene
from e2e.workload import Answer, Workload, drain, response

pytestmark = pytest.mark.netns

CLOSED = policy(defaults(mode="REGISTRY_ONLY"))
OPEN = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    destination("tcp.example", ports=("7000/TCP",)),
)
POLICY = OPEN
BROKEN = OPEN.replace('"hosts"', '"hots"')


def status(workload: Workload) -> int:
    return workload.curl("http://api.example/").status


def until(done: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"not within {within:g} s"
        time.sleep(0.05)


# Coming and going.


def test_a_changed_file_is_loaded(workload: Workload, gate: Gate, origins: LabOrigins) -> None:
    assert status(workload) == 200
    gate.write(CLOSED)
    until(lambda: status(workload) == 502)
    gate.write(OPEN)
    until(lambda: status(workload) == 200)


def test_sighup_loads_now(workload: Workload, gate: Gate, origins: LabOrigins) -> None:
    for documents, expected in ((CLOSED, 502), (OPEN, 200)):
        gate.reload(documents)
        assert status(workload) == expected


def test_what_the_newest_policy_allows_is_not_ended_by_one_before(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    """What is open is judged again two seconds after a swap; meanwhile there may have been another."""
    under(CLOSED)
    under(OPEN)
    answer = workload.curl("http://api.example/chunks?n=6&size=10&s=0.5")
    assert (answer.exit, answer.status, len(answer.body)) == (0, 200, 60), answer


def test_a_broken_policy_leaves_the_old_one_in_force_and_is_reported(
    workload: Workload, gate: Gate, origins: LabOrigins
) -> None:
    before = gate.admin("/status")["policy"]
    gate.write(BROKEN)
    gate.hang_up()
    until(lambda: gate.admin("/status")["policy"]["last_error"] != "")
    now = gate.admin("/status")["policy"]
    assert (now["digest"], now["generation"]) == (before["digest"], before["generation"])
    assert now["failures"] > before["failures"]
    assert "policy.yaml:" in now["last_error"]
    assert '"hosts"' in now["last_error"], "the likely key is named"
    assert "hots" in gate.stderr()
    assert status(workload) == 200
    gate.reload(OPEN)
    assert gate.admin("/status")["policy"]["last_error"] == ""


# What is under way.


def test_a_request_in_flight_finishes_on_the_policy_it_began_with(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal
) -> None:
    with workload.dial("api.example", 80) as client:
        client.sendall(b"GET /slow?s=0.6 HTTP/1.1\r\nHost: api.example\r\n\r\n")
        origins.records.wait(bool, "request", "api-plain")
        under(CLOSED)
        answer, body = response(client)
        assert (answer.status, body) == (200, b"slow\n")
        client.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
        assert response(client)[0].status == 502
    began, refused = journal.one(path="/slow"), journal.one(path="/")
    assert began["generation"] != refused["generation"]


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_what_the_new_policy_does_not_allow_ends_after_a_while(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal, kind: str
) -> None:
    """An endless response, and a raw connection: neither outlives its permission by much."""
    host, port = ("api.example", 80) if kind == "http" else ("tcp.example", 7000)
    first = b"GET /sse?s=0.1 HTTP/1.1\r\nHost: api.example\r\n\r\n" if kind == "http" else b"hello"
    with workload.dial(host, port) as client:
        client.sendall(first)
        assert client.recv(65536)
        under(CLOSED)
        started = time.monotonic()
        drain(client)
    assert time.monotonic() - started < 10
    assert "revoked" in journal.one(kind=kind)["failure"]


def test_what_the_new_policy_still_allows_goes_on(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    with workload.dial("tcp.example", 7000) as client:
        client.sendall(b"before")
        assert client.recv(100) == b"before"
        under(policy(defaults(mode="ALLOW_ANY"), destination("tcp.example", ports=("7000/TCP",))))
        time.sleep(2.5)
        client.sendall(b"after")
        assert client.recv(100) == b"after"


# Telling.


def test_the_admin_endpoint_tells_how_it_is(gate: Gate, origins: LabOrigins) -> None:
    assert gate.admin("/healthz") == {"status": "ok"}
    assert gate.admin("/readyz") == {"ready": True}
    told = gate.admin("/status")
    assert (told["ready"], told["policy"]["mode"], told["policy"]["destinations"]) == (True, "REGISTRY_ONLY", 2)
    assert told["guard_trips"] == 0
    assert [one["hosts"] for one in gate.admin("/destinations")] == [["api.example"], ["tcp.example"]]
    assert gate.admin("/config")["defaults"]["mode"] == "REGISTRY_ONLY"


def test_nothing_of_a_request_is_printed_on_standard_error(
    workload: Workload, gate: Gate, origins: LabOrigins, journal: Journal
) -> None:
    for data in (
        b"GET /whole?secret HTTP/1.1\r\nHost: api.example\r\nAuthorization: secret\r\nConnection: close\r\n\r\n",
        b"GET /denied?secret HTTP/1.1\r\nHost: forbidden.example\r\nConnection: close\r\n\r\n",
        b"POST /part?secret HTTP/1.1\r\nHost: api.example\r\nContent-Length: 10\r\n\r\nsecret",
        b"GET /?secret HTTP/1.1\r\nHost: api.exa",
        b"GET /?secret HTTP/1.1\r\nsecret\r\n\r\n",
        b"GET /?secret HTTP/7.7\r\n\r\n",
        b"secret",
    ):
        with workload.dial("api.example", 80) as client:
            client.sendall(data)
            with contextlib.suppress(OSError):  # the gate may have reset it already
                client.shutdown(socket.SHUT_WR)
            drain(client)
    journal.one(path="/whole")
    journal.one(path="/denied")
    assert "secret" not in gate.stderr()
    assert "secret" not in str(journal())


# Ending.


@pytest.fixture
def apart(lab: Lab, origin_pki: world.OriginPki) -> Iterator[Any]:
    """A gate that a test may end."""
    with scene(origin_pki, OPEN, settings={"drain_timeout": 8}) as standing:
        yield standing


def test_sigterm_lets_a_request_in_flight_finish_and_takes_no_more(apart: Any) -> None:
    workload, gate = apart.workload, apart.gate
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(workload.curl("http://api.example/slow?s=2")))
    asking.start()
    apart.origins.records.wait(bool, "request")
    gate.process.send_signal(signal.SIGTERM)
    until(lambda: ready(apart) != 200)
    assert refused(workload)
    asking.join(PATIENCE)
    assert [(answer.exit, answer.status, answer.body) for answer in answers] == [(0, 200, b"slow\n")]
    assert gate.process.wait(PATIENCE) == 0
    assert [entry["path"] for entry in gate.log(1)] == ["/slow"]


def refused(workload: Workload) -> bool:
    try:
        return workload.say("api.example", b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n") == b""
    except OSError:
        return True


def ready(apart: Any) -> int:
    """The status of `/readyz`; 0 when nobody answers."""
    with apart.lab.enter(apart.lab.pod):
        connection = http.client.HTTPConnection(*apart.gate.admin_address, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()


def test_sigterm_ends_what_does_not_finish_when_the_grace_is_over(apart: Any) -> None:
    with apart.workload.dial("api.example", 80) as client:
        client.sendall(b"GET /hang HTTP/1.1\r\nHost: api.example\r\n\r\n")
        apart.origins.records.wait(bool, "request")
        started = time.monotonic()
        assert apart.gate.stop() == 0
        assert 7 < time.monotonic() - started < 15
        assert drain(client) == b""


def test_what_is_idle_does_not_hold_up_the_end(apart: Any) -> None:
    """Connections kept for another request, in both versions of HTTP; one of them falls idle meanwhile."""
    head = b"GET /slow?s=%d HTTP/1.1\r\nHost: api.example\r\n\r\n"
    workload = apart.workload
    with (
        workload.dial("api.example", 80) as idle,
        workload.dial("api.example", 80) as busy,
        workload.dial("api.example", 80) as second,
    ):
        idle.sendall(head % 0)
        assert response(idle)[0].status == 200
        assert Client(second).ask(request("api.example")).status == 200
        busy.sendall(head % 2)
        apart.origins.records.wait(lambda seen: len(seen) == 3, "request")
        started = time.monotonic()
        assert apart.gate.stop() == 0
        assert time.monotonic() - started < 5
        assert response(busy)[1] == b"slow\n"
        assert [drain(one) for one in (idle, busy)] == [b"", b""]
