"""A hundred megabytes for a reader at one a second: whole at the end, and never held by the gate.

The reader is slow for the first ten seconds, in which a gate that reads ahead would hold most of it; then it takes
the rest as fast as it comes. Each transfer has a gate of its own, so that its memory is that transfer's.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.routes import MIB, PIECE
from e2e.scene import scene
from e2e.workload import Workload, response

pytestmark = [pytest.mark.netns, pytest.mark.slow]

POLICY = policy(defaults(mode="REGISTRY_ONLY"), destination("api.example", ports=("443/HTTPS",)))
SIZE = 100 * MIB
RATE, SLOW = MIB, 10.0
"""Bytes a second, and for how many seconds."""
GROWTH = 32 * MIB
TRANSFERS = [(way, version) for way in ("download", "upload") for version in (1, 2)]


@dataclass(frozen=True)
class Outcome:
    """What a transfer came to. Memory in bytes: `before` it, the most while the reader was `slow`, the most `ever`."""

    sha256: str
    length: int
    seconds: float
    before: int
    slow: int
    ever: int


class Reader:
    """Takes pieces, slowly at first, and digests them."""

    def __init__(self) -> None:
        self.digest, self.length, self.began = hashlib.sha256(), 0, time.monotonic()

    def take(self, piece: bytes) -> bytes:
        self.digest.update(piece)
        self.length += len(piece)
        passed = time.monotonic() - self.began
        if passed < SLOW and self.length > passed * RATE:
            time.sleep(min(self.length / RATE, SLOW) - passed)
        return b""


class Memory:
    """The resident memory of a process, watched from a thread."""

    def __init__(self, pid: int) -> None:
        self.path = Path(f"/proc/{pid}/status")
        self.before = self.slow = self.ever = self.now()
        self._began, self._over = time.monotonic(), threading.Event()
        self._watch = threading.Thread(target=self._look)

    def now(self) -> int:
        line = next(line for line in self.path.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def __enter__(self) -> Memory:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.ever = max(self.ever, now := self.now())
            if time.monotonic() - self._began < SLOW:
                self.slow = max(self.slow, now)


def pieces() -> Iterator[bytes]:
    return (PIECE for _ in range(SIZE // len(PIECE)))


def download(workload: Workload, version: int) -> tuple[str, int]:
    """Digest and length, as the workload got them."""
    reader, path = Reader(), f"/stream?mb={SIZE // MIB}"
    with workload.secure("api.example", alpn="h2" if version == 2 else "http/1.1") as sock:
        sock.settimeout(60)
        if version == 2:
            Client(sock, reader.take).ask(request("api.example", path, scheme="https"))
        else:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(sock)
            answer.begin()
            while piece := answer.read(65536):
                reader.take(piece)
    return reader.digest.hexdigest(), reader.length


def upload(workload: Workload, version: int) -> tuple[str, int]:
    """Digest and length, as the origin got them."""
    path = f"/upload?rate={RATE}&during={SLOW}"
    with workload.secure("api.example", alpn="h2" if version == 2 else "http/1.1") as sock:
        sock.settimeout(60)
        if version == 2:
            client = Client(sock)
            number = client.send(request("api.example", path, "POST", "https"), end=False)
            client.pour(number, pieces())
            told = client.answer(number).json
        else:
            head = f"POST {path} HTTP/1.1\r\nHost: api.example\r\nContent-Length: {SIZE}\r\n\r\n"
            sock.sendall(head.encode())
            for piece in pieces():
                sock.sendall(piece)
            told = json.loads(response(sock)[1])
    return told["sha256"], told["length"]


def transfer(pki: world.OriginPki, way: str, version: int) -> Outcome:
    """One transfer through a gate of its own, which has served a request of the kind before."""
    with scene(pki, POLICY) as standing:
        flag = "--http2" if version == 2 else "--http1.1"
        assert standing.workload.curl("https://api.example/stream?mb=1", flag).status == 200
        assert standing.gate.process is not None
        began = time.monotonic()
        with Memory(standing.gate.process.pid) as memory:
            sha256, length = (download if way == "download" else upload)(standing.workload, version)
        return Outcome(sha256, length, time.monotonic() - began, memory.before, memory.slow, memory.ever)


@pytest.fixture(scope="module")
def outcomes(lab: Lab, origin_pki: world.OriginPki) -> Iterator[dict[tuple[str, int], Future[Outcome]]]:
    """All transfers, begun at once, two under way at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {(way, version): pool.submit(transfer, origin_pki, way, version) for way, version in TRANSFERS}


def whole(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


@pytest.mark.parametrize(("way", "version"), TRANSFERS)
def test_what_is_large_passes_whole_and_is_never_held(
    outcomes: dict[tuple[str, int], Future[Outcome]], way: str, version: int
) -> None:
    outcome = outcomes[way, version].result(timeout=90)
    assert (outcome.length, outcome.sha256) == (SIZE, whole(pieces()))
    assert outcome.seconds > SLOW, "the control: the reader was slow"
    assert outcome.slow - outcome.before < GROWTH, outcome
    assert outcome.ever - outcome.before < GROWTH, outcome
