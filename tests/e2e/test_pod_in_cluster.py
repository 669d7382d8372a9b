"""A pod made of namespaces from rendered manifests, whose sidecar goes by the documents in its cluster."""

from __future__ import annotations

import ssl
import time

import pytest

from cluster.apiserver import TOKEN, ApiServer, ThreadedApiServer
from e2e import charted
from e2e.lab.bridge import Bridge
from e2e.lab.kubelet import Pod
from helm import charts

VALUES = {
    "workloads": {"namespaces": ["shop"]},
    "policy": {"fromCluster": {"enabled": True, "namespaces": ["egress"], "meshes": ["native"]}},
}
PLURAL = "egressdestinations"
PATIENCE = 20.0


def let_out(server, name):
    server.put(PLURAL, name, {"hosts": [f"{name}.example"], "ports": [{"number": 80, "protocol": "HTTP"}]}, "egress")


@pytest.fixture(scope="module")
def api(origin_pki):
    certified = origin_pki.origin_ca.server("kubernetes", ["127.0.0.1"])
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(certified.chain, certified.key)
    server = ApiServer(TOKEN, secure)
    server.serve("outgate.dev", "v1alpha1", PLURAL, "EgressDestination")
    let_out(server, "api")
    with ThreadedApiServer(server) as running:
        yield running


@pytest.fixture(scope="module")
def pod(lab, standing_origins, api, origin_pki):
    rendered = charts.manifests(VALUES)
    roots = {"kube-root-ca.crt": {"ca.crt": origin_pki.origin_ca.cert.read_text(encoding="utf-8")}}
    with Bridge(lab, api.server.port) as bridge:
        told = {"config_maps": roots, "api": bridge.address, "token": TOKEN}
        objects = charted.objects(rendered, "shop", charted.secrets(origin_pki), **told)
        with Pod(lab, charted.injected(rendered, charted.deployment(origin_pki)), objects) as running:
            yield running
            assert running.end("outgate") == 0
            assert "Traceback" not in running.output("outgate", "stderr")
            assert running.execute("outgate-redirect", ["outgate", "iptables", "remove"]).returncode == 0


def status(pod, host):
    return pod.execute("web", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{host}.example/"]).stdout


def becomes(pod, host, wanted):
    deadline = time.monotonic() + PATIENCE
    while (found := status(pod, host)) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return found == wanted


def test_the_sidecar_was_ready_with_the_policy_of_the_cluster(pod, origins):
    assert [status(pod, host) for host in ("api", "forbidden")] == ["200", "502"]


def test_the_policy_follows_the_cluster(pod, api, origins):
    api.do(lambda server: let_out(server, "forbidden"))
    assert becomes(pod, "forbidden", "200")
    api.do(lambda server: server.delete(PLURAL, "forbidden", "egress"))
    assert becomes(pod, "forbidden", "502")


def test_a_sidecar_writes_no_status(pod, api):
    assert api.do(lambda server: list(server.statuses)) == []


def test_the_workload_has_no_token_from_the_gate(pod):
    token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert pod.execute("outgate", ["cat", token]).stdout == TOKEN
    assert "No such file" in pod.execute("web", ["cat", token]).stderr
