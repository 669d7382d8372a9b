"""The origins as they are started in the world, and what they have counted.

HTTP/1 is served by origin.py, HTTP/2 by nginx, which also stands before the gRPC service of grpc_origin.py. Each row
has one origin for all proxies.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rows import NAMES, ORIGINS

from e2e.lab.namespaces import Lab
from e2e.lab.world import OriginPki

HERE = Path(__file__).resolve().parent
GRPC_PORT = 50051
PATIENCE = 20.0


@dataclass(frozen=True)
class Origins:
    """Running ones. `lacking` says why a kind of row cannot be served here."""

    lab: Lab
    log: Path
    lacking: dict[str, str]

    def counts(self) -> Counter[str]:
        """Requests so far, by host and by who asked."""
        done = self.lab.run_in(self.lab.world, ["curl", "-s", f"http://{ORIGINS['plain']}:9000/counts"])
        counted: Counter[str] = Counter(json.loads(done.stdout))
        if self.log.exists():
            counted.update(self.log.read_text().splitlines())
        return counted


def start(lab: Lab, pki: OriginPki, folder: Path, core: str) -> Origins:
    """All that can be served here, on one core."""
    served = pki.origin_ca.server("bench", NAMES)
    on = ["taskset", "-c", core]
    config = {"address": ORIGINS["plain"], "certificate": str(served.chain), "key": str(served.key)}
    config["client_ca"] = str(pki.client_ca.cert)
    started(lab, [*on, sys.executable, str(HERE / "origin.py"), json.dumps(config)])
    lacking = {kind: reason for kind in ("h2", "grpc") if (reason := _missing(kind))}
    home = folder / "nginx"
    if "h2" not in lacking or "grpc" not in lacking:
        home.mkdir()
        conf = home / "nginx.conf"
        conf.write_text(_nginx(home, served.chain, served.key, pki.client_ca.cert))
        lab.popen_in(lab.world, [*on, "nginx", "-c", str(conf), "-p", str(home), "-e", str(home / "error.log")])
        _listening(lab)
    if "grpc" not in lacking:
        started(lab, [*on, sys.executable, str(HERE / "grpc_origin.py"), str(GRPC_PORT)])
    return Origins(lab, home / "requests.log", lacking)


def _missing(kind: str) -> str:
    needed = ("nginx", "h2load") if kind == "h2" else ("nginx",)
    if absent := [program for program in needed if not shutil.which(program)]:
        return f"needs {' and '.join(absent)}"
    if kind == "grpc":
        try:
            __import__("grpc")
        except ImportError:
            return "needs grpcio"
    return ""


def started(lab: Lab, command: list[str]) -> None:
    """A program in the world, once it says a line."""
    process = lab.popen_in(lab.world, command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError(f"no start of {' '.join(command[:5])}")


def _listening(lab: Lab) -> None:
    deadline = time.monotonic() + PATIENCE
    ask = ["sh", "-c", f"ss -Htln src {ORIGINS['h2']} sport = :443 | grep -q LISTEN"]
    while lab.run_in(lab.world, ask).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError("nginx did not start")
        time.sleep(0.05)


def _nginx(home: Path, chain: Path, key: Path, client_ca: Path) -> str:
    """Connections end after no number of requests, as the other origin's. HTTP/1 is counted as something else."""
    return f"""
daemon off;
master_process off;
worker_rlimit_nofile 8192;
pid {home}/pid;
events {{ worker_connections 4096; }}
http {{
    map $ssl_client_verify $asker {{ SUCCESS "mutual $ssl_client_s_dn"; default tls; }}
    map $server_protocol $version {{ HTTP/2.0 ""; default " by $server_protocol"; }}
    log_format counted "$host $asker$version";
    access_log {home}/requests.log counted;
    error_log {home}/error.log;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    upstream calls {{
        server 127.0.0.1:{GRPC_PORT};
        keepalive 16;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen {ORIGINS["h2"]}:443 ssl http2;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_client_certificate {client_ca};
        ssl_verify_client optional;
        location / {{ default_type text/plain; return 200 hello; }}
        location /bench.Echo/ {{ grpc_pass grpc://calls; }}
    }}
}}
"""
