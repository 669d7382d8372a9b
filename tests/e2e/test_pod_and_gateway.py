"""Two pods made of namespaces from rendered manifests: the demo's workload with its sidecar, and the gateway."""

from __future__ import annotations

import pytest

import demo_rows
from e2e import charted
from e2e.charted import CERTIFICATES, CLIENT
from e2e.lab.kubelet import Pod
from e2e.lab.namespaces import POD4, POD6, WORLD4
from e2e.lab.pki import Authority
from helm import charts

GATEWAY = "outgate-gateway-pods.outgate-system.svc"
GATEWAYS = {
    "gateway": {
        "enabled": True,
        "identity": {"secret": "gateway-identity"},
        "settings": {"upstream_ca": f"{CERTIFICATES}/ca.crt"},
    }
}
IDS = {
    "gateway": "spiffe://cluster.local/ns/outgate-system/sa/outgate-gateway",
    "web": "spiffe://cluster.local/ns/shop/sa/web",
}


@pytest.fixture(scope="module")
def rendered():
    return charts.manifests(charted.values() | GATEWAYS)


@pytest.fixture(scope="module")
def identities(origin_pki):
    """Secrets of both ends, of one authority."""
    authority = Authority(origin_pki.folder, "workload-identities")
    ends = {
        "gateway-identity": authority.server("gateway", [IDS["gateway"], GATEWAY]),
        "outgate-identity": authority.client("web", [IDS["web"]]),
    }
    return {name: {"tls.crt": end.chain, "tls.key": end.key, "ca.crt": authority.cert} for name, end in ends.items()}


@pytest.fixture(scope="module")
def gateway(lab, standing_origins, rendered, identities, origin_pki):
    template = charts.one(rendered, "Deployment", "gateway")["spec"]["template"]
    held = {name: files for name, files in charted.secrets(origin_pki).items() if name != "pinned"}
    objects = charted.objects(rendered, charts.NAMESPACE, held | {"gateway-identity": identities["gateway-identity"]})
    manifest = charted.named(template, "outgate-gateway-1", charts.NAMESPACE)
    with Pod(lab, manifest, objects, outside=True) as running:
        running.begin("gateway")
        yield running
        assert running.end("gateway") == 0
        assert "Traceback" not in running.output("gateway", "stderr")


@pytest.fixture(scope="module")
def pod(lab, gateway, rendered, identities, origin_pki):
    """Where the gateway is, a headless Service says. The namespace has no client certificate of a partner's."""
    held = {name: files for name, files in charted.secrets(origin_pki).items() if name != CLIENT}
    objects = charted.objects(rendered, "shop", held | {"outgate-identity": identities["outgate-identity"]})
    lab.resolve(GATEWAY, WORLD4)
    with Pod(lab, charted.injected(rendered, charted.deployment(origin_pki)), objects) as running:
        yield running
        assert running.end("outgate") == 0
        assert "Traceback" not in running.output("outgate", "stderr")
        assert running.execute("outgate-redirect", ["outgate", "iptables", "remove"]).returncode == 0
    lab.resolve(GATEWAY)


def test_the_demos_rows_hold_and_nothing_leaves_but_through_the_gateway(pod, gateway, origins):
    assert charted.rows(pod) == demo_rows.NAMESPACES
    connections = origins.records("connection")
    assert connections
    assert [seen for seen in connections if seen["peer"][0] in (POD4, POD6)] == []


def test_the_gateway_knows_the_workload_by_its_certificate(pod, gateway, origins):
    before = len(charted.entries(gateway, "gateway"))
    pod.execute("web", ["curl", "-sS", "http://api.example/hello"])
    (entry,) = charted.entries(gateway, "gateway", before + 1)[before:]
    assert (entry["namespace"], entry["service_account"]) == ("shop", "web")
