"""Gates as tests start them: ready when they say so, logged, reloaded, stopped, and nothing leaves without them."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import subprocess

import pytest

from e2e.lab import world
from e2e.lab.gate import Gate, LoopbackGate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server

WORKLOAD = 1000
SERVICE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{name}.example]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: {resolution}
{more}
"""
API = SERVICE.format(name="api", resolution="DNS", more="")
FORBIDDEN = SERVICE.format(name="forbidden", resolution="DNS", more="")


def status(lab: Lab, host: str, *flags: str) -> str:
    """The status of the answer that a workload gets; 000 when it gets none."""
    command = ["curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}", *flags, f"http://{host}/"]
    return lab.run_in(lab.pod, command, uid=WORKLOAD).stdout


@pytest.fixture(scope="module")
def gate(lab, standing_origins, origin_pki):
    with Gate(lab, API, origin_pki) as running:
        yield running


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_traffic_of_the_pod_goes_through_the_gate_and_is_logged(lab, gate, origins, family):
    entries = len(gate.log())
    assert status(lab, "api.example", family) == "200"
    assert status(lab, "forbidden.example", family) == "502"
    assert [entry["verdict"] for entry in gate.log(at_least=entries + 2)[entries:]] == ["allow", "deny"]
    assert [seen["server"] for seen in origins.records("request")] == ["api-plain"]


def test_the_rules_are_proven_beside_the_gate(gate):
    assert all(line.startswith("ok ") for line in gate.iptables("verify").splitlines())


def test_a_policy_is_in_force_when_reload_returns_and_a_broken_one_is_an_error(lab, gate, origins):
    gate.reload(FORBIDDEN)
    try:
        assert [status(lab, f"{host}.example") for host in ("api", "forbidden")] == ["502", "200"]
        with pytest.raises(RuntimeError, match="the gate refuses the policy"):
            gate.reload("kind: Unheard")
        assert status(lab, "forbidden.example") == "200"
    finally:
        gate.reload({"api.yaml": API})
    assert [status(lab, f"{host}.example") for host in ("api", "forbidden")] == ["200", "502"]


def test_nothing_leaves_while_the_gate_is_dead_and_traffic_goes_on_when_it_is_back(gate, counting, origins):
    """The kernel still ends the connections of the dead one; none is opened."""
    address = world.ADDRESSES["api"]
    before = [counting.counters.syns(each, 80) for each in address]
    assert gate.stop(signal.SIGKILL) == -signal.SIGKILL
    assert [status(counting, "api.example", family) for family in ("-4", "-6")] == ["000", "000"]
    assert [counting.counters.syns(each, 80) for each in address] == before
    gate.start()
    assert status(counting, "api.example") == "200"


@pytest.mark.netns
def test_a_gate_that_cannot_start_says_why_and_leaves_no_rules(origin_pki):
    with Lab() as lab:
        with (
            pytest.raises(RuntimeError, match=r"the gate did not start:[\s\S]*Unheard"),
            Gate(lab, "kind: Unheard", origin_pki),
        ):
            pass
        assert "OUTGATE" not in lab.run_in(lab.pod, ["iptables", "-S"]).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize(("mode", "scheme", "denied"), [("regular", "http", "502"), ("socks5", "socks5h", "000")])
def test_a_gate_on_the_loopback_needs_no_namespace(origin_pki, mode, scheme, denied):
    with LocalOrigins([Server("api", "http", ("127.0.0.1:0",))]) as local:
        port = local.address("api")[1]
        more = f"  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]"
        with LoopbackGate(SERVICE.format(name="api", resolution="STATIC", more=more), origin_pki, mode) as gate:
            proxy = f"{scheme}://127.0.0.1:{gate.address[1]}"
            codes = [_through(proxy, host) for host in ("api.example", "forbidden.example")]
            assert len(gate.log(at_least=2)) == 2
        assert codes == ["200", denied]
        assert len(local.records("request")) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("flags", [(), ("--workers", "2")])
def test_the_gate_reaches_its_own_admin_endpoint_for_nobody(origin_pki, flags):
    """Who asks through the gate would be taken for the gate itself."""
    gate = LoopbackGate("", origin_pki, flags=flags)
    more = f"  endpoints: [{{address: 127.0.0.1, ports: {{http: {gate.admin_address[1]}}}}}]"
    gate.write(SERVICE.format(name="api", resolution="STATIC", more=more))
    with gate:
        code = _through(f"http://127.0.0.1:{gate.address[1]}", "api.example/status")
        (entry,) = gate.log(at_least=1)
    assert code == "502"
    assert "is the gate itself" in entry["failure"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("workers", [1, 2])
def test_metrics_and_probes_have_a_listener_of_their_own_which_the_gate_reaches_for_nobody(origin_pki, workers):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gate = LoopbackGate("", origin_pki, flags=("--workers", str(workers), "--metrics", f"127.0.0.1:{port}"))
    more = f"  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]"
    gate.write(SERVICE.format(name="api", resolution="STATIC", more=more))
    with gate:
        code = _through(f"http://127.0.0.1:{gate.address[1]}", "api.example/metrics")
        (entry,) = gate.log(at_least=1)
        lines = _asked(port, "/metrics")[1].splitlines()
        assert _asked(port, "/readyz") == (200, '{"ready": true}')
        assert _asked(port, "/config")[0] == 404
    assert (code, "is the gate itself" in entry["failure"]) == ("502", True)
    assert {"outgate_ready 1", f"outgate_workers {workers}", "outgate_policy_generation 1"} <= set(lines)


def _asked(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _through(proxy: str, host: str) -> str:
    command = ["curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}", "-x", proxy, f"http://{host}/"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
