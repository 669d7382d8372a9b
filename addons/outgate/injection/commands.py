"""The commands of the injected containers: settings to words, as the real command line takes them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from outgate.injection.names import AUTHORITY_PATH, POLICY_PATH, SCRIPT
from outgate.injection.settings import Engine, Mode, Settings
from outgate.netfilter.options import Network, Ports

ALSO_FILE = "also-trusted.crt"
LOOPBACK = "127.0.0.1"


def gate(settings: Settings) -> list[str]:
    """The sidecar's own."""
    return list(_run(settings) if settings.engine is Engine.OUTGATE else _mitmdump(settings))


def _run(settings: Settings) -> Iterator[str]:
    yield from ("outgate", "run")
    for path in policies(settings):
        yield from ("--policy", path)
    yield from ("--mode", settings.mode.value)
    yield from ("--listen", f"{_host(settings)}:{settings.listen_port}")
    yield from ("--admin", f"{LOOPBACK}:{settings.admin_port}")
    yield from ("--metrics", f":{settings.metrics_port}")
    if settings.dns:
        yield from ("--dns", f":{settings.dns_port}")
    yield from ("--drain-timeout", str(settings.drain_seconds))


def _mitmdump(settings: Settings) -> Iterator[str]:
    yield from ("mitmdump", "-s", SCRIPT, "--mode", settings.mode.value)
    yield from ("--listen-host", _host(settings), "--listen-port", str(settings.listen_port))
    pairs = {
        "policy": os.pathsep.join(policies(settings)),
        "admin": f"{LOOPBACK}:{settings.admin_port}",
        "metrics": f":{settings.metrics_port}",
        **({"dns": f":{settings.dns_port}"} if settings.dns else {}),
        "drain_timeout": str(settings.drain_seconds),
    }
    for name, value in pairs.items():
        yield from ("--set", f"outgate_{name}={value}")


def _host(settings: Settings) -> str:
    """What is turned arrives on loopback of either family. A proxy by name is for the pod alone."""
    return "" if settings.mode is Mode.TRANSPARENT else LOOPBACK


def policies(settings: Settings) -> list[str]:
    """Where each ConfigMap is mounted."""
    return [f"{POLICY_PATH}/{number}-{name}" for number, name in enumerate(settings.policy)]


def redirect(settings: Settings) -> str:
    """The script that puts the rules in and proves that they bite."""
    asked = settings.redirect
    shared = [
        *("--uid", str(settings.uid)),
        *("--listen-port", str(settings.listen_port)),
        *(("--ports", _ports(asked.ports)) if asked.ports else ()),
        *(("--exclude-ports", _ports(asked.exclude_ports)) if asked.exclude_ports else ()),
        *(() if asked.ipv6 else ("--no-ipv6",)),
    ]
    own = [
        *(("--exclude-cidrs", _ranges(asked.exclude_cidrs)) if asked.exclude_cidrs else ()),
        *(("--dns-port", str(settings.dns_port)) if settings.dns else ()),
        *(("--backend", asked.backend) if asked.backend is not None else ()),
    ]
    lines = (["outgate", "iptables", "install", *shared, *own], ["outgate", "iptables", "verify", *shared])
    return "".join(f"{shlex.join(line)}\n" for line in lines)


def bundle(settings: Settings) -> list[str]:
    """Makes what workloads trust."""
    return [
        *("outgate", "certs", "bundle", "--dir", AUTHORITY_PATH, "--out", settings.trust.path),
        *(("--also", f"{AUTHORITY_PATH}/{ALSO_FILE}") if settings.trust.also_trusted else ()),
    ]


def waiting(settings: Settings) -> str:
    """Ends when the gate is ready. Kubernetes starts a container when the one before it has done with this."""
    ask = shlex.join(["outgate", "status", "--admin", f"{LOOPBACK}:{settings.admin_port}"])
    return f"until {ask} >/dev/null 2>&1; do sleep 1; done"


def _ports(ports: tuple[Ports, ...]) -> str:
    return ",".join(f"{each.first}-{each.last}" if each.first < each.last else str(each.first) for each in ports)


def _ranges(networks: tuple[Network, ...]) -> str:
    return ",".join(map(str, networks))
