"""Random hosts, policies and attempts, from a vocabulary small enough that they meet.

`policies()` draws compiled policies, `attempts()` what a workload could try against them, `requests()` what it could
send. They are for any property that holds for all policies: that `explain` and the data plane agree, that nothing
raises, that a denial stays one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from hypothesis import strategies as st

from outgate.policy.access_model import AccessLayer, AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.attempts import Way
from outgate.policy.compile import Policy
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Defaults,
    Destination,
    Endpoint,
    Identity,
    IdentityMapping,
    Import,
    Intercept,
    Mode,
    Port,
    Protocol,
    Resolution,
    Scope,
    Source,
    Upstream,
)
from outgate.problems import Where

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = ("a", "b", "api", "x1", "long-label")
SUFFIXES = ("example", "x.example", "y.x.example", "test")
NAMESPACES = ("prod", "dev", "default")
ACCOUNTS = ("web", "job")
PORTS = (80, 443, 5432)
ADDRESSES = (
    "10.0.0.1",
    "10.1.2.3",
    "192.0.2.7",
    "93.184.216.34",
    "169.254.169.254",
    "127.0.0.1",
    "2606:4700::1",
    "fd00::1",
)
NETWORKS = (
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3/32",
    "192.0.2.0/24",
    "2606:4700::/32",
    "0.0.0.0/0",
    "169.254.169.254/32",
)
PATHS = ("/", "/a", "/a/b?q=1", "/a/../b", "/a%2fb", "//a", "/A;x")
METHODS = ("GET", "POST", "DELETE")
ODD_METHODS = ("CONNECT", "get", "OPTIONS", "M" * 32)
ODD_PATHS = ("/\u00e9", "/a?b#c", "/%00", "/a\\b")
BLANK_METHODS = ("G T", "", "M" * 33)
BLANK_PATHS = ("/a b", "/a\x00", "/\x7f")
MISSPELT = ("a_b.example", "127.1", "-a.example", "B\u00fccher.example")
NEAR = "127.9.0.0/16"
"""Where callers are that rules and identities know by address; a test can call from there."""
HOSTS = [("Host", "a.example"), ("host", "B.example.:443"), ("Host", "a_b")]
KEY = "x-key"
"""The header that rules look at."""
WHAT = (
    Attribute.HOST,
    Attribute.PORT,
    Attribute.METHOD,
    Attribute.PATH,
    Attribute.HEADER,
    Attribute.REGION,
    Attribute.SNI,
)


def hosts(*, literals: bool = True) -> st.SearchStrategy[str]:
    """Host names as a workload may write them: mixed case, trailing dots, addresses."""
    names = st.builds(
        lambda labels, suffix: ".".join((*labels, suffix)),
        st.lists(st.sampled_from(LABELS), max_size=3),
        st.sampled_from(SUFFIXES),
    )
    spelt = st.one_of(names, names.map(str.upper), names.map(lambda name: f"{name}."))
    return st.one_of(spelt, st.sampled_from(ADDRESSES)) if literals else spelt


def patterns() -> st.SearchStrategy[str]:
    """Canonical host patterns that meet `hosts()`."""
    exact = hosts(literals=False).map(lambda host: host.lower().rstrip("."))
    return st.one_of(exact, st.sampled_from(SUFFIXES).map(lambda suffix: f"*.{suffix}"), st.just("*"))


def identities() -> st.SearchStrategy[Identity]:
    """Callers, known and unknown."""
    return st.builds(
        Identity,
        namespace=st.sampled_from(("", *NAMESPACES)),
        service_account=st.sampled_from(("", *ACCOUNTS)),
        labels=st.sampled_from(((), (("app", "web"),))),
        address=st.sampled_from(("", "10.9.9.9")),
        how=st.just("drawn"),
    )


@st.composite
def ports(draw: st.DrawFn, number: int) -> Port:
    protocol = draw(st.sampled_from(tuple(Protocol)))
    endpoints = draw(st.sampled_from(((), (Endpoint("192.0.2.9", number),))))
    resolution = Resolution.STATIC if endpoints else draw(st.sampled_from((Resolution.NONE, Resolution.DNS)))
    return Port(number, protocol, Upstream(number, resolution, endpoints), draw(st.sampled_from(tuple(Intercept))))


@st.composite
def destinations(draw: st.DrawFn, line: int) -> Destination:
    """One destination; `line` makes its key and its provenance its own."""
    names = draw(st.lists(st.one_of(patterns(), st.sampled_from(ADDRESSES)), max_size=2, unique=True))
    networks = draw(st.lists(st.sampled_from(NETWORKS), min_size=0 if names else 1, max_size=2, unique=True))
    numbers = draw(st.lists(st.sampled_from(PORTS), min_size=1, max_size=3, unique=True))
    namespace = draw(st.sampled_from(NAMESPACES))
    return Destination(
        key=f"d{line}",
        name=f"d{line}",
        namespace=namespace,
        hosts=tuple(names),
        networks=tuple(map(ip_network, networks)),
        ports=tuple(draw(ports(number)) for number in numbers),
        source=Source(Where("drawn.yaml", line, 1), "EgressDestination", f"d{line}", namespace),
        export_to=draw(st.sampled_from((("*",), (".",), ("prod",), ("dev", "default")))),
        internal=draw(st.sampled_from((False,) * 6 + (True,))),
        region=draw(st.sampled_from(("", "eu", "us"))),
        expires=draw(st.sampled_from((None, None, NOW - timedelta(days=1), NOW + timedelta(days=1)))),
    )


def conditions(*attributes: Attribute) -> st.SearchStrategy[Condition]:
    """Conditions on some attributes, with values that occur."""
    values = {
        Attribute.NAMESPACE: NAMESPACES,
        Attribute.SERVICE_ACCOUNT: tuple(f"{space}/{name}" for space in NAMESPACES for name in ACCOUNTS),
        Attribute.SOURCE_IP: ("10.9.0.0/16", NEAR),
        Attribute.HOST: ("a.example", "*.x.example", "*"),
        Attribute.PORT: tuple(map(str, PORTS)),
        Attribute.METHOD: METHODS,
        Attribute.PATH: ("/a", "/a*", "*b", "/"),
        Attribute.REGION: ("eu", "us"),
        Attribute.SNI: ("a.example", "*.example"),
        Attribute.HEADER: ("1", "*"),
    }
    return st.sampled_from(attributes).flatmap(
        lambda attribute: st.builds(
            Condition,
            st.just(attribute),
            st.lists(st.sampled_from(values[attribute]), min_size=1, max_size=2, unique=True).map(tuple),
            st.just(KEY if attribute is Attribute.HEADER else ""),
            negated=st.booleans(),
        )
    )


@st.composite
def access(draw: st.DrawFn, line: int) -> AccessPolicy:
    """One access policy."""
    who = conditions(Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.SOURCE_IP)
    what = conditions(*WHAT)
    source = Source(Where("drawn.yaml", 1000 + line, 1), "EgressAccess", f"a{line}")
    rule = st.builds(
        AccessRule,
        sources=st.lists(st.lists(who, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
        operations=st.lists(st.lists(what, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
        source=st.just(source),
    )
    action = draw(st.sampled_from(tuple(Action)))
    rules = draw(st.lists(rule, min_size=0 if action is Action.ALLOW else 1, max_size=2))
    shadow = action is not Action.AUDIT and draw(st.sampled_from((False, False, True)))
    return AccessPolicy(action, tuple(rules), source, shadow)


def scopes() -> st.SearchStrategy[Scope]:
    """What some callers see."""
    imports = st.builds(
        Import, st.sampled_from(("*", ".", *NAMESPACES)), patterns(), st.sampled_from((False, False, True))
    )
    return st.builds(
        Scope,
        namespace=st.sampled_from(("", *NAMESPACES)),
        labels=st.sampled_from(((), (("app", "web"),))),
        mode=st.sampled_from((None, *Mode)),
        imports=st.one_of(st.none(), st.lists(imports, max_size=3).map(tuple)),
    )


@st.composite
def policies(draw: st.DrawFn, *, modes: tuple[Mode, ...] = tuple(Mode)) -> Policy:
    """A whole policy. Its clock stands at `NOW`."""
    count = draw(st.integers(0, 5))
    rules = draw(st.lists(st.integers(0, 99), max_size=2, unique=True))
    defaults = Defaults(
        mode=draw(st.sampled_from(modes)),
        internal_hosts=draw(st.sampled_from(((), (), (), ("*.test",), ("a.example", "*.x.example")))),
        internal_networks=draw(st.sampled_from(((), (), (ip_network("10.0.0.0/8"),)))),
        tunnel_hosts=draw(st.sampled_from(("sni", "istio"))),
        unregistered_tls=draw(st.sampled_from(tuple(Intercept))),
        identities=draw(st.sampled_from(((), (IdentityMapping("dev", "job", networks=(ip_network(NEAR),)),)))),
    )
    policies = tuple(draw(access(line)) for line in rules)
    return Policy(
        generation="drawn",
        defaults=defaults,
        destinations=tuple(draw(destinations(line)) for line in range(1, count + 1)),
        scopes=tuple(draw(st.lists(scopes(), max_size=2))),
        access=(AccessLayer("native", policies),) if policies else (),
        now=lambda: NOW,
    )


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    """What a workload could try, names in canonical form as the data plane hands them over."""
    kind = draw(st.sampled_from(tuple(AttemptKind)))
    canonical = hosts().map(lambda host: host.lower().rstrip("."))
    host = draw(st.one_of(st.none(), canonical))
    address = draw(st.one_of(st.none(), st.sampled_from(ADDRESSES)))
    named = host if kind is AttemptKind.TLS or draw(st.booleans()) else None
    secret = kind is AttemptKind.HTTP and draw(st.booleans())
    return Attempt(
        kind=kind,
        caller=draw(identities()),
        port=draw(st.sampled_from((*PORTS, 8080))),
        host=host,
        address=address if address or host else draw(st.sampled_from(ADDRESSES)),
        sni=named if kind is AttemptKind.TLS or secret else None,
        encrypted=secret,
        method=draw(st.sampled_from(METHODS)) if kind is AttemptKind.HTTP else "",
        path=draw(st.sampled_from(PATHS)) if kind is AttemptKind.HTTP else "",
    )


NOTHING = Policy("nothing")


@dataclass(frozen=True)
class Request:
    """One thing a workload sends. Text is as written, so it need not be canonical, nor even well-formed."""

    scheme: str
    host: str
    port: int
    method: str = "GET"
    path: str = "/"
    fields: tuple[tuple[str, str], ...] = ()
    http2: bool = False
    way: Way = Way.TRANSPARENT
    address: str | None = None
    """The address that is dialled; None where a proxy is told the name instead."""
    declared: tuple[str, ...] = ()
    """Namespace, and service account, that the workload's pod declares."""
    labelled: bool = False
    near: bool = False
    """It calls from `NEAR`."""

    @property
    def authority(self) -> str:
        """What a client puts into `Host`."""
        named = self.host if ":" not in self.host else f"[{self.host}]"
        usual = {"http": 80, "https": 443}.get(self.scheme)
        return named if self.port == usual else f"{named}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


@st.composite
def requests(draw: st.DrawFn, policy: Policy = NOTHING) -> Request:
    """What a client can send as it is: HTTP/1 has no way to write a blank in a method or a path. Half of the time it
    is about something that `policy` knows."""
    odd = draw(st.sampled_from((False,) * 5 + (True,)))
    way = draw(st.sampled_from((Way.TRANSPARENT, Way.TRANSPARENT, Way.REGULAR, Way.SOCKS5)))
    scheme = draw(st.sampled_from(("http", "https", "http", "https", "tls", "tcp")))
    http2 = scheme in ("http", "https") and draw(st.booleans())
    names, networks, numbers = _known(policy)
    host = draw(st.one_of(st.sampled_from(names), hosts(), st.sampled_from(MISSPELT if odd else names)))
    address = draw(st.sampled_from((*networks, *ADDRESSES))) if way is Way.TRANSPARENT else None
    # Where HTTP/1 has an absolute URI, CONNECT would begin a tunnel, and HTTP/2 does not ask for ASCII.
    absolute = way is Way.REGULAR and scheme == "http"
    strange = ODD_METHODS[1:] if http2 or absolute else ODD_METHODS
    paths = ODD_PATHS[1:] if http2 and absolute else ODD_PATHS
    return Request(
        scheme,
        host,
        draw(st.sampled_from(numbers)),
        draw(st.sampled_from((*METHODS, *strange, *(BLANK_METHODS if http2 else ())) if odd else METHODS)),
        draw(st.sampled_from((*PATHS, *paths, *(BLANK_PATHS if http2 else ())) if odd else PATHS)),
        tuple(draw(st.lists(_fields(http2, way, odd=odd), max_size=2, unique_by=lambda field: field[0].lower()))),
        http2,
        way,
        # Who spells an address dials that, but for one that lies.
        host if address and host in ADDRESSES and not odd else address,
        draw(st.sampled_from(((), *((space,) for space in NAMESPACES), ("prod", "web"), ("dev", "web")))),
        draw(st.booleans()),
        draw(st.booleans()),
    )


def _known(policy: Policy) -> tuple[list[str], list[str], list[int]]:
    """Hosts, addresses and ports that a policy knows; where it knows none, others."""
    found = [destination for destination in policy.destinations if destination.ports]
    names = [host.replace("*", "a") for destination in found for host in destination.hosts if host != "*"]
    networks = [
        str(network[1] if network.num_addresses > 1 else network[0])
        for destination in found
        for network in destination.networks
    ]
    numbers = [port.number for destination in found for port in destination.ports]
    return names or ["a.example"], networks or [ADDRESSES[0]], [*numbers, *PORTS, 8080]


def _fields(http2: bool, way: Way, *, odd: bool) -> st.SearchStrategy[tuple[str, str]]:
    """Fields of a request. HTTP/2 has none that speak of the connection, and no other name beside `:authority`."""
    given = [(KEY, "1"), (KEY, "2"), ("content-type", "application/grpc"), ("X-Outgate-Key", "1")]
    if not http2:
        given += [("Upgrade", "websocket"), ("Connection", f"upgrade, {KEY}")]
    if odd:
        given += [(KEY, "a\x00b"), *([] if http2 and way is Way.REGULAR else HOSTS)]
        given += [("upgrade", "tls/1.3"), ("host", "")] if not http2 else []
    return st.sampled_from(given)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Policy, Request]:
    """A policy, and a request that it may know something of."""
    policy = draw(policies())
    return policy, draw(requests(policy))


def addresses() -> st.SearchStrategy[str]:
    """Addresses, those of the vocabulary often."""
    return st.one_of(st.sampled_from(ADDRESSES), st.ip_addresses().map(str))
