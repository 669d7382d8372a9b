"""What Istio asks of a Sidecar's fields together: listeners, their ports and sockets, doubles among hosts.

Owns no shape. Knows nothing of what a Sidecar comes to.
"""

from __future__ import annotations

from outgate.policy.frontends.istio import server_tls, traffic_policy
from outgate.policy.frontends.istio.common import UNIX, Item, unix_fault
from outgate.policy.frontends.istio.ports import HTTP_LIKE, TLS_LIKE
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.schema import Reading, Record

LOCAL = ("", "127.0.0.1", "0.0.0.0", "[::1]", "[::]")


def check(sidecar: Resource) -> None:
    """Everything that one value alone does not show."""
    spec, reading = sidecar.spec, sidecar.reading
    wanted = ("egress", "ingress", "outboundTrafficPolicy", "inboundConnectionPool")
    if not any(name in spec.places and spec.get(name) != [] for name in wanted):
        reading.error(spec.where, "spec", "says nothing", f"set one of {', '.join(wanted)}")
    selector: Record | None = spec.get("workloadSelector")
    if selector is not None and not selector.get("labels"):
        reading.warn(selector.where, selector.path, "a selector without labels selects every workload")
    traffic_policy.check_pool(spec.get("inboundConnectionPool"), reading)
    everywhere = sidecar.in_root and selector is None
    _check_egress(spec.get("egress", []), "." if everywhere else sidecar.namespace, reading)
    _check_ingress(spec.get("ingress", []), reading)
    policy: Record | None = spec.get("outboundTrafficPolicy")
    if policy is not None and "egressProxy" in policy and policy.get("mode") != "ALLOW_ANY":
        reading.error(
            policy.at("egressProxy"), policy.under("egressProxy"), "is for ALLOW_ANY only", "set the mode, or remove it"
        )


def _check_egress(listeners: list[Record], namespace: str, reading: Reading) -> None:
    """`namespace` is what `.` means: in everybody's default, the namespace of whoever asks."""
    seen: set[object] = set()
    for index, listener in enumerate(listeners):
        port: Record | None = listener.get("port")
        if port is None and index < len(listeners) - 1:
            what = "only the last listener may be without a port"
            reading.error(listener.where, listener.path, what, "give it a port, or move it to the end")
        if port is not None:
            _check_listener(listener, port, seen, reading)
        _check_doubles(listener.get("hosts", []), namespace, reading)


def _check_listener(listener: Record, port: Record, seen: set[object], reading: Reading) -> None:
    number, bind = port.get("number", 0), listener.get("bind", "")
    _check_target(port, reading)
    if not number and not bind.startswith(UNIX):
        reading.error(port.at("number"), port.under("number"), "0 is for a socket only", "bind to unix:///path")
    if number and bind.startswith(UNIX):
        reading.error(
            listener.at("bind"), listener.under("bind"), f'"{bind}" is not an IP address', "a socket has port 0"
        )
    if not number and listener.get("captureMode") == "IPTABLES":
        reading.error(
            listener.at("captureMode"),
            listener.under("captureMode"),
            "nothing captures a socket",
            "use DEFAULT or NONE",
        )
    _check_once(number or bind, port, seen, reading)


def _check_once(what: object, port: Record, seen: set[object], reading: Reading) -> None:
    if what in seen:
        reading.error(port.at("number"), port.under("number"), f"{what} is listened on twice", "keep one of the two")
    seen.add(what)


def _check_target(port: Record, reading: Reading) -> None:
    if port.get("targetPort"):
        reading.error(port.at("targetPort"), port.under("targetPort"), "has no effect on sidecars", "remove it")


def _check_doubles(hosts: list[Item], namespace: str, reading: Reading) -> None:
    seen: set[tuple[str, str]] = set()
    for item in hosts:
        owner, _, host = item.value.partition("/")
        owner = namespace if owner == "." else owner
        if (owner, host) in seen or (owner, "*") in seen or (host == "*" and any(o == owner for o, _ in seen)):
            reading.warn(item.where, item.path, f'"{item.value}" is covered twice', "remove one of the two")
        elif ("*", "*") in seen and not owner.startswith("~"):
            reading.warn(item.where, item.path, f'"{item.value}" adds nothing to "*/*"', "remove one of the two")
        seen.add((owner, host))


def _check_ingress(listeners: list[Record], reading: Reading) -> None:
    seen: set[object] = set()
    for listener in listeners:
        port: Record | None = listener.get("port")
        if port is not None:
            if not port.get("number"):
                reading.error(port.at("number"), port.under("number"), "0 is not a port", "use 1 to 65535")
            _check_target(port, reading)
            _check_once(port.get("number"), port, seen, reading)
            _check_pool(listener, port, reading)
        if listener.get("bind", "").startswith(UNIX):
            reading.error(listener.at("bind"), listener.under("bind"), "is not an IP address")
        _check_endpoint(listener, reading)
        _check_ingress_tls(listener.get("tls"), port, reading)


def _check_pool(listener: Record, port: Record, reading: Reading) -> None:
    pool: Record | None = listener.get("connectionPool")
    traffic_policy.check_pool(pool, reading)
    if pool is not None and "http" in pool and port.get("protocol", "") not in HTTP_LIKE:
        reading.warn(pool.at("http"), pool.under("http"), "has no effect on a port that is not HTTP", "remove it")


def _check_endpoint(listener: Record, reading: Reading) -> None:
    endpoint = listener.get("defaultEndpoint", "")
    if not endpoint:
        return
    if endpoint.startswith(UNIX):
        fault = unix_fault(endpoint.removeprefix(UNIX))
    else:
        host, _, port = endpoint.rpartition(":")
        valid = host in LOCAL and port.isascii() and port.isdecimal() and 0 < int(port) < 65536
        fault = "" if valid else "is not a local address and port"
    if fault:
        reading.error(
            listener.at("defaultEndpoint"),
            listener.under("defaultEndpoint"),
            f'"{endpoint}" {fault}',
            'write "127.0.0.1:8080" or "unix:///path"',
        )


def _check_ingress_tls(tls: Record | None, port: Record | None, reading: Reading) -> None:
    if tls is None:
        return
    if port is not None and (protocol := port.get("protocol", "")) not in TLS_LIKE:
        what = f"{protocol or 'a port without protocol'} has no TLS"
        reading.error(port.at("protocol"), port.under("protocol"), what, "use HTTPS or TLS")
    server_tls.check(tls, reading)
    for name in ("subjectAltNames", "httpsRedirect", "credentialName", "credentialNames", "tlsCertificates"):
        if tls.get(name):
            reading.error(tls.at(name), tls.under(name), "is not for sidecars", "remove it")
    if server_tls.mode(tls) in ("ISTIO_MUTUAL", "AUTO_PASSTHROUGH"):
        reading.error(
            tls.at("mode"), tls.under("mode"), f"{server_tls.mode(tls)} is not for sidecars", "use SIMPLE or MUTUAL"
        )
