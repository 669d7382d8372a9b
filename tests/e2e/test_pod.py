"""A pod made of namespaces from rendered manifests: the chart's settings, the injection's containers, the demo's rows.

Every container runs its own command, with its own variables, volumes, user and capabilities. What the workload tries
beyond the demo is what would pass by a gate that only proxied.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from string import Template

import pytest
import yaml

import demo_rows
from docpages.markdown import ROOT
from e2e.lab import world
from e2e.lab.kubelet import Objects, Pod
from helm import charts
from outgate.injection import config, manifests

CERTIFICATES = "/etc/istio/external-certs"
WORKLOAD = 1000
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      securityContext: {runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000}
      containers:
      - name: web
        image: registry.example/web
        command: [PYTHON, APP, --ca, $(SSL_CERT_FILE), --pinned-ca, /etc/web/pinned/ca.crt]
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts:
        - {name: pinned, mountPath: /etc/web/pinned, readOnly: true}
      volumes:
      - {name: pinned, secret: {secretName: pinned}}
"""
DATAGRAM = """
import socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(2)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.send(b"quic?")
    sock.recv(1)
"""


def values(pki):
    """Of the chart: the demo's policy, the partner's certificate, whom the gate trusts, and an authority to come."""
    files = {name: f"{CERTIFICATES}/{file}" for name, file in NAMES.items()}
    told = defaultdict(str, resolution="DNS", partner_port=443, pinned_port=443, tcp_port=7000, **files)
    documents = Template((ROOT / "demo" / "policy.yaml").read_text(encoding="utf-8")).substitute(told)
    return {
        "workloads": {"namespaces": ["shop"]},
        "policy": {"documents": {"demo.yaml": documents}},
        "clientCertificates": [{"name": "partner", "secret": "external-api-certs", "mountPath": CERTIFICATES}],
        "ca": {"alsoTrusted": pki.client_ca.cert.read_text(encoding="utf-8")},
        "sidecar": {"settings": {"upstream_ca": f"{CERTIFICATES}/ca.crt"}},
    }


NAMES = {"client_certificate": "client.crt", "client_key": "client.key", "origin_ca": "ca.crt"}


@pytest.fixture(scope="module")
def rendered(origin_pki):
    return charts.manifests(values(origin_pki))


@pytest.fixture(scope="module")
def settings(rendered):
    return config.from_text(charts.one(rendered, "ConfigMap", "injection")["data"]["injection.yaml"], "injection.yaml")


@pytest.fixture(scope="module")
def deployment(origin_pki):
    application = origin_pki.folder / "application.py"
    application.write_bytes((ROOT / "demo" / "app.py").read_bytes())
    return yaml.safe_load(DEPLOYMENT.replace("PYTHON", sys.executable).replace("APP", str(application)))


@pytest.fixture(scope="module")
def objects(rendered, origin_pki):
    """Secrets as somebody else has put them there, and the chart's own ConfigMaps."""
    pki = origin_pki
    files = {"client.crt": pki.client.chain, "client.key": pki.client.key, "ca.crt": pki.origin_ca.cert}
    secrets = {
        "outgate-ca": {"tls.crt": pki.gate_ca.cert, "tls.key": pki.gate_ca.key},
        "external-api-certs": files,
        "pinned": {"ca.crt": pki.second_ca.cert},
    }
    found = {name: {key: path.read_bytes() for key, path in files.items()} for name, files in secrets.items()}
    held = [each for each in charts.of_kind(rendered, "ConfigMap") if each["metadata"]["namespace"] == "shop"]
    return Objects(found, {each["metadata"]["name"]: each["data"] for each in held})


@pytest.fixture(scope="module")
def pod(lab, standing_origins, settings, deployment, objects):
    injected = manifests.inject(deployment, settings)
    template = injected.manifest["spec"]["template"]
    template["metadata"] |= {"name": "web-1", "namespace": "shop"}
    with Pod(lab, template, objects) as running:
        yield running
        assert running.end("outgate") == 0
        assert "Traceback" not in running.output("outgate", "stderr")
        assert running.execute("outgate-redirect", ["outgate", "iptables", "remove"]).returncode == 0


def entries(pod, at_least=0):
    """The gate's lines about traffic, as soon as it has so many."""
    deadline = time.monotonic() + 10
    while True:
        found = [json.loads(line) for line in pod.output("outgate").splitlines() if line.startswith("{")]
        if len(found) >= at_least or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def test_the_rules_were_proven_before_anything_else_started(pod):
    lines = pod.output("outgate-redirect").splitlines()
    proven = [line for line in lines if line.startswith("ok ")]
    assert proven
    assert [line for line in lines if line.startswith(("failed", "skipped"))] == []


def test_the_demos_rows_hold(pod):
    rows, before = [], len(entries(pod))
    with pod.start("web", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for count, line in enumerate(process.stdout, before + 1):
            said, entry = json.loads(line), entries(pod, count)[-1]
            rows.append(demo_rows.Row(said["tried"], said["happened"], entry["verdict"], entry["code"]))
            process.stdin.write("\n")
            process.stdin.flush()
    assert rows == demo_rows.NAMESPACES


def test_the_log_knows_the_workload_by_its_service_account(pod, origins):
    before = len(entries(pod))
    pod.execute("web", ["curl", "-sS", "http://api.example/hello"])
    (entry,) = entries(pod, before + 1)[before:]
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


def test_a_workload_that_asks_for_the_gates_uid_gets_no_pod(deployment, settings):
    asking = json.loads(json.dumps(deployment))
    asking["spec"]["template"]["spec"]["containers"][0]["securityContext"]["runAsUser"] = 1337
    refused = manifests.inject(asking, settings)
    assert isinstance(refused, manifests.Refused)
    assert "runs as uid 1337" in refused.reason
