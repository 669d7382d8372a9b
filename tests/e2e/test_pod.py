"""A pod made of namespaces from rendered manifests: the chart's settings, the injection's containers, the demo's rows.

Every container runs its own command, with its own variables, volumes, user and capabilities. What the workload tries
beyond the demo is what would pass by a gate that only proxied.
"""

from __future__ import annotations

import json
import re
import sys

import pytest

import demo_rows
from e2e import charted
from e2e.charted import CERTIFICATES
from e2e.lab import world
from e2e.lab.kubelet import Pod
from helm import charts
from outgate.injection import config, manifests

DATAGRAM = """
import socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(2)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.send(b"quic?")
    sock.recv(1)
"""


@pytest.fixture(scope="module")
def rendered(origin_pki):
    """With an authority that is to follow the one that workloads trust."""
    following = origin_pki.client_ca.cert.read_text(encoding="utf-8")
    trusting = {"settings": {"upstream_ca": f"{CERTIFICATES}/ca.crt"}}
    return charts.manifests(charted.values() | {"ca": {"alsoTrusted": following}, "sidecar": trusting})


@pytest.fixture(scope="module")
def deployment(origin_pki):
    return charted.deployment(origin_pki)


@pytest.fixture(scope="module")
def pod(lab, standing_origins, rendered, deployment, origin_pki):
    objects = charted.objects(rendered, "shop", charted.secrets(origin_pki))
    with Pod(lab, charted.injected(rendered, deployment), objects) as running:
        yield running
        assert running.end("outgate") == 0
        assert "Traceback" not in running.output("outgate", "stderr")
        assert running.execute("outgate-redirect", ["outgate", "iptables", "remove"]).returncode == 0


def test_the_rules_were_proven_before_anything_else_started(pod):
    lines = pod.output("outgate-redirect").splitlines()
    proven = [line for line in lines if line.startswith("ok ")]
    assert proven
    assert [line for line in lines if line.startswith(("failed", "skipped"))] == []


def test_the_demos_rows_hold(pod):
    assert charted.rows(pod) == demo_rows.NAMESPACES


def test_the_log_knows_the_workload_by_its_service_account(pod, origins):
    before = len(charted.entries(pod, "outgate"))
    pod.execute("web", ["curl", "-sS", "http://api.example/hello"])
    (entry,) = charted.entries(pod, "outgate", before + 1)[before:]
    assert (entry["namespace"], entry["service_account"]) == ("shop", "web")


def test_programs_trust_the_gate_without_being_told(pod, origins):
    done = pod.execute("web", ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "https://api.example/hello"])
    assert (done.stdout, done.stderr) == ("200", "")


def test_while_the_authority_is_replaced_both_are_trusted_beside_the_systems(pod, origin_pki):
    bundle = pod.execute("web", ["sh", "-c", 'cat "$SSL_CERT_FILE"']).stdout
    for authority in (origin_pki.gate_ca, origin_pki.client_ca):
        assert authority.cert.read_text(encoding="utf-8").strip() in bundle
    assert origin_pki.origin_ca.cert.read_text(encoding="utf-8").strip() not in bundle


FORBIDDEN4, FORBIDDEN6 = world.ADDRESSES["forbidden"]
METADATA4, METADATA6 = world.ADDRESSES["metadata"]


@pytest.mark.parametrize(
    ("url", "flags", "status", "address", "port"),
    [
        ("http://forbidden.example/", ("-6",), "502", FORBIDDEN6, 80),
        (f"http://[{FORBIDDEN6}]/", ("-6",), "502", FORBIDDEN6, 80),
        ("https://forbidden.example/", ("-6", "-k"), "502", FORBIDDEN6, 443),
        ("http://forbidden.example:8443/", ("-4",), "502", FORBIDDEN4, 8443),
        ("https://forbidden.example:8443/", ("-4", "-k"), "502", FORBIDDEN4, 8443),
        ("http://api.example:8443/", ("-4",), "502", world.ADDRESSES["api"][0], 8443),
        (f"http://{METADATA4}/latest/meta-data/", (), "502", METADATA4, 80),
        (f"http://[{METADATA6}]/latest/meta-data/", (), "502", METADATA6, 80),
    ],
)
def test_what_is_not_registered_is_refused(pod, counting, origins, url, flags, status, address, port):
    before = counting.packets(address, port)
    done = pod.execute("web", ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", *flags, url])
    assert done.stdout == status, done.stderr
    assert counting.packets(address, port) == before


@pytest.mark.parametrize("name", ["api", "forbidden"])
@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_quic_is_refused_at_once_so_that_clients_fall_back(pod, counting, name, family):
    address = world.ADDRESSES[name][family]
    before = counting.packets(address)
    done = pod.execute("web", [sys.executable, "-c", DATAGRAM, address, "443"])
    assert re.search("PermissionError|ConnectionRefusedError", done.stderr), done.stderr
    assert counting.packets(address) == before


@pytest.mark.parametrize("address", [FORBIDDEN4, FORBIDDEN6])
def test_the_gates_uid_is_not_the_workloads_to_take(pod, counting, address):
    before = counting.packets(address)
    host = f"[{address}]" if ":" in address else address
    done = pod.execute("web", ["setpriv", "--reuid=1337", "curl", "-sS", "--max-time", "5", f"http://{host}/"])
    assert done.returncode != 0
    assert "setresuid failed: Operation not permitted" in done.stderr
    assert counting.packets(address) == before


def test_the_workload_does_not_see_the_gates_keys(pod):
    for path in ("/etc/outgate/certs/outgate-ca.key", f"{CERTIFICATES}/client.key"):
        assert "No such file" in pod.execute("web", ["cat", path]).stderr


def test_a_workload_that_asks_for_the_gates_uid_gets_no_pod(deployment, rendered):
    asking = json.loads(json.dumps(deployment))
    asking["spec"]["template"]["spec"]["containers"][0]["securityContext"]["runAsUser"] = 1337
    text = charts.one(rendered, "ConfigMap", "injection")["data"]["injection.yaml"]
    refused = manifests.inject(asking, config.from_text(text, "injection.yaml"))
    assert isinstance(refused, manifests.Refused)
    assert "runs as uid 1337" in refused.reason
