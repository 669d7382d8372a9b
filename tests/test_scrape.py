"""Prometheus and a kubelet are answered on a listener of their own, by it and nothing else."""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from outgate.policy.compile import load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.scrape import FRESH, Listener, Page, expiry
from outgate.settings import Settings
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.names import BOUNDS

WITHIN = 20.0
POLICY = """\
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: partner}
spec: {hosts: [api.partner.example], ports: [{number: 443, protocol: HTTPS}]}
"""


@dataclass
class Gate:
    """What the page needs of a gate."""

    snapshot: Snapshot
    settings: Settings = field(default_factory=Settings)
    metrics: Metrics = field(default_factory=Metrics)
    reason: str = ""
    asked: int = 0

    def unready(self):
        return self.reason

    def connections(self):
        return 3

    def places(self):
        return []

    def counts(self):
        return {"head_timeout": 2}

    def trips(self):
        return 0

    def workers(self):
        return [{"worker": 1, "restarts": 4}]

    async def scraped(self):
        self.asked += 1
        await asyncio.sleep(0)
        return self.metrics.scraped()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return Gate(Snapshot(load([file], Setting())))


@pytest.fixture
async def listener(gate):
    made = Listener("127.0.0.1:0", gate)
    made.start()
    yield made
    await made.stop()


async def raw(listener: Listener, request: bytes) -> bytes:
    async with asyncio.timeout(WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


async def ask(listener: Listener, path: str, method: str = "GET", more: str = "") -> tuple[int, str, bytes]:
    """Status, head and what follows it; asked by HTTP/1.0, so that nothing comes in chunks."""
    answer = await raw(listener, f"{method} {path} HTTP/1.0\r\nHost: pod.example\r\n{more}\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode().lower(), body


@pytest.mark.parametrize("path", ["/metrics", "/stats/prometheus"])
async def test_the_page_tells_of_traffic_and_of_the_gate(listener, gate, path):
    gate.metrics.connected()
    status, head, body = await ask(listener, path)
    assert status == 200
    assert "content-type: text/plain; version=0.0.4; charset=utf-8" in head
    assert "\r\nserver:" not in head
    lines = body.decode().splitlines()
    for line in (
        "outgate_connections_total 1",
        "outgate_connections 3",
        'outgate_bounds_total{bound="head_timeout"} 2',
        'outgate_worker_restarts_total{worker="1"} 4',
        "outgate_policy_destinations 1",
        "outgate_ready 1",
    ):
        assert line in lines


async def test_a_page_in_chunks_is_whole(listener, gate):
    for number in range(3000):
        gate.metrics.count(BOUNDS, f"bound {number}").value += 1
    answer = await raw(listener, b"GET /metrics HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in answer
    assert answer.count(b"outgate_bounds_total{") == 3001
    assert answer.endswith(b"0\r\n\r\n")


async def test_probes_are_answered_as_on_the_admin_endpoint(listener, gate):
    status, _, body = await ask(listener, "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    status, _, body = await ask(listener, "/readyz")
    assert (status, json.loads(body)) == (200, {"ready": True})
    gate.reason = "draining"
    status, _, body = await ask(listener, "/readyz")
    assert (status, json.loads(body)) == (503, {"ready": False, "reason": "draining"})


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
async def test_head_is_get_without_its_content(listener, path):
    status, _, body = await ask(listener, path, "HEAD")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/config", "/status", "/reload", "/metrics/", "//metrics", "/log-level"])
async def test_nothing_else_is_told_here(listener, path):
    status, _, body = await ask(listener, path)
    assert (status, json.loads(body)["paths"]) == (404, ["/healthz", "/metrics", "/readyz", "/stats/prometheus"])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/metrics", "/reload", "/healthz"])
async def test_nothing_is_done_here(listener, method, path):
    status, _, _ = await ask(listener, path, method, "Content-Length: 0\r\n")
    assert status == 405


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /metrics HTTP/1.1\r\nHost: pod\r\nx: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: pod\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: pod\r\nContent-Length: 1\r\n\r\na",
    ],
)
async def test_a_long_head_and_any_body_are_not_read(listener, request_):
    try:
        answer = await raw(listener, request_)
    except ConnectionError:  # closed with unread bytes, which resets
        answer = b""
    assert b" 200 " not in answer
    assert (await ask(listener, "/healthz"))[0] == 200


async def test_asking_often_gathers_once(gate):
    now = [0.0]
    page = Page(gate, lambda: now[0])
    first, second = await asyncio.gather(page.scraped(), page.scraped())
    assert first is second
    assert gate.asked == 1
    now[0] += FRESH
    await page.scraped()
    assert gate.asked == 2


async def test_a_failure_is_told_without_details_and_logged_without_the_path(listener, gate, monkeypatch, caplog):
    def broken():
        raise RuntimeError("hunter2")

    monkeypatch.setattr(gate, "unready", broken)
    with caplog.at_level(logging.DEBUG):
        status, _, body = await ask(listener, "/readyz?secret=hunter3")
    assert (status, json.loads(body)) == (500, {"error": "internal server error"})
    assert "the metrics listener failed" in caplog.text
    assert "hunter3" not in caplog.text


async def test_an_address_that_is_taken_is_an_error(listener, gate):
    with pytest.raises(OSError, match="in use"):
        Listener(f"127.0.0.1:{listener.port}", gate).start()


def test_of_a_file_with_several_certificates_the_first_that_expires_counts():
    one, two = (
        {"role": "trust", "file": "roots.pem", "not_after": when}
        for when in ("2030-01-02T00:00:00+00:00", "2030-01-01T00:00:00+00:00")
    )
    assert expiry({"certificates": [one, two], "problems": []}) == {("trust", "roots.pem"): 1893456000.0}
