"""`get endpoints` says how endpoints are, also those of several workers, each of which has its own say."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.request

import pytest
from click.testing import CliRunner

from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from outgate.cli.main import outgate

POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {{name: api}}
spec:
  hosts: [api.example]
  endpoints: [{{address: 127.0.0.1, port: {bad}}}, {{address: 127.0.0.1, port: {dead}}}]
  ports: [{{number: 80, protocol: HTTP}}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressTraffic
metadata: {{name: api}}
spec:
  destination: api
  balancing: {{balancer: ROUND_ROBIN}}
  outliers: {{consecutive5xx: 1, interval: 60s, baseEjection: 600s, maximumPercent: 50}}
"""


class Failing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """To nobody."""


@pytest.fixture(scope="module")
def pki():
    made = world.make_pki()
    yield made
    world.remove_pki(made)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_ejected_is_told(pki, workers):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            policy = POLICY.format(bad=server.server_address[1], dead=1)
            with LoopbackGate(policy, pki, flags=("--workers", str(workers))) as gate:
                _ask(gate, 12)
                _told(gate, server.server_address[1], workers)
        finally:
            server.shutdown()


def _ask(gate: LoopbackGate, times: int) -> None:
    proxy = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{gate.address[1]}"})
    opener = urllib.request.build_opener(proxy)
    for _ in range(times):
        with pytest.raises(urllib.error.HTTPError):
            opener.open("http://api.example/", timeout=20)


def _told(gate: LoopbackGate, bad: int, workers: int) -> None:
    admin = f"{gate.admin_address[0]}:{gate.admin_address[1]}"
    shown = CliRunner().invoke(outgate, ["get", "endpoints", "--admin", admin], env={"COLUMNS": "300"})
    assert shown.exit_code == 0, shown.output
    lines = [line for line in shown.stdout.splitlines() if "127.0.0.1:" in line]
    assert sorted(f"127.0.0.1:{port}" in line for line in lines for port in (bad, 1)) == [False, False, True, True]
    assert sum("ejected for consecutive 5xx, back in" in line for line in lines) >= 1
    listed = CliRunner().invoke(outgate, ["get", "endpoints", "--admin", admin, "-o", "json"])
    (destination,) = json.loads(listed.stdout)
    seen = {origin.get("worker", 0) for origin in destination["origins"]}
    assert len(seen) <= workers
    for origin in destination["origins"]:
        assert sum(bool(one["ejected"]) for one in origin["endpoints"]) == 1
        assert origin["under_way"] == {"connections": 0, "pending": 0, "requests": 0, "retries": 0}
