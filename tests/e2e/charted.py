"""What the chart's manifests need around them to run in a lab: the demo's policy and workload, and its secrets.

Owns these, and the demo's rows as a pod's log has them. Judges nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

import demo_rows
from docpages.markdown import ROOT
from helm import charts
from outgate.injection import config, manifests

from .lab.kubelet import Objects, Pod
from .lab.world import OriginPki

CERTIFICATES = "/etc/istio/external-certs"
CLIENT = "external-api-certs"
NAMES = {"client_certificate": "client.crt", "client_key": "client.key", "origin_ca": "ca.crt"}
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

type Json = dict[str, Any]
type Secrets = Mapping[str, Mapping[str, Path]]


def values() -> Json:
    """Of the chart: the demo's policy, and the partner's client certificate."""
    files = {name: f"{CERTIFICATES}/{file}" for name, file in NAMES.items()}
    told = defaultdict(str, resolution="DNS", partner_port=443, pinned_port=443, tcp_port=7000, **files)
    documents = Template((ROOT / "demo" / "policy.yaml").read_text(encoding="utf-8")).substitute(told)
    return {
        "workloads": {"namespaces": ["shop"]},
        "policy": {"documents": {"demo.yaml": documents}},
        "clientCertificates": [{"name": "partner", "secret": CLIENT, "mountPath": CERTIFICATES}],
    }


def deployment(pki: OriginPki) -> Json:
    """The demo's application."""
    application = pki.folder / "application.py"
    application.write_bytes((ROOT / "demo" / "app.py").read_bytes())
    found: Json = yaml.safe_load(DEPLOYMENT.replace("PYTHON", sys.executable).replace("APP", str(application)))
    return found


def injected(rendered: list[Json], workload: Json) -> Json:
    """The pod of a Deployment, as the chart's settings have it."""
    text = charts.one(rendered, "ConfigMap", "injection")["data"]["injection.yaml"]
    done = manifests.inject(workload, config.from_text(text, "injection.yaml"))
    assert isinstance(done, manifests.Done), done
    template: Json = done.manifest["spec"]["template"]
    return named(template, "web-1", "shop")


def named(template: Json, name: str, namespace: str) -> Json:
    return {**template, "metadata": {**template["metadata"], "name": name, "namespace": namespace}}


def secrets(pki: OriginPki) -> dict[str, dict[str, Path]]:
    """As somebody else has put them there."""
    return {
        "outgate-ca": {"tls.crt": pki.gate_ca.cert, "tls.key": pki.gate_ca.key},
        CLIENT: {"client.crt": pki.client.chain, "client.key": pki.client.key, "ca.crt": pki.origin_ca.cert},
        "pinned": {"ca.crt": pki.second_ca.cert},
    }


def objects(
    rendered: list[Json], namespace: str, held: Secrets, config_maps: Mapping[str, Json] | None = None, **more: str
) -> Objects:
    """What is in a namespace: secrets, and ConfigMaps beside the chart's own. `more` is of `Objects`."""
    found = {name: {key: path.read_bytes() for key, path in files.items()} for name, files in held.items()}
    maps = [each for each in charts.of_kind(rendered, "ConfigMap") if each["metadata"]["namespace"] == namespace]
    own = {each["metadata"]["name"]: each["data"] for each in maps}
    return Objects(found, {**own, **(config_maps or {})}, **more)


def entries(pod: Pod, name: str, at_least: int = 0) -> list[Json]:
    """A gate's lines about traffic, as soon as it has so many."""
    deadline = time.monotonic() + 10
    while True:
        found = [json.loads(line) for line in pod.output(name).splitlines() if line.startswith("{")]
        if len(found) >= at_least or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def rows(pod: Pod) -> list[demo_rows.Row]:
    """What the application tries, and what its gate says of each."""
    found, before = [], len(entries(pod, "outgate"))
    with pod.start("web", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for count, line in enumerate(process.stdout, before + 1):
            said, entry = json.loads(line), entries(pod, "outgate", count)[-1]
            found.append(demo_rows.Row(said["tried"], said["happened"], entry["verdict"], entry["code"]))
            process.stdin.write("\n")
            process.stdin.flush()
    return found
