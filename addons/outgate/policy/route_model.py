"""The compiled model's routes: what is matched of a request, and what becomes of it.

Owns the vocabulary, whichever mesh it comes from. Matching is `routing.py`'s. Durations are seconds; percentages go
from 0 to 100.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from outgate.policy.access_model import Condition
from outgate.policy.model import AttemptKind, Network, Source, Upstream


class TextKind(StrEnum):
    """How a text is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    """Of characters: `/foo` is one of `/foobar`."""
    SEGMENTS = "segments"
    """Of whole path segments: `/foo` is one of `/foo/bar` and not of `/foobar`."""
    REGEX = "regex"
    """RE2, of the whole text."""
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class TextMatch:
    """One test of one text. What is absent matches only a negated test."""

    kind: TextKind
    value: str = ""
    ignore_case: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class NamedMatch:
    """A test of a header (lower-case name) or of a query parameter."""

    name: str
    match: TextMatch


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """All of it must hold; what is empty or None holds always."""

    kinds: tuple[AttemptKind, ...] = ()
    """What the workload speaks."""
    hosts: tuple[str, ...] = ()
    """Host patterns, of which one must cover the verified name, without its port."""
    path: TextMatch | None = None
    """Without the query."""
    method: TextMatch | None = None
    scheme: TextMatch | None = None
    authority: TextMatch | None = None
    headers: tuple[NamedMatch, ...] = ()
    queries: tuple[NamedMatch, ...] = ()
    caller: tuple[Condition, ...] = ()
    """About who asks; labels of the caller are `Attribute.SOURCE_LABEL`."""
    sni: tuple[str, ...] = ()
    """Host patterns, of which one must cover the server name."""
    networks: tuple[Network, ...] = ()
    """Of which one must hold the address that the workload dialled."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Something of a message or its connection, by Envoy's name for it; `header_formats.py` says which there are."""

    name: str
    argument: str = ""
    most: int | None = None
    """Characters of it; None: all."""


@dataclass(frozen=True, slots=True)
class HeaderFormat:
    """A value that is made with each message. Where it comes out empty, the header is left as it is."""

    parts: tuple[str | Operator, ...]


type HeaderValue = str | HeaderFormat


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """Changes to a head, in this order: removed, set, added."""

    set: tuple[tuple[str, HeaderValue], ...] = ()
    add: tuple[tuple[str, HeaderValue], ...] = ()
    remove: tuple[str, ...] = ()


UNCHANGED = HeaderChange()


@dataclass(frozen=True, slots=True)
class Backend:
    """An origin that takes a share of a route's traffic."""

    key: str
    """Unique and stable: pools, limits, breakers and ejections are kept by it. A destination's key, with `|SUBSET`
    behind it where only a subset is meant."""
    upstream: Upstream
    host: str | None = None
    """Whose addresses are dialled where `upstream` lists no endpoints; None: the host that was asked for."""
    weight: int = 1
    request_headers: HeaderChange = UNCHANGED
    response_headers: HeaderChange = UNCHANGED


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that sends the workload elsewhere. What is None is as it was asked for."""

    status: int = 301
    scheme: str | None = None
    authority: str | None = None
    port: int | None = None
    port_of_scheme: bool = False
    """The port is left out, as the scheme's own."""
    path: str | None = None
    prefix: str | None = None
    """Stands in for the matched prefix of the path."""


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """An answer of the gate's own."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What the origin sees instead of what was asked for. At most one of `path`, `prefix` and `pattern`."""

    path: str | None = None
    prefix: str | None = None
    """Stands in for the matched prefix of the path."""
    pattern: str | None = None
    """RE2; what it finds is replaced by `substitution`, in which `\\1` is a group."""
    substitution: str = ""
    authority: str | None = None
    to_backend: bool = False
    """The authority is the host of the backend that was chosen."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Before retry n: anything up to `(2**n - 1) * base`, and `maximum` at most."""

    base: float = 0.025
    maximum: float = 0.25


class ResetFormat(StrEnum):
    """How a header says when to come again."""

    SECONDS = "seconds"
    UNIX = "unix"


@dataclass(frozen=True, slots=True)
class RateLimitedBackoff:
    """Waiting as an origin's answer asks for, by the first of these headers that it has."""

    headers: tuple[tuple[str, ResetFormat], ...]
    maximum: float = 300.0


class Events(frozenset[str]):
    """Names without an order, which are written in one all the same: a policy's generation is made of its text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Events({sorted(self)})"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request is sent again, before the first byte of an answer has gone to the workload."""

    retries: int
    on: Events = Events()  # noqa: RUF009 - immutable
    """Envoy's names: `5xx`, `gateway-error`, `reset`, `reset-before-request`, `connect-failure`, `refused-stream`,
    `retriable-4xx`, `envoy-ratelimited`, `retriable-status-codes`, `retriable-headers` and those of gRPC."""
    statuses: tuple[int, ...] = ()
    headers: tuple[NamedMatch, ...] = ()
    """Of an answer, of which one makes it worth another try (`retriable-headers`)."""
    methods: tuple[str, ...] = ()
    """The only ones that are retried; none given: all, if `any_method`, else the idempotent ones."""
    any_method: bool = False
    """Envoy's rule: what says nothing about methods is about all of them. What certainly reached no origin is sent
    again whatever the method."""
    per_try_timeout: float | None = None
    backoff: Backoff = Backoff()
    rate_limited: RateLimitedBackoff | None = None
    other_hosts: bool = True
    """Endpoints that have been tried are passed over."""
    host_selections: int = 5
    """How often an endpoint that has been tried is drawn before it is taken all the same."""


@dataclass(frozen=True, slots=True)
class Delay:
    seconds: float
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Abort:
    """Exactly one of `status` and `grpc_status` is given."""

    status: int | None = None
    grpc_status: int | None = None
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Of responses."""

    bytes_per_second: float
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Trouble on purpose. The delay comes first; each is drawn for itself."""

    delay: Delay | None = None
    abort: Abort | None = None
    bandwidth: Bandwidth | None = None
    caller: tuple[Condition, ...] = ()
    headers: tuple[NamedMatch, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of a request, whose answer nobody waits for."""

    backend: Backend
    percent: float = 100.0


class LimitScope(StrEnum):
    """Whose bucket it is."""

    PROCESS = "process"
    """The gate's: divided by its workers."""
    CONNECTION = "connection"
    """Each connection of a workload has its own."""
    GLOBAL = "global"
    """Of all gates that share a Redis."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Starts full; each `interval` adds `refill` tokens, `size` at most; each request takes one."""

    size: int
    refill: int
    interval: float


class LimitBy(StrEnum):
    """What gets a bucket of its own."""

    CALLER = "caller"
    SOURCE_IP = "source_ip"
    HEADER = "header"
    HOST = "host"
    METHOD = "method"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class LimitPart:
    by: LimitBy
    name: str = ""  # of a header, lower case


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often. Limits of one `key` share their buckets."""

    key: str
    bucket: Bucket
    scope: LimitScope = LimitScope.PROCESS
    by: tuple[LimitPart, ...] = ()
    """One bucket for each combination of values; a request that lacks one is not limited by it."""
    connections: bool = False
    """Counts connections and not requests."""
    caller: tuple[Condition, ...] = ()
    """Whose requests are counted; none given: everybody's."""
    headers: tuple[NamedMatch, ...] = ()
    enabled_percent: float = 100.0
    """Of requests that are counted."""
    enforced_percent: float = 100.0
    """Of requests beyond the limit that are refused."""
    status: int = 429
    response_headers: HeaderChange = UNCHANGED
    allow_on_failure: bool = False
    """A request passes where the shared state cannot be reached; else it is refused."""
    source: Source | None = None


class Unmatched(StrEnum):
    """What becomes of what no route takes."""

    NOT_FOUND = "NOT_FOUND"
    """404 and the flag NR (Istio); what is no HTTP is closed."""
    FORWARD = "FORWARD"
    """To the port's own upstream (Kuma)."""
    REFUSED = "REFUSED"
    """Denied as by an access rule (Linkerd)."""


@dataclass(frozen=True, slots=True)
class Route:
    """What is matched, and what becomes of it. At most one of `redirect`, `direct` and `backends` is given; none of
    them is the port's own upstream."""

    name: str = ""
    matches: tuple[RouteMatch, ...] = ()
    """Any of them; none given: everything."""
    backends: tuple[Backend, ...] = ()
    """Drawn by weight."""
    redirect: Redirect | None = None
    direct: DirectResponse | None = None
    missing: bool = False
    """It leads nowhere: what takes it is not found, whatever `Port.unmatched` says."""
    rewrite: Rewrite | None = None
    request_headers: HeaderChange = UNCHANGED
    response_headers: HeaderChange = UNCHANGED
    timeout: float | None = None
    """From the end of the request to the end of the response; None: unlimited."""
    idle_timeout: float | None = None
    """Without a byte in either direction of a stream."""
    maximum_duration: float | None = None
    """Of a stream, from its beginning."""
    retry: RetryPolicy | None = None
    connect_attempts: int = 1
    """Of raw TCP and tunnels."""
    faults: tuple[Fault, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    limits: tuple[RateLimit, ...] = ()
    source: Source | None = None
    extra: tuple[Source, ...] = field(default=())
    """Further documents that had a say in it, for `explain`."""
