"""What an attempt shows of each thing a rule may look at, worked out once and only when asked.

Owns the reading of an `Attempt`: which name, which path, whose identity. What is not known is None here, and never an
empty text: the two are judged differently. Knows no rules.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from outgate.policy import paths, principals
from outgate.policy.hosts import bracketed, literal, matches
from outgate.policy.model import Attempt, AttemptKind, Defaults, Destination, Port, Resolution
from outgate.policy.registry import numbered_port

REGION_LABEL = "topology.kubernetes.io/region"


class Names(NamedTuple):
    """The one host an attempt is for, in the spellings that a rule may compare; lower case."""

    spellings: tuple[str, ...]
    """By which a rule lets something pass: as sent, and as it would be sent of the verified name."""
    all: tuple[str, ...]
    """By which a rule keeps something back: the verified name too, with its port and without."""
    as_sent: bool = False
    """The workload chose the spelling, so a rule lets pass only by all of them; else any will do."""


class Facts:
    """One attempt, as rules see it."""

    def __init__(self, attempt: Attempt, defaults: Defaults, destination: Destination | None = None) -> None:
        self.attempt = attempt
        self.defaults = defaults
        self.destination = destination
        self.http = attempt.kind is AttemptKind.HTTP

    @cached_property
    def principal(self) -> str | None:
        """The caller's principal. Namespace and account of the gate's own mesh make one where none was given."""
        caller = self.attempt.caller
        given = caller.principal.removeprefix(principals.SCHEME)
        composed = principals.compose(self.defaults.trust_domain, caller.namespace, caller.service_account)
        return given or composed or None

    @cached_property
    def _name(self) -> principals.Name:
        return principals.parse(self.principal or "")

    @cached_property
    def namespace(self) -> str | None:
        """Of the principal, else as it was established otherwise."""
        return self._name.namespace or self.attempt.caller.namespace or None

    @cached_property
    def account(self) -> str | None:
        """`NAMESPACE/ACCOUNT`."""
        account = self._name.account or self.attempt.caller.service_account
        return f"{self.namespace}/{account}" if self.namespace and account else None

    @cached_property
    def trust_domain(self) -> str | None:
        return self._name.trust_domain or None

    def label(self, key: str) -> str | None:
        """Of the caller's labels, empty where it has none of that name. None: nothing is known of its labels."""
        labels = self.attempt.caller.labels
        return dict(labels).get(key, "") if labels else None

    @cached_property
    def source_address(self) -> IPv4Address | IPv6Address | None:
        return _address(self.attempt.caller.address)

    @cached_property
    def dialled_address(self) -> IPv4Address | IPv6Address | None:
        """What the workload dialled."""
        return _address(self.attempt.address)

    @cached_property
    def destination_addresses(self) -> tuple[IPv4Address | IPv6Address, ...] | None:
        """Every address that may be dialled. None: not known, as the gate resolves a name, or nothing says which."""
        known, dialled = self.destination, self.dialled_address
        port = numbered_port(known, self.attempt.port) if known else None
        if port is not None and (port.upstream.endpoints or any(route.backends for route in port.routes)):
            return _listed(port)
        return (dialled,) if dialled is not None and self._original(known, port) else None

    def _original(self, known: Destination | None, port: Port | None) -> bool:
        """Whether the address that the workload dialled is dialled: nothing is registered, or it is by address."""
        if known is None:
            return True
        if self.attempt.host not in (None, self.attempt.address):
            return port is not None and port.upstream.resolution is Resolution.NONE and bool(known.networks)
        return bool(known.networks) or not known.hosts or any(literal(host) is not None for host in known.hosts)

    @cached_property
    def method(self) -> str | None:
        return self.attempt.method if self.http else None

    @cached_property
    def sni(self) -> str:
        """Empty: the client sent none, as in plain text."""
        return (self.attempt.sni or "").lower()

    @cached_property
    def names(self) -> Names | None:
        """What rules on hosts compare. None: this attempt shows no host that they may look at."""
        if self.http:
            return self._authority()
        if self.defaults.tunnel_hosts != "sni":
            return None
        name = self._named() or self._only_name()
        return self._verified(name, bracketed(name)) if name else None

    def _named(self) -> str | None:
        """The name that a tunnel gives, unless what it leads to was found by something else: whoever writes a name that
        the destination does not have is not there."""
        name = (self.sni if self.attempt.kind is AttemptKind.TLS else "") or self.attempt.host
        if name is None or self.destination is None:
            return name
        hosts = self.destination.hosts or ((name,) if literal(name) is not None else ())
        return name if any(matches(pattern, name) for pattern in hosts) else None

    def _only_name(self) -> str | None:
        """The one name of the destination: what is known by name alone is dialled under it, whatever was dialled."""
        hosts = self.destination.hosts if self.destination else ()
        return hosts[0] if len(hosts) == 1 and not hosts[0].startswith("*") else None

    def _authority(self) -> Names | None:
        """The authority as sent, port and all, and the verified name beside it: a spelling (`x.` for `x`, or the port
        that is left out) must neither win an ALLOW nor slip past a DENY."""
        headers, host = self.attempt.headers, self.attempt.host
        sent = [text.lower() for key in (":authority", "host") if (text := headers.get(key))]
        if not sent:
            return self._verified(host, self._usual(host)) if host else None
        if host is None:
            return Names(_distinct(*sent), _distinct(*sent), as_sent=True)
        alike = bracketed(host) if port_of(sent[0]) is None else self._with_port(host)
        every = _distinct(*sent, bracketed(host), self._with_port(host))
        return Names(_distinct(*sent, alike), every, as_sent=True)

    def _verified(self, host: str, *more: str) -> Names:
        """Where nothing was sent: the name with its port, and what else a client would write."""
        return Names(_distinct(*more, self._with_port(host)), _distinct(bracketed(host), self._with_port(host)))

    def _usual(self, host: str) -> str:
        """The authority that a client sends: the port is left out where it is the scheme's own."""
        usual = 443 if self.attempt.encrypted else 80
        return bracketed(host) if self.attempt.port == usual else self._with_port(host)

    def _with_port(self, host: str) -> str:
        return f"{bracketed(host)}:{self.attempt.port}"

    @cached_property
    def path(self) -> str | None:
        """Without the query, in the form rules compare."""
        return paths.normalise(self.attempt.path, self.defaults.path_normalization) if self.http else None

    def header(self, key: str) -> str | None:
        """A header or pseudo-header by lower-case name, or None. Only HTTP has any; hosts are read by `names`."""
        match key:
            case ":method":
                return self.attempt.method
            case ":path":
                return f"{self.path}{self.attempt.path[len(paths.bare(self.attempt.path)) :]}"
            case ":scheme":
                return "https" if self.attempt.encrypted else "http"
        return self.attempt.headers.get(key)

    @cached_property
    def region(self) -> str | None:
        """Of the destination."""
        return (self.destination.region or None) if self.destination else None

    @cached_property
    def own_region(self) -> str | None:
        """The caller's, as Kubernetes labels what runs there."""
        return self.label(REGION_LABEL) or None

    @cached_property
    def target(self) -> str:
        """`KIND/NAMESPACE/NAME` of the document behind the destination; empty where none is known."""
        source = self.destination.source if self.destination else None
        return f"{source.kind}/{source.namespace}/{source.name}" if source else ""


def _listed(port: Port) -> tuple[IPv4Address | IPv6Address, ...] | None:
    """The addresses of all places that a port may lead to; None where some of them are found by name."""
    upstreams = [port.upstream, *(backend.upstream for route in port.routes for backend in route.backends)]
    places = [_address(endpoint.address) for each in upstreams for endpoint in each.endpoints]
    if None in places or not all(each.endpoints for each in upstreams):
        return None
    return tuple(place for place in places if place is not None)


def port_of(authority: str) -> str | None:
    """The port that an authority spells, or None."""
    head, colon, port = authority.rpartition(":")
    return port if colon and not (head.startswith("[") and port.endswith("]")) else None


def _distinct(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    """The address in `text`, an IPv4 address inside IPv6 unwrapped; None where there is none."""
    try:
        address = ip_address((text or "").strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
