"""What modifications of Envoy do to a destination: the last one that says something of a value has it.

Owns which of them are about a destination, by the names that Kuma gives to clusters and listeners, and the changes to
its upstreams and routes. Knows no text of Envoy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outgate.policy.frontends import Contribution, Inert
from outgate.policy.frontends.kuma.envoy_patches import Patch
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.policies import Policies
from outgate.policy.frontends.kuma.target import SERVICE
from outgate.policy.model import Destination, Port, Upstream
from outgate.policy.route_model import RateLimit, Route
from outgate.problems import Problem, Severity

UNKNOWN = "is about nothing outside that is known"
TO_DO = "name MESH_NAME_NAMESPACE_ZONE_extsvc_PORT of a MeshExternalService, or nothing"
LIMITS = ("connections", "pending", "requests", "retries")


@dataclass(frozen=True, slots=True)
class Patching:
    """All modifications that the gate carries out."""

    patches: Sequence[Patch]
    services: Sequence[ExternalService]

    def use(self, policies: Policies, made: Contribution) -> None:
        """Tells which policies have a say. A modification of what is not there has none, which is said."""
        for patch in self.patches:
            if any(about(patch, service) for service in self.services):
                policies.use([patch.entry])
                continue
            record, resource = patch.record, patch.entry.resource
            made.inert.append(Inert(resource.reading, record.path, UNKNOWN))
            what = f"{record.path}: {UNKNOWN}"
            made.problems.append(Problem(record.where, what, TO_DO, Severity.WARNING, record.path))
            policies.explained.add(resource)

    def patched(self, destination: Destination, service: ExternalService) -> Destination:
        if not any(about(patch, service) for patch in self.patches):
            return destination
        return replace(destination, ports=tuple(self._port(port, service) for port in destination.ports))

    def _port(self, port: Port, service: ExternalService) -> Port:
        routes = tuple(self._route(route, service) for route in port.routes)
        return replace(port, upstream=changed(port.upstream, self._said(service)), routes=routes)

    def _route(self, route: Route, service: ExternalService) -> Route:
        said = self._said(service)
        upstreams = {each.key: self._said(each) for each in self.services}
        backends = tuple(
            replace(backend, upstream=changed(backend.upstream, upstreams.get(backend.key, {})))
            for backend in route.backends
        )
        idle: Any = said["stream_idle"] or None if "stream_idle" in said else route.idle_timeout
        return replace(
            route,
            backends=backends,
            limits=(*route.limits, *self._limits(service)),
            idle_timeout=idle,
            connect_attempts=int(said.get("connect_attempts", route.connect_attempts)),
        )

    def _limits(self, service: ExternalService) -> Iterable[RateLimit]:
        """Envoy counts for each listener, and each destination has its own."""
        for patch in self.patches:
            if about(patch, service):
                for limit in patch.limits:
                    yield replace(limit, key=f"{service.key}/{limit.key}")

    def _said(self, service: ExternalService) -> Mapping[str, float]:
        return {name: value for patch in self.patches if about(patch, service) for name, value in patch.values.items()}


def about(patch: Patch, service: ExternalService) -> bool:
    """Whether a modification is about a destination, by its cluster's name or its listener's tags."""
    if patch.entry.resource.mesh != service.resource.mesh or patch.requests not in (None, service.speaks_http):
        return False
    match = patch.match
    tags: Mapping[str, str] = match.get("listenerTags") or match.get("tags") or {}
    cluster = match.get("name", "") if patch.record.path.endswith(".cluster") else ""
    wanted = [cluster] if cluster else []
    wanted += [tags.get(SERVICE, "")] if tags else []
    return all(_named(name, service) for name in wanted)


def _named(name: str, service: ExternalService) -> bool:
    """`MESH_NAME_NAMESPACE_ZONE_extsvc_PORT`, the same as a resource identifier, or the plain name in tags."""
    resource = service.resource
    plain, mesh = resource.display_name, resource.mesh
    if name.startswith("kri_extsvc_"):
        parts = name.removeprefix("kri_extsvc_").split("_")
        return parts[0] == mesh and plain in parts[1:-1]
    if name.endswith(f"_extsvc_{service.port}"):
        return name.startswith(f"{mesh}_{plain}_")
    return name == resource.name


def changed(upstream: Upstream, said: Mapping[str, float]) -> Upstream:
    limits = {name: int(said[name]) for name in LIMITS if name in said}
    held = replace(upstream.resilience, limits=replace(upstream.resilience.limits, **limits))
    if "tcp_idle" in said:
        held = replace(held, tcp_idle_timeout=said["tcp_idle"] or None)
    return replace(upstream, connect_timeout=said.get("connect_timeout", upstream.connect_timeout), resilience=held)
