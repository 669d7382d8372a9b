"""What the injection calls its parts: containers, volumes and paths. Nothing else has these names in a pod."""

from __future__ import annotations

import re
from typing import Any

SIDECAR = "outgate"
REDIRECT = "outgate-redirect"
BUNDLE = "outgate-trust"
CONTAINERS = (REDIRECT, BUNDLE, SIDECAR)

TRUST = "outgate-trust"
"""The one volume that the workload's containers see: certificates, no key."""
CA = "outgate-ca"
AUTHORITY = "outgate-authority"
SCRATCH = "outgate-tmp"
LOCK = "outgate-run"
NO_TOKEN = "outgate-no-token"
TOKEN = "outgate-token"
POLICY = "outgate-policy-"
SECRET = "outgate-secret-"
VOLUME = re.compile(rf"{TRUST}|{CA}|{AUTHORITY}|{SCRATCH}|{LOCK}|{NO_TOKEN}|{TOKEN}|({POLICY}|{SECRET})\d+", re.ASCII)

POLICY_PATH = "/etc/outgate/policy"
CERTS_PATH = "/etc/outgate/certs"
AUTHORITY_PATH = "/etc/outgate/authority"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
SCRIPT = "/opt/outgate/addons/egress.py"
"""What mitmdump loads, in the image."""
METRICS = "http-envoy-prom"
"""The port by which Istio's dashboards and monitors find what Prometheus reads."""

type Json = dict[str, Any]


def is_ours(container: Json) -> bool:
    return container.get("name") in CONTAINERS
