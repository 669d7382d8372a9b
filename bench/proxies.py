"""What is compared: each proxy as it is started in the pod, behind the same redirect, with the same CA.

Owns command lines and configuration files. None of them is given more than it needs to do the row's work.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from signals import Signals

from e2e.lab.world import OriginPki

if TYPE_CHECKING:
    from captures import Kept

HERE = Path(__file__).resolve().parent
ADDONS = HERE.parent / "addons"
BIN = Path(sys.executable).parent
UID = 1337
CERTGEN = Path("/usr/lib/squid/security_file_certgen")
"""Of a squid with TLS: without it there is none to measure."""
HTTP1 = frozenset({"plain", "origination", "decrypted", "tunnelled"})
EVERY = HTTP1 | {"h2", "grpc"}
RULE = """apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: no-admin}
spec:
  action: DENY
  rules:
    - to:
        - hosts: [plain.bench, origination.bench, decrypted.bench, h2.bench, grpc.bench]
          paths: ["/admin*"]
          methods: [DELETE]
"""
STOCK = "stock mitmdump"
ORIGINATION = """
def requestheaders(flow):
    if flow.request.host_header == "origination.bench":
        flow.request.scheme, flow.request.host, flow.request.port = "https", "origination.bench", 443
"""


@dataclass(frozen=True)
class Proxy:
    """`ports` are where HTTP and TLS are turned to; none for no proxy. `kinds` are the rows that it is measured in."""

    name: str
    command: tuple[str, ...] = ()
    ports: tuple[int, int] | None = None
    kinds: frozenset[str] = EVERY
    cores: int = 1
    rival: bool = False
    """Neither what is compared nor what it is compared to: where it fails, the rest is worth measuring."""
    environment: dict[str, str] = field(default_factory=dict)
    signals: Signals | None = None
    """What has to come out of its telemetry."""
    kept: Kept | None = None
    """What has to be in its capture."""


def proxies(folder: Path, pki: OriginPki, *, entries: int = 200) -> list[Proxy]:
    """Stock mitmdump is two processes: the one that starts TLS needs a script for it, and the others need none."""
    found = [Proxy("no proxy", kinds=EVERY - {"origination"})]
    if shutil.which("squid") and CERTGEN.exists():
        found.append(_squid(folder, pki))
    return [*found, stock(folder, pki), _originating(folder, pki), outgate(folder, pki, entries)]


def outgate(folder: Path, pki: OriginPki, entries: int, workers: int = 1, port: int = 15001) -> Proxy:
    """The default configuration, access log on; what is asked for stands last in the registry."""
    policy = folder / f"policy-{entries}"
    policy.mkdir(exist_ok=True)
    (policy / "registry.yaml").write_text(_registry(pki, entries))
    key = _own(folder, pki.gate_ca.key)
    pairs = {"ca_certificate": pki.gate_ca.cert, "ca_key": key, "upstream_ca": pki.origin_ca.cert, "admin": ""}
    command = [sys.executable, "-m", "outgate", "run", "--policy", str(policy), "--listen", f":{port}"]
    many = ["--workers", str(workers)] if workers > 1 else []
    name = f"outgate, {entries} entries" + (f", {workers} workers" if workers > 1 else "")
    environment = {"PYTHONPATH": str(ADDONS)}
    return Proxy(name, (*command, *many, *settings(pairs)), (port, port), cores=workers, environment=environment)


def stock(folder: Path, pki: OriginPki) -> Proxy:
    """No addons and no log. Large bodies are streamed, as outgate does: by default they are held whole, which costs
    time and their size in memory."""
    pairs = _stocked(folder, pki, "stock") | {"stream_large_bodies": "1m"}
    ignored = ("--ignore-hosts", r"tunnelled\.bench")
    return Proxy(STOCK, (*_mitmdump(15002), *settings(pairs), *ignored), (15002, 15002), EVERY - {"origination"})


def _originating(folder: Path, pki: OriginPki) -> Proxy:
    pairs = _stocked(folder, pki, "originating") | {"client_certs": _pair(folder, pki)}
    script = folder / "originating" / "origination.py"
    script.write_text(ORIGINATION)
    return Proxy(
        STOCK, (*_mitmdump(15005), *settings(pairs), "-s", str(script)), (15005, 15005), frozenset({"origination"})
    )


def _mitmdump(port: int) -> tuple[str, ...]:
    return (sys.executable, str(BIN / "mitmdump"), "-q", "--mode", "transparent", "-p", str(port))


def _stocked(folder: Path, pki: OriginPki, name: str) -> dict[str, object]:
    home = folder / name
    home.mkdir(exist_ok=True)
    _pem(home / "mitmproxy-ca.pem", pki)
    _give(home)
    return {"confdir": home, "ssl_verify_upstream_trusted_ca": pki.origin_ca.cert, "block_global": "false"}


def settings(pairs: Mapping[str, object]) -> list[str]:
    """As both mitmdump and outgate take them."""
    return [part for name, value in pairs.items() for part in ("--set", f"{name}={value}")]


def _squid(folder: Path, pki: OriginPki) -> Proxy:
    """Origination is a peer that is the origin; HTTP/2 is not spoken."""
    home = folder / "squid"
    home.mkdir(exist_ok=True)
    _pem(home / "ca.pem", pki)
    if not (store := home / "certificates").exists():
        subprocess.run([CERTGEN, "-c", "-s", str(store), "-M", "4MB"], check=True, capture_output=True)
    (home / "squid.conf").write_text(f"""
visible_hostname bench
http_port 15013
http_port 15003 intercept
https_port 15004 intercept ssl-bump tls-cert={home}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {CERTGEN} -s {home}/certificates -M 4MB
acl first at_step SslBump1
acl tunnelled ssl::server_name tunnelled.bench
ssl_bump peek first
ssl_bump splice tunnelled
ssl_bump bump all
tls_outgoing_options cafile={pki.origin_ca.cert}
acl origination dstdomain origination.bench
cache_peer origination.bench parent 443 0 no-query no-digest no-netdb-exchange originserver name=origination tls \\
    tls-cafile={pki.origin_ca.cert} tls-cert={pki.client.chain} tls-key={pki.client.key}
cache_peer_access origination allow origination
cache_peer_access origination deny all
never_direct allow origination
http_access allow all
cache deny all
access_log stdio:{home}/access.log
cache_log {home}/cache.log
pid_filename {home}/squid.pid
coredump_dir {home}
""")
    _give(home)
    return Proxy("squid", ("squid", "-N", "-f", str(home / "squid.conf")), (15003, 15004), HTTP1, rival=True)


def _registry(pki: OriginPki, entries: int) -> str:
    last = [
        _entry("plain.bench", "{number: 80, protocol: HTTP}"),
        _entry("decrypted.bench", "{number: 443, protocol: HTTPS}"),
        _entry("h2.bench", "{number: 443, protocol: HTTPS}"),
        _entry("grpc.bench", "{number: 443, protocol: HTTPS}"),
        _entry("tunnelled.bench", "{number: 443, protocol: TLS}"),
        _entry("origination.bench", f"{{number: 80, protocol: HTTP, upstream: {{port: 443, tls: {_mutual(pki)}}}}}"),
        RULE,
    ]
    others = (
        _entry(f"host-{number}.example", "{number: 443, protocol: HTTPS}") for number in range(entries - len(EVERY))
    )
    return "---\n".join([*others, *last])


def _mutual(pki: OriginPki) -> str:
    return f"{{mode: MUTUAL, clientCertificate: {pki.client.chain}, privateKey: {pki.client.key}}}"


def _entry(host: str, port: str) -> str:
    head = f"apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {{name: {host.partition('.')[0]}}}\n"
    return f"{head}spec: {{hosts: [{host}], ports: [{port}]}}\n"


def _pem(path: Path, pki: OriginPki) -> None:
    path.write_bytes(pki.gate_ca.key.read_bytes() + pki.gate_ca.cert.read_bytes())


def _pair(folder: Path, pki: OriginPki) -> Path:
    """A folder of client certificates by host, each with its key: one file would be shown to whoever asks."""
    path = folder / "client-certificates" / "origination.bench.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pki.client.key.read_bytes() + pki.client.chain.read_bytes())
    shutil.chown(path, UID, UID)
    return path.parent


def _own(folder: Path, key: Path) -> Path:
    copy = folder / "gate-ca.key"
    copy.touch(mode=0o600)
    copy.write_bytes(key.read_bytes())
    shutil.chown(copy, UID, UID)
    return copy


def _give(home: Path) -> None:
    for path in (home, *home.rglob("*")):
        shutil.chown(path, UID, UID)
