"""What a MeshExternalService and the policies about it come to together.

Owns the joining. What each kind of policy says is its own module's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from outgate.policy.frontends.kuma import circuit_breakers, health_checks, inbound
from outgate.policy.frontends.kuma.balancing import balancing
from outgate.policy.frontends.kuma.dialect import Role
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.faults import faults
from outgate.policy.frontends.kuma.mesh import Mesh
from outgate.policy.frontends.kuma.policies import EXTERNAL, Policies, Said, about
from outgate.policy.frontends.kuma.rate_limits import global_limits, limits
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.retries import connects, retries
from outgate.policy.frontends.kuma.routes import Rule, filtered, http_rules, mirrors, tcp_rule
from outgate.policy.frontends.kuma.target import meant
from outgate.policy.frontends.kuma.timeouts import Timeouts, timeouts
from outgate.policy.model import Destination, Port, Protocol, Resolution, Source, Upstream
from outgate.policy.resilience_model import Resilience
from outgate.policy.route_model import Backend, DirectResponse, Mirror, RateLimit, Rewrite, Route, RouteMatch
from outgate.policy.schema import Record
from outgate.problems import Problem, Severity

NOWHERE = DirectResponse(503, b"the route leads to nothing that is known")
HTTP2 = (Protocol.HTTP2, Protocol.GRPC)


@dataclass(frozen=True, slots=True)
class Joined:
    """One destination and all that is said of it."""

    service: ExternalService
    policies: Policies
    mesh: Mesh | None
    roles: frozenset[Role]
    services: Sequence[ExternalService]
    """All of them, for routes lead from one to another."""
    problems: list[Problem]

    def destination(self) -> Destination:
        service, resource = self.service, self.service.resource
        return Destination(
            key=service.key,
            name=resource.name,
            namespace=resource.namespace,
            hosts=(service.host,),
            networks=(),
            ports=(self._port(),),
            source=resource.source(),
        )

    def _port(self) -> Port:
        service = self.service
        return Port(
            service.port,
            service.protocol,
            self.upstream(),
            source=service.resource.source("spec.match"),
            routes=self._routes(),
        )

    def upstream(self) -> Upstream:
        """As every request and connection meets it."""
        service = self.service
        said = self._said("MeshTimeout")
        times = timeouts(said)
        return Upstream(
            service.port,
            Resolution.DNS,
            service.endpoints,
            tls=service.tls,
            http2=service.protocol in HTTP2,
            connect_timeout=times.connect,
            resilience=self._resilience(times, said),
        )

    def _resilience(self, times: Timeouts, times_said: Said) -> Resilience:
        breaker, check = self._said("MeshCircuitBreaker"), self._said("MeshHealthCheck")
        strategy = self._said("MeshLoadBalancingStrategy")
        sources = (*breaker.sources, *check.sources, *strategy.sources, *times_said.sources)
        return Resilience(
            balancing=balancing(strategy.conf),
            limits=circuit_breakers.limits(breaker.conf, initial=self._initial("MeshCircuitBreaker")),
            outliers=circuit_breakers.outliers(breaker.conf),
            health=health_checks.health(check.conf, self.service.protocol),
            panic_percent=health_checks.panic(check.conf, circuit_breakers.panic(breaker.conf)),
            panic_fails=health_checks.panic_fails(check.conf),
            idle_timeout=times.idle,
            tcp_idle_timeout=times.idle,
            maximum_duration=times.connection,
            source=next(iter(sources), None),
        )

    def _initial(self, kind: str) -> bool:
        """Whether the mesh has the policy of a kind that Kuma makes for each."""
        return self.mesh is None or self.mesh.initial(kind)

    def _routes(self) -> tuple[Route, ...]:
        """What rules take, then everything else. Where requests are seen, rules about connections say nothing beside
        those about requests."""
        http, tcp = self._items("MeshHTTPRoute"), self._items("MeshTCPRoute")
        requests = http_rules(self.policies.use(http)) if self.service.speaks_http else []
        if not self.service.speaks_http:
            self.policies.pass_over(http, "is about requests, and the destination speaks TCP")
        if requests:
            self.policies.pass_over(tcp, "says nothing beside a MeshHTTPRoute about the same destination")
        connections = tcp_rule(self.policies.use(tcp)) if not requests else None
        routes = [self._ruled(rule) for rule in requests]
        if connections is not None:
            return (self._ruled(connections),)
        return (*routes, self._everything())

    def _items(self, kind: str) -> list[Entry]:
        return [entry for entry in self.policies.entries.get(kind, []) if about(entry, self.service.resource)]

    def _ruled(self, rule: Rule) -> Route:
        filters: list[Record] = rule.conf.get("filters", [])
        usual = self._everything(rule.resource)
        made = replace(
            usual,
            name=rule.resource.name,
            matches=(rule.match,) if rule.match != RouteMatch() else (),
            source=rule.sources[0],
            extra=(*rule.sources[1:], *((usual.source,) if usual.source is not None else ()), *usual.extra),
        )
        references: list[Record] = rule.conf.get("backendRefs", [])
        backends = [self._backend(reference, rule) for reference in references]
        found = tuple(backend for backend in backends if backend is not None)
        if references and not found:
            return replace(made, direct=NOWHERE)
        if any(backend.key != self.service.key for backend in found):
            made = replace(made, backends=found, rewrite=Rewrite(to_backend=True) if made.rewrite else None)
        copies = [(self._backend(reference, rule), share) for reference, share in mirrors(filters)]
        made = replace(made, mirrors=tuple(Mirror(each, share) for each, share in copies if each is not None))
        made = filtered(made, filters)
        return replace(made, backends=()) if made.redirect is not None else made

    def _backend(self, reference: Record, rule: Rule) -> Backend | None:
        """The upstream that a reference means; None where it means none that is known, which is said."""
        kind = reference.get("kind")
        for other in self.services if kind == EXTERNAL else ():
            if meant(reference, other.resource) and other.resource.mesh == rule.resource.mesh:
                joined = replace(self, service=other)
                host = next(iter(other.names), None)
                return Backend(other.key, joined.upstream(), host, reference.get("weight", 1))
        named = reference.get("name") or reference.get("labels")
        what = f"{reference.path}: {kind} {named} is nothing outside that is known"
        hint = "write the name of a MeshExternalService, or load with --lenient, which leaves it out"
        severity = Severity.ERROR if rule.resource.reading.strict else Severity.WARNING
        self.problems.append(Problem(reference.where, what, hint, severity, reference.path))
        return None

    def _everything(self, route: Resource | None = None) -> Route:
        """What holds for all that is asked of the service; with a route, for what that one takes."""
        timing, trying = self._said("MeshTimeout", route), self._said("MeshRetry", route)
        sources = self._sources(timing, trying)
        made = Route(
            self.service.resource.name,
            limits=self._limits(),
            source=sources[0],
            extra=sources[1:],
        )
        initial = self._initial("MeshRetry") and Role.SIDECAR in self.roles
        if not self.service.speaks_http:
            for kind in ("MeshFaultInjection", "MeshGlobalRateLimit"):
                self.policies.pass_over(self._items(kind), "is about requests, and the destination speaks TCP")
            return replace(made, connect_attempts=connects(trying.conf, initial=initial))
        times = timeouts(timing)
        return replace(
            made,
            rewrite=self._rewrite(),
            timeout=times.request,
            idle_timeout=times.stream_idle,
            maximum_duration=times.stream,
            faults=tuple(faults(self._arriving("MeshFaultInjection"))),
            retry=retries(trying.conf, grpc=self.service.protocol is Protocol.GRPC, initial=initial),
        )

    def _limits(self) -> tuple[RateLimit, ...]:
        own = limits(self._arriving("MeshRateLimit"), self.service)
        across = global_limits(self._arriving("MeshGlobalRateLimit"), self.service) if self.service.speaks_http else ()
        return (*own, *across)

    def _arriving(self, kind: str) -> list[inbound.Said]:
        """What is said of what arrives where it leaves. Raises `TooManyError`."""
        return inbound.said(inbound.concerned(self.policies, kind, self.service), self.service)

    def _rewrite(self) -> Rewrite | None:
        """The origin is told its own name, for nobody outside knows the mesh's. Addresses have none."""
        tls, named = self.service.tls, self.service.names
        if not named:
            return None
        return Rewrite(authority=tls.sni if len(named) > 1 and tls is not None and tls.sni in named else named[0])

    def _said(self, kind: str, route: Resource | None = None) -> Said:
        return self.policies.said(kind, self.service.resource, route)

    def _sources(self, *said: Said) -> tuple[Source, ...]:
        """Whoever has a say, the service itself last."""
        found = dict.fromkeys(source for each in said for source in each.sources)
        return (*found, self.service.resource.source())
