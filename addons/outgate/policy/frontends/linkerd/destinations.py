"""What EgressNetworks and their routes come to: one destination for each network, with the routes at its ports.

Owns who sees which network, and what happens to what no route takes. A namespace that has a network of its own sees its
own only; the smallest block that holds an address decides, then the older.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from outgate.policy.access_model import AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.frontends import Contribution
from outgate.policy.frontends.linkerd.annotated import Annotated, resilience
from outgate.policy.frontends.linkerd.network import EgressNetwork
from outgate.policy.frontends.linkerd.routes import BROKEN, Bound
from outgate.policy.model import EVERY_PORT, Destination, Intercept, Port, Protocol, Resolution, Upstream
from outgate.policy.resilience_model import Resilience
from outgate.policy.route_model import Route, Unmatched

EVERYBODY = "linkerd-egress"
"""The namespace whose networks are for all who have none of their own."""


@dataclass(slots=True)
class Destinations:
    """All documents of a load."""

    networks: list[EgressNetwork]
    bound: list[Bound]
    contribution: Contribution

    def make(self) -> None:
        """Adds what the documents come to."""
        self._warn_orphans()
        for network in sorted(self.networks, key=lambda network: network.resource.age):
            self.contribution.destinations.append(self._destination(network))
            if not network.allows:
                self.contribution.access.append(_closed(network, self._ports(network)))

    def _destination(self, network: EgressNetwork) -> Destination:
        resource = network.resource
        held = resilience(resource)
        listed = [self._port(network, number, held) for number in self._ports(network)]
        return Destination(
            key=f"linkerd/{network.key}",
            name=resource.name,
            namespace=resource.namespace,
            hosts=(),
            networks=network.networks,
            ports=(*listed, _every(network, held)),
            source=resource.source(),
            export_to=self._audience(network),
        )

    def _audience(self, network: EgressNetwork) -> tuple[str, ...]:
        if network.resource.namespace != EVERYBODY:
            return (".",)
        others = {other.resource.namespace for other in self.networks} - {EVERYBODY}
        return ("*", *(f"~{namespace}" for namespace in sorted(others)))

    def _ports(self, network: EgressNetwork) -> list[int]:
        return sorted({bound.port for bound in self._of(network)})

    def _of(self, network: EgressNetwork) -> Iterable[Bound]:
        """Routes count from the network's own namespace, and from a consumer's for a network that is everybody's."""
        own = network.resource.namespace
        return [
            bound
            for bound in self.bound
            if bound.parent == network.key and (bound.resource.namespace == own or own == EVERYBODY)
        ]

    def _port(self, network: EgressNetwork, number: int, held: Resilience) -> Port:
        found = [bound for bound in self._of(network) if bound.port == number]
        own = network.resource.namespace
        # A consumer's routes come before the network's own.
        found.sort(key=lambda bound: (bound.resource.namespace == own, bound.rank, bound.resource.age))
        return Port(
            number=number,
            protocol=Protocol.ANY,
            upstream=Upstream(number, Resolution.NONE, resilience=held),
            intercept=Intercept.TUNNEL,
            source=found[0].resource.source("spec"),
            routes=(*(self._route(bound, network) for bound in found), *_everything(network)),
            unmatched=Unmatched.FORWARD if network.allows else Unmatched.REFUSED,
        )

    def _route(self, bound: Bound, network: EgressNetwork) -> Route:
        made = Annotated(bound.resource, network.resource).applied(self._leading(bound))
        namespace = bound.resource.namespace
        return made if namespace == network.resource.namespace else _of_consumer(made, namespace)

    def _leading(self, bound: Bound) -> Route:
        """The route, which is broken where it leads to a network that is not there."""
        missing = next((key for key in bound.backends if key not in {each.key for each in self.networks}), "")
        if not missing:
            return bound.route
        what = f"{bound.resource} leads to EgressNetwork {missing}, which is not there: requests are answered with 500"
        bound.resource.reading.warn(bound.resource.document.where, "", what, "add it, or name another one")
        return replace(bound.route, direct=BROKEN)

    def _warn_orphans(self) -> None:
        known = {network.key: network.resource.namespace for network in self.networks}
        for bound in {bound.resource: bound for bound in self.bound}.values():
            own = known.get(bound.parent)
            if own is None:
                what = f"{bound.resource} is bound to EgressNetwork {bound.parent}, which is not there"
            elif own not in (bound.resource.namespace, EVERYBODY):
                what = f"{bound.resource} is not of the namespace of EgressNetwork {bound.parent}, so it does not count"
            else:
                continue
            bound.resource.reading.warn(bound.resource.document.where, "", what, "add it, or name another one")
            bound.resource.reading.set_aside("", what)


def _of_consumer(route: Route, namespace: str) -> Route:
    """For the clients of its own namespace alone."""
    caller = Condition(Attribute.NAMESPACE, (namespace,))
    return replace(route, matches=tuple(replace(each, caller=(*each.caller, caller)) for each in route.matches))


def _everything(network: EgressNetwork) -> Iterator[Route]:
    """What no route takes, where the annotations of the network say something of it."""
    plain = Route(network.resource.name, source=network.resource.source("metadata.annotations"))
    said = Annotated(network.resource, network.resource).applied(plain)
    if network.allows and said != plain:
        yield said


def _every(network: EgressNetwork, held: Resilience) -> Port:
    return Port(
        number=EVERY_PORT,
        protocol=Protocol.ANY,
        upstream=Upstream(EVERY_PORT, Resolution.NONE, resilience=held),
        intercept=Intercept.TUNNEL,
        source=network.resource.source("spec.trafficPolicy"),
        routes=tuple(_everything(network)),
    )


def _closed(network: EgressNetwork, open_ports: list[int]) -> AccessPolicy:
    """Denies every port that has no route."""
    others = (Condition(Attribute.PORT, tuple(map(str, open_ports)), negated=True),) if open_ports else ()
    rule = AccessRule(operations=(others,) if others else ())
    source = network.resource.source("spec.trafficPolicy")
    target = f"EgressNetwork/{network.key}"
    return AccessPolicy(Action.DENY, (rule,), source, targets=(target,))
