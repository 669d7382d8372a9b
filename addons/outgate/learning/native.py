"""Services as outgate's own kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from outgate.learning.services import Port, Service
from outgate.policy.hosts import bracketed
from outgate.policy.model import Protocol

API = "outgate.dev/v1alpha1"
CALLERS = "learned-callers"
READ = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.HTTPS})
"""What the gate reads the requests of."""

type Content = dict[str, Any]


def mode() -> Content:
    """That nothing else passes."""
    return _document("EgressDefaults", "defaults", {"mode": "REGISTRY_ONLY"})


def documents(service: Service) -> list[Content]:
    spec: Content = {"addresses" if service.addresses else "hosts": list(service.hosts)}
    spec["ports"] = [_port(port) for port in service.ports]
    if service.internal:
        spec["internal"] = True
    return [_document("EgressDestination", service.name, spec)]


def callers(services: Sequence[Service]) -> Content:
    """Who may go where; nobody may go anywhere else."""
    return _document(
        "EgressAccess", CALLERS, {"action": "ALLOW", "rules": [rule for each in services for rule in _rules(each)]}
    )


def operations(service: Service) -> list[Content]:
    """What a rule says of a service: requests by host, with and without its port, TLS that passes by its server name.
    Bytes show neither."""
    ports: dict[str, list[int]] = {}
    for port in service.ports:
        how = "hosts" if port.protocol in READ else "snis" if port.protocol is Protocol.TLS else ""
        ports.setdefault("" if service.addresses and how == "snis" else how, []).append(port.number)
    return [{**_named(service, how, numbers), "ports": numbers} for how, numbers in ports.items()]


def sources(service: Service) -> list[Content]:
    """Who a rule lets pass; nobody in particular where a caller was not known."""
    if "" in service.callers or not service.callers:
        return []
    accounts = sorted(caller for caller in service.callers if not caller.endswith("/"))
    spaces = sorted(caller.removesuffix("/") for caller in service.callers if caller.endswith("/"))
    return [each for each in ({"serviceAccounts": accounts}, {"namespaces": spaces}) if next(iter(each.values()))]


def _rules(service: Service) -> Iterator[Content]:
    """One for each way to tell where it goes: a rule that names a host is for nothing that shows none."""
    allowed = sources(service)
    for asked in operations(service):
        yield {**({"from": allowed} if allowed else {}), "to": [asked]}


def _named(service: Service, how: str, ports: list[int]) -> Content:
    names = {"hosts": list(_spelt(service.hosts, ports)), "snis": list(service.hosts)}
    return {how: names[how]} if how else {}


def _spelt(hosts: Iterable[str], ports: list[int]) -> Iterator[str]:
    for host in hosts:
        yield bracketed(host)
        yield from (f"{bracketed(host)}:{number}" for number in ports)


def _port(port: Port) -> Content:
    made: Content = {"number": port.number}
    if port.protocol is not Protocol.ANY:
        made["protocol"] = str(port.protocol)
    elif port.tunnel:
        made["intercept"] = "TUNNEL"
    if port.upstream:
        made["upstream"] = {"port": port.upstream, "protocol": "HTTPS"}
    return made


def _document(kind: str, name: str, spec: Content) -> Content:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
