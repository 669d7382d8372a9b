"""Gateway: its shape, its checks, and which hosts, ports and TLS modes the gate takes from it.

Owns the question whether a Gateway is about this gate, and the lookup of a server by host and port. What leads to a
gateway is `routes.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio import server_tls
from outgate.policy.frontends.istio.common import (
    BIND,
    OPTIONAL_PORT,
    UNIX,
    Checked,
    Item,
    Labels,
    Placed,
    host_fault,
    is_address,
    is_egress,
    is_partial,
    label_fault,
    selects,
)
from outgate.policy.frontends.istio.hostnames import Names, subset_of
from outgate.policy.frontends.istio.ports import HTTP_LIKE, NAMED_PROTOCOL, TLS_LIKE
from outgate.policy.frontends.istio.resource import NETWORKING, Kind, Resource, envelope
from outgate.policy.model import Fate
from outgate.policy.schema import Field, Fields, Reading, Record, Sequence, Text


def server_host_fault(text: str) -> str:
    """Of `host`, or `namespace/host`; the namespace may be `*` or `.`."""
    namespace, slash, host = text.rpartition("/")
    if slash and namespace not in ("*", ".") and (fault := label_fault(namespace)):
        return f'names no namespace: "{namespace}" {fault}'
    return host_part_fault(host) if not is_address(host) else ""


def host_part_fault(host: str) -> str:
    """Of a full name with an optional whole wildcard, as Gateway and Sidecar want it."""
    if host != "*" and "." not in host:
        return "is a short name; write it in full"
    if is_partial(host):
        return 'has a wildcard for part of a label; only a whole first label may be "*"'
    return host_fault(host)


SERVER = Fields(
    {
        "port": Field(
            Fields(
                {
                    "number": Field(OPTIONAL_PORT, required=True),
                    "protocol": Field(NAMED_PROTOCOL, required=True),
                    "name": Field(Text(empty=False), required=True, fate=Fate.IGNORED, note="a name for people"),
                    "targetPort": Field(OPTIONAL_PORT, fate=Fate.IGNORED, note="has no effect on gateways"),
                },
                snake=True,
            ),
            required=True,
        ),
        "hosts": Field(
            Sequence(Placed(Checked(server_host_fault, 'write "api.example.com" or "ns/*.example.com"')), least=1),
            required=True,
        ),
        "tls": Field(server_tls.TLS),
        "bind": Field(BIND, fate=Fate.IGNORED, note="the gate listens where it is told to"),
        "defaultEndpoint": Field(Text(), fate=Fate.IGNORED, note="has no effect on gateways"),
        "name": Field(Text(), fate=Fate.IGNORED, note="a name for people"),
    },
    snake=True,
)

SPEC = Fields(
    {
        "servers": Field(Sequence(SERVER, least=1), required=True),
        "selector": Field(Labels()),
    },
    snake=True,
)


def check(gateway: Resource) -> None:
    """Everything that one value alone does not show."""
    reading, seen = gateway.reading, set[str]()
    if fault := label_fault(gateway.name):
        node = gateway.document.root.child("metadata", "name")
        reading.error(node.where if node else gateway.document.where, "metadata.name", f'"{gateway.name}" {fault}')
    for server in gateway.spec.get("servers", []):
        port: Record | None = server.get("port")
        server_tls.check(server.get("tls"), reading)
        if port is not None:
            _check_port(server, port, reading)
            _check_name(port, seen, reading)
            _check_tls(server, port.get("protocol", ""), reading)


def _check_port(server: Record, port: Record, reading: Reading) -> None:
    number, socket = port.get("number"), server.get("bind", "").startswith(UNIX)
    if number == 0 and not socket:
        reading.error(port.at("number"), port.under("number"), "0 is not a port", "use 1 to 65535")
    if number and socket:
        reading.error(port.at("number"), port.under("number"), "a socket has port 0", "write 0, or bind to an address")
    if port.get("targetPort"):
        reading.error(port.at("targetPort"), port.under("targetPort"), "has no effect on gateways", "remove it")


def _check_name(port: Record, seen: set[str], reading: Reading) -> None:
    name = port.get("name")
    if name in seen:
        reading.error(port.at("name"), port.under("name"), f'"{name}" is given twice', "name each port of its own")
    if name:
        seen.add(name)


def _check_tls(server: Record, protocol: str, reading: Reading) -> None:
    tls: Record | None = server.get("tls")
    if tls is None:
        if protocol in TLS_LIKE:
            reading.error(server.where, server.under("tls"), f"{protocol} needs it", "add tls with a mode")
        return
    if tls.get("httpsRedirect") and protocol not in HTTP_LIKE:
        reading.warn(tls.at("httpsRedirect"), tls.under("httpsRedirect"), f"has no effect on {protocol}", "remove it")
    if protocol in TLS_LIKE or not protocol:
        return
    plain = server_tls.mode(tls) in server_tls.BYPASSED and not any(
        tls.get(name) for name in ("caCertificates", "privateKey", "serverCertificate")
    )
    if protocol not in HTTP_LIKE or not plain:
        reading.error(server.at("tls"), server.under("tls"), f"{protocol} has no TLS", "use HTTPS or TLS")


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A server of a Gateway that is about this gate."""

    gateway: Resource
    port: int
    passthrough: bool
    redirects: bool
    """Plain requests are answered with where to ask by TLS."""
    hosts: tuple[tuple[str, str], ...]
    """Which namespaces' routes (`*`, `.` or a name) may be bound for which host."""

    @property
    def key(self) -> tuple[str, str]:
        return self.gateway.namespace, self.gateway.name

    def admits(self, host: str, namespace: str) -> bool:
        """Whether a route of a namespace may be bound here for a host."""
        own = self.gateway.namespace
        return any(
            subset_of(host, served) and allowed in ("*", "." if namespace == own else namespace, namespace)
            for allowed, served in self.hosts
        )


def names_egress(host: str) -> bool:
    """Whether a host goes by the name of an egress gateway's service: `istio-egressgateway.istio-system...`."""
    return is_egress(host.partition(".")[0])


class Gateways:
    """The Gateways of a load that are about this gate."""

    def __init__(self, gateways: list[Resource], setting: Setting) -> None:
        self.all = gateways
        self.setting = setting
        served = [served for gateway in gateways if self.applies(gateway) for served in _served(gateway)]
        self._names = Names((host, each) for each in served for _, host in each.hosts)

    def applies(self, gateway: Resource) -> bool:
        """Whether the gate is selected, or stands for the egress gateway that is."""
        gate, wanted = self.setting.gate, gateway.spec.get("selector", {})
        return selects(wanted, gate.labels) or (gate.collapses and any(map(is_egress, wanted.values())))

    def at(self, host: str, port: int) -> list[Served]:
        """The servers for a host pattern on a port."""
        return [served for served in self.serving(host) if served.port == port]

    def serving(self, host: str) -> list[Served]:
        """The servers for a host pattern on any port."""
        return self._names.covering(host)

    def warn_unused(self) -> None:
        for gateway in self.all:
            if not self.applies(gateway):
                where = gateway.spec.at("selector") if "selector" in gateway.spec else gateway.document.where
                gateway.reading.warn(
                    where,
                    "spec.selector",
                    "selects nothing on this gate, and is not applied",
                    "give the gate these labels",
                )


def _served(gateway: Resource) -> Iterator[Served]:
    for server in gateway.spec.get("servers", []):
        tls: Record | None = server.get("tls")
        passed = tls is not None and server_tls.mode(tls) in server_tls.BYPASSED
        through = passed and server.get("port").get("protocol") in TLS_LIKE
        hosts: list[Item] = server.get("hosts", [])
        split = (item.value.lower().rpartition("/") for item in hosts)
        names = tuple((namespace or "*", host) for namespace, _, host in split)
        plain = server.get("port").get("protocol") in HTTP_LIKE
        redirects = plain and tls is not None and bool(tls.get("httpsRedirect"))
        yield Served(gateway, server.get("port").get("number"), through, redirects, names)


KIND = Kind("Gateway", "networking.istio.io", NETWORKING, envelope(Field(SPEC, required=True)), check)
