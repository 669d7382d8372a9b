"""What passes a real gate is captured: every kind of exchange, redacted, whole, and never at the traffic's expense."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest
import zstandard
from click.testing import CliRunner

from e2e.canaries import held
from e2e.documents import Document, defaults, destination, native, policy
from e2e.journal import load
from e2e.lab import world
from e2e.lab.gate import PATIENCE, UID, Gate, LoopbackGate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins, LocalOrigins
from e2e.lab.raw import EOF_SEEN
from e2e.lab.upstreams import Server
from e2e.test_streams import call, calls, websocket
from e2e.workload import Workload, drain
from outgate.capture.reading import Capture
from outgate.cli.main import outgate
from outgate.redact.exchange import Exchange
from outgate.redact.redacted import Redacted
from telemetry.receiver import until

HERE = "127.0.0.1"
BEARER = "Bearer c4n4rybearer"


def capture(folder: Path, name: str = "everything", **spec: Any) -> Document:
    return native("EgressCapture", name, {"folder": str(folder), **spec})


def read(folder: Path) -> list[Redacted]:
    """All of it, whole."""
    found = Capture(folder)
    kept = list(found) if folder.is_dir() else []
    assert found.problems == []
    return kept


def exchanges(folder: Path) -> list[Exchange]:
    return [kept.exchange for kept in read(folder)]


def text(folder: Path) -> str:
    """What stands in the files."""
    opened = zstandard.ZstdDecompressor()
    return "".join(
        opened.decompressobj().decompress(path.read_bytes()).decode("latin-1") for path in sorted(folder.iterdir())
    )


# Every kind of exchange, in the lab.

REGISTRY = (
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    destination("nobody.example", ports=("80/HTTP",)),
    destination("grpc.example", ports=("80/GRPC", "443/GRPC")),
    destination("tcp.example", ports=("7000/TCP",)),
)


@pytest.fixture(scope="module")
def taken(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Path]:
    """A capture of one of each. The gate has ended by then, so that all is written."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outgate-captures-")))
        shutil.chown(folder, UID, UID)
        documents = policy(*REGISTRY, capture(folder / "all"))
        gate = stack.enter_context(Gate(lab, documents, origin_pki))
        everything(Workload(lab, origin_pki))
        gate.stop()
        assert "Traceback" not in gate.stderr()
        yield folder / "all"


def everything(workload: Workload) -> None:
    secret = ["-H", f"Authorization: {BEARER}"]
    workload.curl("http://api.example/one?token=c4n4rytoken", *secret)
    workload.curl("https://api.example/two", "--http2", *secret)
    workload.curl("http://api.example/gzip")
    workload.curl("http://api.example/trailers")
    workload.curl("http://api.example/stream?mb=3")
    workload.curl("https://api.example/pipe", "--http2", "--upload-file", "-", data=b"piece " * 50_000)
    workload.curl("http://api.example/upload", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", data=b"chunk")
    workload.curl("http://api.example/sse?n=3&s=0.05")
    workload.curl("http://api.example/cut")
    workload.curl("http://forbidden.example/no", *secret)
    workload.curl("http://nobody.example/none", "--connect-to", "nobody.example::api.example:")
    calls(workload, "grpc.example:80", call("Both", "a", "b"), call("Fail", "thing"))
    calls(workload, "grpc.example:443", call("Unary", "hello"), encrypted=True)
    with websocket(workload, "api.example", encrypted=True) as client:
        for message in ("text", b"\x00\xff"):
            client.send(message)
            client.recv(timeout=10)
        client.close(4000, "bye")
    with workload.dial("tcp.example", 7000) as made:
        made.sendall(b"\x00raw")
        made.shutdown(socket.SHUT_WR)
        drain(made)
    with suppress(ConnectionError), workload.dial("tcp.example", 7002) as made:
        made.sendall(b"\x00raw")
        drain(made)


def one(taken: Path, path: str) -> Exchange:
    (found,) = [each for each in exchanges(taken) if each.request and each.request.target.partition("?")[0] == path]
    return found


pod = pytest.mark.netns


@pod
def test_a_request_and_its_answer_are_there_and_no_secret_is(taken: Path) -> None:
    found = one(taken, "/one")
    assert found.request
    assert found.response
    assert (found.request.method, found.request.host, found.request.port) == ("GET", "api.example", 80)
    assert (found.request.scheme, found.request.protocol, found.response.status) == ("http", "HTTP/1.1", 200)
    assert found.verdict.destination
    assert found.timing.end
    assert found.timing.first_byte
    assert found.response.body.content
    assert held(text(taken)) == []


@pod
def test_http_2_inside_tls(taken: Path) -> None:
    found = one(taken, "/two")
    assert found.request
    assert found.response
    assert (found.request.scheme, found.request.protocol) == ("https", "HTTP/2.0")
    assert found.response.body.content


@pod
def test_what_was_compressed_is_read_and_redacted(taken: Path) -> None:
    response = one(taken, "/gzip").response
    assert response
    assert response.body.decoded
    assert b'"user"' in (response.body.content or b"")
    assert b"hunter2" not in (response.body.content or b"")


@pod
def test_trailers(taken: Path) -> None:
    response = one(taken, "/trailers").response
    assert response
    assert response.body.content == b"hello"
    assert dict(response.trailers)[b"x-checksum"]


@pod
def test_a_body_beyond_the_bound_is_left_out(taken: Path) -> None:
    response = one(taken, "/stream").response
    assert response
    assert (response.body.content, response.body.missing, response.body.size) == (None, "too_large", 3 * 1024 * 1024)
    assert sum(chunk.size for chunk in response.body.chunks) == response.body.size


@pod
def test_an_upload_stream_is_there_in_both_directions(taken: Path) -> None:
    found = one(taken, "/pipe")
    assert found.request
    assert found.response
    assert found.request.body.content == found.response.body.content == b"piece " * 50_000
    assert len(found.request.body.chunks) > 1
    chunked = one(taken, "/upload").request
    assert chunked
    assert chunked.body.content == b"chunk"


@pod
def test_events_with_their_times(taken: Path) -> None:
    response = one(taken, "/sse").response
    assert response
    assert response.body.content == b"".join(b"id: %d\ndata: event %d\n\n" % (n, n) for n in range(3))
    times = [chunk.after for chunk in response.body.chunks]
    assert len(times) == 3
    assert times == sorted(times)


@pod
def test_an_answer_that_breaks_off(taken: Path) -> None:
    found = one(taken, "/cut")
    assert found.response
    assert (found.response.body.content, found.response.body.missing) == (None, "broken_off")
    assert found.error == "connection_closed"


@pod
def test_denied_and_failed(taken: Path) -> None:
    denied, failed = one(taken, "/no"), one(taken, "/none")
    assert (denied.verdict.verdict, denied.verdict.code) == ("deny", "unregistered")
    assert denied.response
    assert denied.response.status == 502
    assert (failed.verdict.verdict, failed.error) == ("allow", "host_not_found")
    assert failed.response
    assert failed.response.status == 503


@pod
def test_grpc(taken: Path) -> None:
    both, failed, unary = (one(taken, f"/lab.Echo/{method}") for method in ("Both", "Fail", "Unary"))
    assert both.request
    assert both.response
    assert failed.response
    assert unary.request
    assert both.request.body.content == b"\0\0\0\0\1a\0\0\0\0\1b"
    assert both.response.body.size == 22  # what is said in it is no protobuf, so that it may be dropped
    assert dict(both.response.trailers)[b"grpc-status"] == b"0"
    trailing = dict(failed.response.trailers) or dict(failed.response.fields)
    assert trailing[b"grpc-status"] == b"5"
    assert unary.request.scheme == "https"


@pod
def test_websocket(taken: Path) -> None:
    found = one(taken, "/ws")
    told = [(each.from_client, each.text, each.content) for each in found.messages]
    assert told == [(True, True, b"text"), (False, True, b"text"), (True, False, b"\0\xff"), (False, False, b"\0\xff")]
    assert found.close_code == 4000


@pod
def test_of_bytes_only_how_many(taken: Path) -> None:
    passed, refused = [each for each in exchanges(taken) if each.relayed]
    assert passed.relayed
    assert refused.relayed
    assert (passed.relayed.host, passed.relayed.port) == ("tcp.example", 7000)
    assert (passed.relayed.sent, passed.relayed.received) == (4, 4 + len(EOF_SEEN))
    assert (refused.verdict.verdict, refused.relayed.port) == ("deny", 7002)


# Processes, policies and disks, on loopback.


@pytest.fixture(scope="module")
def local() -> Iterator[LocalOrigins]:
    with LocalOrigins([Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


@pytest.fixture
def registry(local: LocalOrigins) -> tuple[Document, ...]:
    host, port = local.address("plain")
    upstream = {"port": port, "endpoints": [{"address": host, "port": port}]}
    ports = [{"number": 80, "protocol": "HTTP", "upstream": upstream}]
    known = native("EgressDestination", "api", {"hosts": ["api.example"], "resolution": "STATIC", "ports": ports})
    return defaults(mode="REGISTRY_ONLY"), known


@contextmanager
def running(pki: world.OriginPki, documents: str, workers: int = 1, **options: Any) -> Iterator[LoopbackGate]:
    with LoopbackGate(documents, pki, flags=["--workers", str(workers)], **options) as gate:
        yield gate
        assert "Traceback" not in gate.stderr(), gate.stderr()


def ask(gate: LoopbackGate, number: int) -> bytes:
    with socket.create_connection(gate.address, PATIENCE) as made:
        head = (
            f"GET http://api.example/{number} HTTP/1.1\r\nHost: api.example\r\nX-Mine: 1\r\nConnection: close\r\n\r\n"
        )
        made.sendall(head.encode())
        return drain(made)[:12]


def asked(gate: LoopbackGate, numbers: range, threads: int = 8) -> None:
    """Requests with these numbers, several at once."""

    def some(first: int) -> None:
        for number in numbers[first::threads]:
            assert ask(gate, number) == b"HTTP/1.1 200"

    run = [threading.Thread(target=some, args=(first,)) for first in range(threads)]
    for each in run:
        each.start()
    for each in run:
        each.join()


def counts(gate: LoopbackGate) -> dict[str, int]:
    told: dict[str, int] = gate.admin("/status")["counts"]
    return told


def numbers(folder: Path) -> list[int]:
    return sorted(int(each.request.target[1:]) for each in exchanges(folder) if each.request)


def test_two_workers_write_to_one_folder_and_lose_nothing(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    documents = policy(*registry, capture(tmp_path / "all"), rule("token"))
    with running(origin_pki, documents, workers=2) as gate:
        asked(gate, range(100, 160))
        until(lambda: counts(gate)["captures_written"] == 60)
        page = gate.asked("/metrics")
    assert numbers(tmp_path / "all") == list(range(100, 160))
    assert len(list((tmp_path / "all").iterdir())) == 2
    assert 'outgate_captures_total{outcome="written"} 60' in page
    assert 'outgate_redactions_total{detector="mine"} 60' in page
    values = {dict(each.request.fields)[b"X-Mine"] for each in exchanges(tmp_path / "all") if each.request}
    assert len(values) == 1, "equal values join, whichever worker captures them"


def rule(strategy: str) -> Document:
    rules = [{"name": "mine", "select": {"header": ["x-mine"]}, "replace": strategy}]
    return native("EgressRedaction", "mine", {"rules": rules})


def test_what_waits_is_written_at_the_end(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    with running(origin_pki, policy(*registry, capture(tmp_path / "all"))) as gate:
        asked(gate, range(100, 140))
        assert gate.stop() == 0
    assert numbers(tmp_path / "all") == list(range(100, 140))


class Asking:
    """Clients that ask until they are told to stop, whoever is killed meanwhile. `answered`: the numbers of requests
    whose whole answers have come."""

    def __init__(self, gate: LoopbackGate, numbers: Iterator[int]) -> None:
        self.gate, self.answered = gate, set[int]()
        self._numbers, self._stopped = numbers, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(each % 2 == 0,)) for each in range(8)]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for each in self._threads:
            each.join()

    def _ask(self, again: bool) -> None:
        """On one connection, or on one each time."""
        while not self._stopped.is_set():
            with suppress(OSError), socket.create_connection(self.gate.address, PATIENCE) as made:
                made.settimeout(PATIENCE)
                while not self._stopped.is_set() and self._whole(made) and again:
                    pass

    def _whole(self, made: socket.socket) -> bool:
        number, got = next(self._numbers), b""
        made.sendall(f"GET http://api.example/{number} HTTP/1.1\r\nHost: api.example\r\n\r\n".encode())
        while piece := made.recv(1 << 16):
            got += piece
            head, _, body = got.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length and len(body) == int(length[1]):
                self.answered.add(number)
                return True
        return False


def descendants(pid: int) -> list[int]:
    """Of a process, by what all of its threads have started."""
    with suppress(FileNotFoundError, ProcessLookupError):
        children = [int(each) for path in Path(f"/proc/{pid}/task").iterdir() for each in told(path / "children")]
        return [found for child in children for found in (child, *descendants(child))]
    return []


def told(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def redactors(pid: int) -> list[int]:
    """Processes that redact for a gate and its workers."""
    return [
        each for each in descendants(pid) if b"outgate.capture.process" in b" ".join(map(str.encode, command(each)))
    ]


def command(pid: int) -> list[str]:
    return [part for line in told(Path(f"/proc/{pid}/cmdline")) for part in line.split("\0")]


def seen(folder: Path) -> set[int]:
    """Also while it is written, or nothing is yet."""
    found = Capture(folder) if folder.exists() else ()
    return {int(each.exchange.request.target[1:]) for each in found if each.exchange.request}


def kill(gate: LoopbackGate, whom: str) -> None:
    assert gate.process is not None
    if whom == "supervisor":
        gate.stop(signal.SIGKILL)
    elif whom == "worker":
        os.kill(int(gate.admin("/status")["workers"][0]["pid"]), signal.SIGKILL)
    else:
        for each in redactors(gate.process.pid)[: 1 if whom == "redactor" else None]:
            os.kill(each, signal.SIGKILL)


def loses(gate: LoopbackGate, whom: str, numbers: Iterator[int], folder: Path, most: int) -> None:
    """No more of those whose whole answers had come stay away from the files."""
    with Asking(gate, numbers) as asking:
        until(lambda: len(asking.answered) > 100)
        kill(gate, whom)
        many = len(asking.answered)
        until(lambda: gate.process is None or len(asking.answered) > many + 50)
    until(lambda: len(asking.answered - seen(folder)) <= most)


def test_whoever_is_killed_at_most_one_exchange_is_lost(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    """The one that was on its way when the process that carried it was killed. The others wait for none of it."""
    folder, count = tmp_path / "all", itertools.count(100)
    with running(origin_pki, policy(*registry, capture(folder)), workers=2) as gate:
        assert gate.process is not None
        supervisor = gate.process.pid
        for whom in ("worker", "redactor", "worker", "all redactors", "worker"):
            until(lambda: len(redactors(supervisor)) == 2)
            loses(gate, whom, count, folder, most=int(whom == "worker"))
        until(lambda: len(redactors(supervisor)) == 2)
        last = redactors(supervisor)
        loses(gate, "supervisor", count, folder, most=2)
        until(lambda: not any(map(command, last)))
    kept = numbers(folder)
    assert len(kept) == len(set(kept)), "none is there twice"


def test_while_nothing_is_redacted_traffic_passes(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    """However long it takes: what redacts is held up until everything was answered."""
    with running(origin_pki, policy(*registry, capture(tmp_path / "all"))) as gate:
        assert gate.process is not None
        assert ask(gate, 100) == b"HTTP/1.1 200"
        until(lambda: counts(gate)["captures_written"] == 1)
        (redactor,) = redactors(gate.process.pid)
        os.kill(redactor, signal.SIGSTOP)
        asked(gate, range(101, 160))
        assert counts(gate)["captures_written"] == 1
        os.kill(redactor, signal.SIGCONT)
        until(lambda: counts(gate)["captures_written"] == 60)
        os.killpg(gate.process.pid, signal.SIGTERM)
        gate.stop()
        assert not any(command(redactor))
    assert numbers(tmp_path / "all") == list(range(100, 160))


def test_a_token_is_unsealed_by_who_has_the_key_and_by_nobody_else(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    here = CliRunner()
    assert here.invoke(outgate, ["vault", "key", str(tmp_path / "vault.key")]).exit_code == 0
    vault = {"key": str(tmp_path / "vault.key.pub"), "folder": str(tmp_path / "vault")}
    with running(origin_pki, policy(*registry, capture(tmp_path / "all", vault=vault), rule("token"))) as gate:
        assert ask(gate, 100) == b"HTTP/1.1 200"
        until(lambda: counts(gate)["captures_written"] == 1)
    (kept,) = exchanges(tmp_path / "all")
    assert kept.request
    token = dict(kept.request.fields)[b"X-Mine"].decode()
    sealed = b"".join(path.read_bytes() for path in (tmp_path / "vault").iterdir())
    assert token.encode() not in sealed
    opened = here.invoke(
        outgate, ["vault", "open", vault["folder"], token, "--key", str(tmp_path / "vault.key"), "-o", "json"]
    )
    assert (opened.exit_code, json.loads(opened.stdout)) == (0, {token: ["1"]})
    assert (tmp_path / "vault" / "audit.ndjson").read_text().count("\n") == 1


def test_a_reload_turns_to_other_folders_and_rules_under_traffic(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    first = policy(*registry, capture(tmp_path / "one"))
    second = policy(*registry, capture(tmp_path / "two"), rule("remove"))
    with running(origin_pki, first) as gate:
        asking = threading.Thread(target=asked, args=(gate, range(100, 300)))
        asking.start()
        until(lambda: counts(gate)["captures_written"] > 20)
        load(gate, second)
        asking.join()
        ask(gate, 300)
        until(lambda: counts(gate)["captures_written"] == 201)
        load(gate, policy(*registry))
        ask(gate, 301)
        assert {counts(gate)[name] for name in ("captures_dropped", "captures_failed")} == {0}
    one, two = tmp_path / "one", tmp_path / "two"
    assert sorted([*numbers(one), *numbers(two)]) == list(range(100, 301))
    assert numbers(one)
    assert all(b"X-Mine" in dict(each.request.fields) for each in exchanges(one) if each.request)
    assert not any(b"X-Mine" in dict(each.request.fields) for each in exchanges(two) if each.request)


def test_a_full_disk_stops_the_capture_and_not_the_traffic(
    origin_pki: world.OriginPki, registry: tuple[Document, ...], tmp_path: Path
) -> None:
    if os.getuid() != 0:
        pytest.skip("a small file system takes root to mount")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    try:
        with running(origin_pki, policy(*registry, capture(small / "all"))) as gate:
            assert ask(gate, 99) == b"HTTP/1.1 200"
            until(lambda: counts(gate)["captures_written"] == 1)
            (small / "other").write_bytes(b"x" * 60 * 1024)
            asked(gate, range(100, 200))
            until(lambda: counts(gate)["captures_failed"] > 0)
            assert ask(gate, 200) == b"HTTP/1.1 200"
            assert f"the capture in {small / 'all'} cannot be written" in gate.stderr()
            assert 'outgate_captures_total{outcome="failed"}' in gate.asked("/metrics")
        assert read(small / "all")  # what is there can be read
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_without_a_capture_nothing_is_counted_and_nothing_is_written(
    origin_pki: world.OriginPki, registry: tuple[Document, ...]
) -> None:
    with running(origin_pki, policy(*registry)) as gate:
        ask(gate, 100)
        assert not [name for name in counts(gate) if name.startswith("captures")]
