"""Services as Istio's kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from outgate.learning.native import CALLERS, Content, operations, sources
from outgate.learning.services import Port, Service
from outgate.policy.model import Protocol

NETWORKING = "networking.istio.io/v1"


def mode(root: str) -> Content:
    """That nothing else passes. `root`: the namespace of what holds for the whole mesh."""
    spec = {"meshConfig": {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}}
    return _document("install.istio.io/v1alpha1", "IstioOperator", "mesh", spec, root)


def documents(service: Service) -> list[Content]:
    """An entry, and a rule for each host that the gate starts TLS to."""
    return [_document(NETWORKING, "ServiceEntry", service.name, _entry(service)), *_rules(service)]


def callers(services: Sequence[Service], root: str) -> Content:
    """Who may go where; nobody may go anywhere else."""
    rules = [rule for each in services for rule in _rules_of(each)]
    spec = {"action": "ALLOW", "rules": rules}
    return _document("security.istio.io/v1", "AuthorizationPolicy", CALLERS, spec, root)


def _entry(service: Service) -> Content:
    wild = any(host.startswith("*") for host in service.hosts)
    # An entry has hosts, whatever it is known by; this one nobody can ask for.
    hosts = [f"{service.name}.invalid"] if service.addresses else list(service.hosts)
    return {
        "hosts": hosts,
        **({"addresses": list(service.hosts)} if service.addresses else {}),
        "location": "MESH_INTERNAL" if service.internal else "MESH_EXTERNAL",
        "resolution": "NONE" if service.addresses else "DYNAMIC_DNS" if wild else "DNS",
        "ports": [_port(port) for port in service.ports],
    }


def _port(port: Port) -> Content:
    known = port.protocol is not Protocol.ANY
    made: Content = {"number": port.number, "name": f"{str(port.protocol).lower() if known else 'any'}-{port.number}"}
    if known:
        made["protocol"] = str(port.protocol)
    if port.upstream:
        made["targetPort"] = port.upstream
    return made


def _rules(service: Service) -> Iterator[Content]:
    levels = [{"port": {"number": port.number}, "tls": {"mode": "SIMPLE"}} for port in service.ports if port.upstream]
    for number, host in enumerate(service.hosts if levels else ()):
        name = service.name if number == 0 else f"{service.name}-{number + 1}"
        spec = {"host": host, "trafficPolicy": {"portLevelSettings": levels}}
        yield _document(NETWORKING, "DestinationRule", name, spec)


def _rules_of(service: Service) -> Iterator[Content]:
    """A rule for each way to tell where it goes: server names are conditions of a whole rule."""
    allowed = [{"source": each} for each in sources(service)]
    for asked in operations(service):
        names = asked.pop("snis", None)
        operation = {**asked, "ports": [str(port) for port in asked["ports"]]}
        yield {
            **({"from": allowed} if allowed else {}),
            "to": [{"operation": operation}],
            **({"when": [{"key": "connection.sni", "values": names}]} if names else {}),
        }


def _document(api: str, kind: str, name: str, spec: Content, namespace: str = "") -> Content:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
