"""Several workers behind one port, as the gate's user starts them: one may be killed or hang, and traffic goes on.

Whoever restarts the whole gate, a container runtime, is the test. Needs no namespaces.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import defaults, native, policy
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server
from e2e.workload import drain
from telemetry import exposed

HERE = "127.0.0.1"
PATIENCE = 30.0
MANY = 24
"""Connections of which each of two workers gets some, but for once in eight million times."""


@pytest.fixture(scope="module")
def local() -> Iterator[LocalOrigins]:
    with LocalOrigins([Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


@pytest.fixture
def origins(local: LocalOrigins) -> LocalOrigins:
    local.records.forget()
    return local


def registry(origins: LocalOrigins, *names: str) -> str:
    host, port = origins.address("plain")
    upstream = {"port": port, "endpoints": [{"address": host, "port": port}]}
    ports = [{"number": 80, "protocol": "HTTP", "upstream": upstream}]
    spec = {"resolution": "STATIC", "ports": ports}
    return policy(
        defaults(mode="REGISTRY_ONLY"),
        *(native("EgressDestination", name.partition(".")[0], {"hosts": [name], **spec}) for name in names),
    )


@pytest.fixture
def gate(origins: LocalOrigins, origin_pki: world.OriginPki) -> Iterator[LoopbackGate]:
    settings = {"heartbeat_timeout": 3, "drain_timeout": 5}
    documents = registry(origins, "api.example")
    with LoopbackGate(documents, origin_pki, settings=settings, flags=["--workers", "2"]) as running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()


def ask(gate: LoopbackGate, path: str = "/hello", host: str = "api.example") -> socket.socket:
    made = socket.create_connection(gate.address, PATIENCE)
    made.sendall(f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return made


def status_of(made: socket.socket) -> bytes:
    with made:
        return drain(made)[:12]


def until[T](value: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (found := value()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
    return found


def workers(gate: LoopbackGate) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = gate.admin("/status")["workers"]
    return told


def replaced(gate: LoopbackGate, index: int) -> bool:
    """The worker with this index has a follower that takes traffic."""
    one = workers(gate)[index]
    return one["restarts"] == 1 and not one["unready"]


def test_connections_go_to_all_workers_and_the_status_adds_them_up(gate: LoopbackGate) -> None:
    assert [status_of(ask(gate)) for _ in range(MANY)] == [b"HTTP/1.1 200"] * MANY
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(gate.address, PATIENCE))
        until(lambda: gate.admin("/status")["connections"] == MANY)
        assert all(worker["connections"] for worker in workers(gate))
    until(lambda: gate.admin("/status")["counts"].get("left_early") == MANY)
    entries = gate.log(MANY)
    assert [entry["status"] for entry in entries] == [200] * MANY


def test_connections_that_wait_outlive_a_worker_that_is_killed(gate: LoopbackGate) -> None:
    stopped = workers(gate)[0]["pid"]
    os.kill(stopped, signal.SIGSTOP)
    asked = [ask(gate) for _ in range(MANY)]
    os.kill(stopped, signal.SIGKILL)
    assert [status_of(made) for made in asked] == [b"HTTP/1.1 200"] * MANY
    until(lambda: replaced(gate, 0))
    assert [worker["restarts"] for worker in workers(gate)] == [1, 0]
    assert "worker 1 ended with SIGKILL and is started again" in gate.stderr()


def test_a_worker_that_hangs_is_replaced(gate: LoopbackGate) -> None:
    hanging = workers(gate)[1]["pid"]
    os.kill(hanging, signal.SIGSTOP)
    asked = [ask(gate) for _ in range(MANY)]
    assert [status_of(made) for made in asked] == [b"HTTP/1.1 200"] * MANY
    until(lambda: replaced(gate, 1))
    assert "worker 2 has said nothing for 3 s and is ended" in gate.stderr()


def test_while_a_worker_is_not_back_the_gate_is_not_ready(gate: LoopbackGate) -> None:
    os.kill(workers(gate)[0]["pid"], signal.SIGKILL)
    assert until(lambda: gate.admin("/readyz").get("reason")) == "worker 1 is starting"
    assert until(lambda: gate.admin("/readyz")["ready"])


def test_workers_do_not_outlive_their_supervisor_and_another_one_serves_at_once(gate: LoopbackGate) -> None:
    pids = [worker["pid"] for worker in workers(gate)]
    os.kill(pids[0], signal.SIGSTOP)
    assert gate.process is not None
    gate.process.kill()
    gate.process.wait()
    gate.start()
    assert [status_of(ask(gate)) for _ in range(MANY)] == [b"HTTP/1.1 200"] * MANY
    until(lambda: not any(map(alive, pids)))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_sigterm_lets_requests_in_flight_finish_in_every_worker(gate: LoopbackGate, origins: LocalOrigins) -> None:
    asked = [ask(gate, "/slow?s=2") for _ in range(MANY)]
    origins.records.wait(lambda seen: len(seen) == MANY, "request")
    assert gate.stop() == 0
    assert [status_of(made) for made in asked] == [b"HTTP/1.1 200"] * MANY
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(gate.address, PATIENCE)


def test_what_does_not_finish_is_ended_when_the_grace_is_over(gate: LoopbackGate, origins: LocalOrigins) -> None:
    asked = ask(gate, "/hang")
    origins.records.wait(bool, "request")
    assert gate.stop() == 0
    assert status_of(asked) == b""


@pytest.mark.parametrize("how", ["the admin endpoint", "SIGHUP", "the file alone"])
def test_a_new_policy_reaches_every_worker(gate: LoopbackGate, origins: LocalOrigins, how: str) -> None:
    before = {worker["policy"] for worker in workers(gate)}
    gate.write(registry(origins, "other.example"))
    if how == "the admin endpoint":
        assert gate.admin("/reload", "POST")["loaded"] is True
    elif how == "SIGHUP":
        gate.hang_up()
    until(lambda: {worker["policy"] for worker in workers(gate)} not in ({*before}, {*before, current(gate)}))
    assert {status_of(ask(gate, host="other.example")) for _ in range(MANY)} == {b"HTTP/1.1 200"}
    assert {status_of(ask(gate)) for _ in range(MANY)} == {b"HTTP/1.1 502"}


def current(gate: LoopbackGate) -> str:
    return str(gate.admin("/status")["policy"]["digest"])


def test_a_broken_policy_leaves_the_old_one_in_every_worker_and_in_those_that_come_later(gate: LoopbackGate) -> None:
    before = current(gate)
    gate.write("kind: [")
    assert gate.admin("/reload", "POST")["loaded"] is False
    assert {worker["policy"] for worker in workers(gate)} == {before}
    assert all("policy.yaml" in worker["error"] for worker in workers(gate))
    os.kill(workers(gate)[0]["pid"], signal.SIGKILL)
    until(lambda: replaced(gate, 0))
    assert {worker["policy"] for worker in workers(gate)} == {before}
    assert all("policy.yaml" in worker["error"] for worker in workers(gate))
    assert {status_of(ask(gate)) for _ in range(MANY)} == {b"HTTP/1.1 200"}


def test_traffic_goes_on_while_workers_are_killed_one_by_one(gate: LoopbackGate) -> None:
    """A connection that a worker had accepted dies with it; one that fails is asked again, as clients do."""
    over, wrong = threading.Event(), []

    def keep_asking() -> None:
        while not over.is_set():
            with contextlib.suppress(ConnectionError):
                if (got := status_of(ask(gate))) not in (b"HTTP/1.1 200", b""):
                    wrong.append(got)

    asking = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        for index in (0, 1):
            os.kill(workers(gate)[index]["pid"], signal.SIGKILL)
            until(lambda index=index: replaced(gate, index))
    finally:
        over.set()
        for thread in asking:
            thread.join(PATIENCE)
    assert wrong == []
    assert status_of(ask(gate)) == b"HTTP/1.1 200"


def test_a_port_in_use_starts_no_worker(origins: LocalOrigins, origin_pki: world.OriginPki) -> None:
    gate = LoopbackGate(registry(origins, "api.example"), origin_pki, flags=["--workers", "2"])
    with socket.create_server(gate.address), pytest.raises(RuntimeError, match="cannot listen"):
        gate.start()
    assert gate.process is not None
    assert gate.process.wait(PATIENCE) == 3
    gate.__exit__()


def test_what_was_used_is_told_of_all_workers_together(gate: LoopbackGate) -> None:
    before = time.time()
    assert gate.admin("/last-use")["used"] == {}
    assert {status_of(ask(gate)) for _ in range(MANY)} == {b"HTTP/1.1 200"}
    told = gate.admin("/last-use")
    assert [key for key, when in told["used"].items() if when >= before] == ["EgressDestination/default/api"]
    assert told["since"] <= before


def test_who_called_what_is_the_sum_of_all_workers(gate: LoopbackGate) -> None:
    assert gate.admin("/calls")["edges"] == []
    assert {status_of(ask(gate)) for _ in range(MANY)} == {b"HTTP/1.1 200"}
    told = gate.admin("/calls")["edges"]
    assert [(edge["place"]["name"], edge["verdict"]) for edge in told] == [("EgressDestination/default/api", "allow")]
    assert told[0]["requests"] == sum(told[0]["durations"]) == MANY


def test_what_was_counted_is_the_sum_of_all_workers_and_outlives_them(gate: LoopbackGate) -> None:
    """Nothing is lost that was shown."""
    assert {status_of(ask(gate)) for _ in range(MANY)} == {b"HTTP/1.1 200"}
    until(lambda: counted(gate) == MANY)
    for index in (0, 1):
        os.kill(workers(gate)[index]["pid"], signal.SIGKILL)
        assert counted(gate) == MANY
        until(lambda index=index: replaced(gate, index))
        assert counted(gate) == MANY
    assert {status_of(ask(gate)) for _ in range(MANY)} == {b"HTTP/1.1 200"}
    until(lambda: counted(gate) == 2 * MANY)
    page = exposed.read(gate.asked("/metrics"))
    assert exposed.total(page["istio_request_duration_milliseconds_count"]) == 2 * MANY
    assert exposed.total(page["istio_request_duration_milliseconds_bucket"], le="+Inf") == 2 * MANY
    assert exposed.total(page["outgate_worker_restarts_total"]) == 2


def counted(gate: LoopbackGate) -> float:
    return exposed.total(exposed.read(gate.asked("/stats/prometheus"))["istio_requests_total"])
