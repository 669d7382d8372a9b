"""What Istio asks of a ServiceEntry's fields together: hosts, ports, addresses and endpoints against the resolution.

Owns no shape. Knows nothing of what an entry comes to.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.frontends.istio.common import (
    UNIX,
    Item,
    check_exports,
    host_fault,
    is_address,
    is_partial,
    label_fault,
    name_fault,
    unapplied,
    unix_fault,
)
from outgate.policy.frontends.istio.ports import HTTP_LIKE, TCP_LIKE, TLS_LIKE
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.schema import Reading, Record

DYNAMIC_PROTOCOLS = ("HTTP", "HTTP2", "GRPC", "TLS")


def check(entry: Resource) -> None:
    """Everything that one value alone does not show, in the order of the fields."""
    spec, reading = entry.spec, entry.reading
    _check_hosts(spec, reading)
    _check_addresses(spec, reading)
    _check_ports(spec, reading)
    _check_selector(spec, reading)
    check_exports(spec, entry.namespace, reading, nobody=True)
    resolution = spec.get("resolution", "NONE")
    if resolution == "NONE":
        _no_endpoints(spec, reading, "NONE, which goes to the address that the workload dialled")
    elif resolution == "STATIC":
        _check_static(spec, reading)
    elif resolution == "DYNAMIC_DNS":
        _check_dynamic(spec, reading)
    else:
        _check_dns(spec, reading, resolution)
    for endpoint in spec.get("endpoints", []):
        check_endpoint(endpoint, {port.get("name") for port in spec.get("ports", [])}, reading)


def _check_hosts(spec: Record, reading: Reading) -> None:
    for item in spec.get("hosts", []):
        if item.value == "*":
            reading.error(item.where, item.path, '"*" is every host', "name hosts, or use outboundTrafficPolicy")
        elif is_partial(item.value):
            unapplied(reading, item.where, item.path, f'"{item.value}" has a wildcard for part of a label')


def _check_addresses(spec: Record, reading: Reading) -> None:
    resolution = spec.get("resolution", "NONE")
    for item in spec.get("addresses", []):
        if "/" in item.value and resolution not in ("NONE", "STATIC"):
            reading.error(
                item.where,
                item.path,
                f'"{item.value}" is a network, and resolution {resolution} needs single addresses',
                "use resolution NONE or STATIC, or addresses without a prefix",
            )


def _check_ports(spec: Record, reading: Reading) -> None:
    ports: list[Record] = spec.get("ports", [])
    for field, what in (("name", "name"), ("number", "number")):
        seen: set[object] = set()
        for port in ports:
            if field in port and port.get(field) in seen:
                reading.error(
                    port.at(field),
                    port.under(field),
                    f"the {what} {port.get(field)} is given twice",
                    "keep one of the two",
                )
            seen.add(port.get(field))
    for port in ports:
        _check_protocol(port, bool(spec.get("addresses")), reading)
    if len(spec.get("hosts", [])) > 1 and spec.get("resolution", "NONE") != "NONE":
        _check_many_hosts(ports, reading)


def _check_protocol(port: Record, addressed: bool, reading: Reading) -> None:
    protocol = port.get("protocol", "")
    if protocol == "UDP":
        reading.warn(port.at("protocol"), port.under("protocol"), "UDP is not carried; the gate refuses it")
    elif protocol in ("", "TCP") and not addressed:
        reading.warn(
            port.at("protocol"),
            port.under("protocol"),
            f"{protocol or 'a port without protocol'} without "
            "addresses: bytes that name no host are told apart by their port alone",
            "list addresses",
        )


def _check_many_hosts(ports: list[Record], reading: Reading) -> None:
    for port in ports:
        protocol = port.get("protocol", "")
        if protocol not in HTTP_LIKE + TLS_LIKE:
            what = f"{protocol or 'a port without protocol'} cannot tell several hosts apart"
            reading.error(port.at("protocol"), port.under("protocol"), what, "give each host its own ServiceEntry")
            return


def _check_selector(spec: Record, reading: Reading) -> None:
    selector: Record | None = spec.get("workloadSelector")
    if selector is None:
        return
    if spec.get("endpoints"):
        reading.error(
            spec.at("workloadSelector"),
            spec.under("workloadSelector"),
            'cannot stand beside "endpoints"',
            "keep one of them",
        )
    if not selector.get("labels"):
        reading.warn(selector.where, selector.path, "a selector without labels selects every workload")


def _no_endpoints(spec: Record, reading: Reading, why: str) -> None:
    if spec.get("endpoints"):
        reading.error(
            spec.at("endpoints"),
            spec.under("endpoints"),
            f"not with resolution {why}",
            "remove the endpoints, or use STATIC or DNS",
        )


def _check_static(spec: Record, reading: Reading) -> None:
    for endpoint in spec.get("endpoints", []):
        address = endpoint.get("address", "")
        if address and not address.startswith(UNIX) and not is_address(address):
            reading.error(
                endpoint.at("address"),
                endpoint.under("address"),
                f'"{address}" is not an IP address',
                "use resolution DNS for names",
            )
        if address.startswith(UNIX) and len(spec.get("ports", [])) != 1:
            what = f'"{address}" is a socket, which serves exactly one port'
            reading.error(spec.at("ports"), spec.under("ports"), what, "leave one")
    if not spec.get("endpoints") and "workloadSelector" not in spec:
        reading.warn(
            spec.at("resolution"),
            spec.under("resolution"),
            "STATIC without endpoints reaches nothing",
            "list endpoints, or use DNS or NONE",
        )


def _check_dns(spec: Record, reading: Reading, resolution: str) -> None:
    endpoints: list[Record] = spec.get("endpoints", [])
    for item in spec.get("hosts", []) if not endpoints else []:
        if name_fault(item.value):
            reading.error(
                item.where,
                item.path,
                f'"{item.value}" cannot be resolved by {resolution}',
                "name one host, list endpoints, or use NONE or DYNAMIC_DNS",
            )
    if resolution == "DNS_ROUND_ROBIN" and len(endpoints) > 1:
        reading.error(
            spec.at("endpoints"),
            spec.under("endpoints"),
            "DNS_ROUND_ROBIN has at most one endpoint",
            "keep one, or use DNS",
        )
    for endpoint in endpoints:
        address = endpoint.get("address", "")
        if address and not is_address(address) and (fault := name_fault(address) or host_fault(address)):
            reading.error(
                endpoint.at("address"),
                endpoint.under("address"),
                f'"{address}" {fault}',
                "write an address or one name",
            )
    hosts, tcp = spec.get("hosts", []), [port for port in spec.get("ports", []) if port.get("protocol") in TCP_LIKE]
    if spec.get("addresses") and tcp and len(hosts) > 1:
        reading.warn(
            spec.at("addresses"), spec.under("addresses"), "addresses do not tell the hosts of a TCP port apart"
        )


def _check_dynamic(spec: Record, reading: Reading) -> None:
    _no_endpoints(spec, reading, "DYNAMIC_DNS, which resolves the name that was asked for")
    if spec.get("addresses"):
        reading.error(spec.at("addresses"), spec.under("addresses"), "not with resolution DYNAMIC_DNS", "remove them")
    for item in spec.get("hosts", []):
        if not item.value.startswith("*"):
            reading.error(
                item.where,
                item.path,
                f'"{item.value}" is not a wildcard, and DYNAMIC_DNS is for wildcards',
                "use resolution DNS",
            )
    for port in spec.get("ports", []):
        if port.get("protocol", "") not in DYNAMIC_PROTOCOLS:
            what = f"{port.get('protocol', '') or 'a port without protocol'} cannot be resolved by DYNAMIC_DNS"
            reading.error(port.at("protocol"), port.under("protocol"), what, f"use {', '.join(DYNAMIC_PROTOCOLS)}")


def check_endpoint(endpoint: Record, service_ports: set[str] | None, reading: Reading) -> None:
    """Of one endpoint, or of a WorkloadEntry, whose ports are not known (None)."""
    address = endpoint.get("address", "")
    if not address:
        _check_unset(endpoint, reading)
    if address.startswith(UNIX):
        _check_unix(endpoint, address, reading)
    for name, item in _ports(endpoint):
        if service_ports is not None and name not in service_ports:
            known = ", ".join(sorted(filter(None, service_ports))) or "none"
            reading.error(item.where, item.path, f'"{name}" is not a port of the entry', f"its ports: {known}")
        elif label_fault(name):
            reading.error(item.where, item.path, f'"{name}" {label_fault(name)}')


def _ports(endpoint: Record) -> Iterator[tuple[str, Item]]:
    ports: dict[str, Item] = endpoint.get("ports", {})
    yield from ports.items()


def _check_unset(endpoint: Record, reading: Reading) -> None:
    if "network" in endpoint:
        reading.warn(endpoint.where, endpoint.under("address"), "an endpoint without an address is not dialled")
    else:
        reading.error(endpoint.where, endpoint.under("address"), "required value is missing", "add it")


def _check_unix(endpoint: Record, address: str, reading: Reading) -> None:
    where, path = endpoint.at("address"), endpoint.under("address")
    if fault := unix_fault(address.removeprefix(UNIX)):
        reading.error(where, path, f'"{address}" {fault}')
    elif endpoint.get("ports"):
        reading.error(endpoint.at("ports"), endpoint.under("ports"), "a socket has no ports", "remove them")
    else:
        unapplied(reading, where, path, f'"{address}" is a socket file')
