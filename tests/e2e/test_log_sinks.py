"""Where lines of the access log go: files that are turned over, receivers, collectors; under several workers and across
changes of policy, without one being lost, cut or written twice. Needs no namespaces.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import Document, defaults, istio, native, policy
from e2e.lab import world
from e2e.lab.gate import ADDONS, OUTGATE, PATIENCE, LoopbackGate
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server
from e2e.printed import Printed, in_file, on_stdout, receiving
from e2e.workload import drain
from telemetry.receiver import over_http, until, value

HERE = "127.0.0.1"
LINE = "%REQ(:PATH)% %RESPONSE_CODE%"
FORM = r"^/(?P<number>\d+) (?P<code>\d+)$"


@pytest.fixture(scope="module")
def origins() -> Iterator[LocalOrigins]:
    with LocalOrigins([Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


@pytest.fixture
def registry(origins: LocalOrigins) -> tuple[Document, ...]:
    host, port = origins.address("plain")
    upstream = {"port": port, "endpoints": [{"address": host, "port": port}]}
    ports = [{"number": 80, "protocol": "HTTP", "upstream": upstream}]
    known = native("EgressDestination", "api", {"hosts": ["api.example"], "resolution": "STATIC", "ports": ports})
    return defaults(mode="REGISTRY_ONLY"), known


def logging(*logs: dict[str, Any], **spec: Any) -> Document:
    return native("EgressTelemetry", "everybody", {"logs": list(logs), **spec})


@contextmanager
def running(pki: world.OriginPki, documents: str, workers: int = 1, **options: Any) -> Iterator[LoopbackGate]:
    with LoopbackGate(documents, pki, flags=["--workers", str(workers)], **options) as gate:
        yield gate
        assert "Traceback" not in gate.stderr(), gate.stderr()


def ask(gate: LoopbackGate, number: int) -> bytes:
    with socket.create_connection(gate.address, PATIENCE) as made:
        head = f"GET http://api.example/{number} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
        made.sendall(head.encode())
        return drain(made)[:12]


def asked(gate: LoopbackGate, numbers: range, threads: int = 8) -> None:
    """Requests with these numbers, several at once."""

    def some(first: int) -> None:
        for number in numbers[first::threads]:
            assert ask(gate, number) == b"HTTP/1.1 200"

    run = [threading.Thread(target=some, args=(first,)) for first in range(threads)]
    for one in run:
        one.start()
    for one in run:
        one.join()


# Files.


def files(path: Path) -> list[Path]:
    """The file and those that it has been turned over into, the oldest first."""
    older = sorted(path.parent.glob(f"{path.name}.*"), key=lambda one: -int(one.suffix[1:]))
    return [*older, path]


def test_two_workers_turn_a_file_over_and_lose_no_line(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    path, count = tmp_path / "access.log", 300
    documents = policy(*registry, logging({"to": str(path), "format": LINE}))
    with running(origin_pki, documents, 2, settings={"log_file": 200, "log_files": 100}) as gate:
        asked(gate, range(1000, 1000 + count))
    written = files(path)
    assert len(written) > 5
    assert max(one.stat().st_size for one in written) <= 200
    lines = [re.fullmatch(FORM, line) for one in written for line in one.read_text().splitlines()]
    assert Counter(int(line["number"]) for line in lines if line) == Counter(range(1000, 1000 + count))
    assert all(line is not None for line in lines)


def test_only_so_many_files_are_kept(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    path = tmp_path / "access.log"
    documents = policy(*registry, logging({"to": str(path), "format": LINE}))
    with running(origin_pki, documents, 2, settings={"log_file": 200, "log_files": 2}) as gate:
        asked(gate, range(1000, 1100))
    assert [one.name for one in files(path)] == ["access.log.2", "access.log.1", "access.log"]
    assert all(re.fullmatch(FORM, line) for one in files(path) for line in one.read_text().splitlines())


def test_a_file_that_is_moved_away_is_made_again(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    path = tmp_path / "access.log"
    with running(origin_pki, policy(*registry, logging({"to": str(path), "format": LINE}))) as gate:
        written = in_file(path, FORM)
        ask(gate, 1)
        written.one()
        path.rename(tmp_path / "moved.log")
        ask(gate, 2)
        written.one()
    assert (tmp_path / "moved.log").read_text() == "/1 200\n"
    assert path.read_text() == "/2 200\n"


def test_a_file_that_cannot_be_written_costs_lines_and_nothing_else(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    logs = [{"to": str(tmp_path / "nowhere" / "a.log"), "format": LINE}, {"to": "stdout", "format": LINE}]
    with running(origin_pki, policy(*registry, logging(*logs))) as gate:
        printed = on_stdout(gate, FORM)
        assert ask(gate, 7) == b"HTTP/1.1 200"
        assert printed.one()["number"] == "7"
        until(lambda: gate.admin("/status")["counts"]["log_dropped"] == 1)
        assert "nowhere/a.log cannot be written" in gate.stderr()


# Receivers.


def test_lines_over_tcp_outlive_a_receiver_that_hangs_up(
    origin_pki: world.OriginPki, registry: tuple[Document, ...]
) -> None:
    with receiving() as receiver:
        documents = policy(*registry, logging({"to": f"tcp://{receiver.target}", "format": LINE}))
        with running(origin_pki, documents) as gate:
            received = Printed(receiver.text, FORM)
            ask(gate, 1)
            received.wait(1)
            receiver.hang_up()
            ask(gate, 2)
            assert [line["number"] for line in received.wait(2)] == ["1", "2"]
            assert gate.admin("/status")["counts"]["log_dropped"] == 0


def test_what_nobody_takes_over_tcp_holds_up_no_request_and_no_end(
    origin_pki: world.OriginPki, registry: tuple[Document, ...]
) -> None:
    documents = policy(*registry, logging({"to": f"tcp://{HERE}:9", "format": LINE}))
    with running(origin_pki, documents) as gate:
        asked(gate, range(20))
        assert gate.stop() == 0
        assert f"the access log to {HERE}:9 cannot be written" in gate.stderr()


def test_the_gates_own_lines_go_to_the_collector_of_the_variables(
    origin_pki: world.OriginPki, registry: tuple[Document, ...]
) -> None:
    with over_http() as received:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint, "OTEL_LOGS_EXPORTER": "otlp"}
        quiet = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
        with running(origin_pki, policy(*registry), environment=variables | quiet) as gate:
            ask(gate, 5)
            (printed,) = gate.log(1)
            received.wait(received.records)
            until(lambda: gate.admin("/status")["counts"]["log_lines_exported"] == 1)
    (record,) = received.records()
    assert json.loads(value(record.body)) == printed
    assert printed["path"] == "/5"


# Changes of policy.


def test_under_traffic_each_request_has_one_line_whatever_the_documents_say_meanwhile(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    path, other, count = tmp_path / "a.log", tmp_path / "b.log", 1200
    said = [
        policy(*registry, logging({"to": "stdout", "format": LINE})),
        policy(*registry, logging({"to": str(path), "format": LINE})),
        policy(*registry, logging({"to": str(path), "format": f"{LINE} {LINE}"})),
        policy(*registry, logging({"to": str(other), "fields": {"n": "%REQ(:PATH)%"}})),
        policy(*registry),
    ]
    with running(origin_pki, said[0], workers=2) as gate:
        traffic = threading.Thread(target=asked, args=(gate, range(count)))
        traffic.start()
        changes = 0
        while traffic.is_alive() or changes < len(said):
            changes += 1
            gate.reload(said[changes % len(said)])
        traffic.join()
        assert gate.admin("/status")["counts"]["log_dropped"] == 0
        gate.stop()
        whole = "\n".join([gate.stdout(), *(one.read_text() for one in (path, other) if one.exists())])
    forms = (
        r"^/(?P<number>\d+) 200( /\1 200)?$",
        r'^\{"n":"/(?P<number>\d+)"\}$',
        r'^\{"time".*"path":"/(?P<number>\d+)".*\}$',
    )
    lines = [
        next(filter(None, (re.fullmatch(form, line) for form in forms)), None) for line in whole.splitlines() if line
    ]
    assert None not in lines
    assert Counter(int(line["number"]) for line in lines if line) == Counter(range(count))


# What is refused.

WRONG = "%RESPONSE_CODE% %UPSTREAM_METADATA(a:b)%"
SAID = "column 17: %UPSTREAM_METADATA% is not supported: the gate has no Envoy metadata"
INSTEAD = "write DYNAMIC_METADATA(outgate:endpoint_labels)"


def wrong(registry: tuple[Document, ...]) -> str:
    provider = {"name": "file", "envoyFileAccessLog": {"path": "/dev/stdout", "logFormat": {"text": WRONG}}}
    mesh = istio("IstioOperator", "mesh", {"meshConfig": {"extensionProviders": [provider]}}, namespace="istio-system")
    mesh["apiVersion"] = "install.istio.io/v1alpha1"
    uses = {"accessLogging": [{"providers": [{"name": "file"}]}]}
    return policy(*registry, mesh, istio("Telemetry", "all", uses, group="telemetry", namespace="istio-system"))


def place_of(documents: str, text: str) -> str:
    """`line:column` of a value."""
    number, line = next((number, line) for number, line in enumerate(documents.splitlines(), 1) if text in line)
    return f"{number}:{line.index(json.dumps(text)) + 1}"


def test_an_operator_that_the_gate_does_not_know_is_refused_with_its_place_and_what_to_write(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    documents = wrong(registry)
    (tmp_path / "policy.yaml").write_text(documents)
    done = subprocess.run(
        [*OUTGATE, "check", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": ADDONS},
    )
    told = f'policy.yaml:{place_of(documents, WRONG)}: the access log "file": {SAID}; {INSTEAD}'
    assert (done.returncode, told in done.stdout) == (1, True), done.stdout
    with pytest.raises(RuntimeError) as refused, running(origin_pki, documents):
        pass
    assert told in str(refused.value)


def test_a_reload_that_is_refused_leaves_logs_as_they_were(
    origin_pki: world.OriginPki, registry: tuple[Document, ...]
) -> None:
    with running(origin_pki, policy(*registry, logging({"to": "stdout", "format": LINE})), workers=2) as gate:
        for documents, told in (
            (wrong(registry), SAID),
            (
                policy(*registry, logging({"to": "stdout", "filter": "response.cod >= 400"})),
                "did you mean response.code?",
            ),
            (
                policy(*registry, logging(traces={"tags": [{"name": "t", "format": "%CEL(a)%"}]})),
                'the tag "t": column 1',
            ),
        ):
            gate.write(documents)
            assert not gate.admin("/reload", "POST")["loaded"]
            assert told in gate.admin("/status")["policy"]["last_error"]
        printed = on_stdout(gate, FORM)
        ask(gate, 3)
        assert printed.one()["number"] == "3"
