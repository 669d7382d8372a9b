"""outgate with none of its telemetry, with what it does by itself, and with everything that can be asked of it.

Owns what "everything" is. What is counted for metrics is counted in all of them, for there is no way not to.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from proxies import STOCK, UID, Proxy, outgate, settings, stock
from report import Promise
from signals import ADDRESS, PORT, Signals

from e2e.lab.world import OriginPki

OFF = "outgate, telemetry off"
ENTRIES = 200
MESH = """apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: mesh, namespace: istio-system}}
spec:
  meshConfig:
    outboundTrafficPolicy: {{mode: REGISTRY_ONLY}}
    accessLogFile: {log}
"""
"""Lines in the format that Istio writes where none is given."""
PUSHES = 10_000
"""Milliseconds between two exports of metrics."""


def everything(sampling: float) -> str:
    return f"outgate, everything on, {sampling:.0%} of traces"


PROMISES = (
    Promise(everything(0.1), 0.9, OFF),
    Promise(everything(1.0), 0.8, OFF),
    Promise(everything(1.0), 1.8, STOCK),
)


def variants(folder: Path, pki: OriginPki) -> list[Proxy]:
    off = outgate(folder, pki, ENTRIES, port=15001)
    return [
        stock(folder, pki),
        replace(off, name=OFF, command=(*off.command, *settings({"access_log": "false"}))),
        replace(outgate(folder, pki, ENTRIES, port=15006), name="outgate, default"),
        _everything(folder, pki, 0.1, 15007),
        _everything(folder, pki, 1.0, 15008),
    ]


def _everything(folder: Path, pki: OriginPki, sampling: float, port: int) -> Proxy:
    """Metrics scraped and pushed, spans to the collector, and Istio's access log in a file."""
    name, home = everything(sampling), folder / f"everything-{port}"
    home.mkdir()
    signals = Signals(name, sampling, home / "access.log", port + 1000)
    (home / "mesh").mkdir()
    (home / "mesh" / "mesh.yaml").write_text(MESH.format(log=signals.log))
    shutil.chown(home, UID, UID)
    made = outgate(folder, pki, ENTRIES, port=port)
    more = ("--policy", str(home / "mesh"), "--metrics", f"127.0.0.1:{signals.port}")
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{ADDRESS}:{PORT}",
        "OTEL_SERVICE_NAME": name,
        "OTEL_METRIC_EXPORT_INTERVAL": str(PUSHES),
    }
    return replace(
        made,
        name=name,
        command=(*made.command, *more, *settings({"trace_sampling": sampling})),
        environment=made.environment | variables,
        signals=signals,
    )
