"""What is known of one attempt when it is over, for every output: access log, metrics, spans.

Owns the shape alone. Whoever served the attempt fills it in once; outputs read it and never change it. What of it may
be shown, and how, is each output's: values here are as they were received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from outgate.policy.model import Attempt, Decision, Endpoint, Identity
from outgate.policy.telemetry_model import TraceRule

type Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """One side's TLS."""

    version: str = ""
    """`TLSv1.2` or `TLSv1.3`."""
    cipher: str = ""
    alpn: str = ""
    sni: str = ""
    resumed: bool = False
    mutual: bool = False
    """The client showed a certificate."""
    peer: bytes = b""
    """The other side's certificate, DER; empty where it showed none."""


class Phases(NamedTuple):
    """Seconds; None for what did not take place. A reused connection has none of the middle ones."""

    queue: float | None = None
    """From the head of the request to the beginning of the dial, or of the wait for a connection."""
    resolve: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    """From the start to the first byte of the answer."""


UNTIMED = Phases()


@dataclass(slots=True)
class Reached:
    """A connection to an origin that served, or was to serve, an attempt. Not frozen, for it is made in every request,
    and that takes five times as long; nobody changes it."""

    address: tuple[str, int] | None
    """Address and port that were connected to; None where it never came to that."""
    local: tuple[str, int] | None = None
    """The gate's own; None where there came to be no connection, or one that nothing could be sent on."""
    tls: Tls | None = None
    protocol: str = ""
    """As HTTP names it: `HTTP/1.1`, `HTTP/2.0`."""
    reused: bool = False
    endpoint: Endpoint | None = None
    """Of those that the policy names, the one that was chosen."""
    phases: Phases = UNTIMED
    error_type: str = ""
    """Low in number: `connection_refused`, `connect_timeout`, `host_not_found`, `tls_certificate_verify` and such."""
    started: float = 0.0
    """Seconds since the epoch."""
    ended: float = 0.0
    connection_id: int = 0
    """In this process; 0 where there was no connection."""

    @property
    def failed_in(self) -> str:
        """The phase that a dial ended in: `resolve`, `connect` or `tls`; empty where there came to be a connection."""
        if self.local is not None or not self.error_type:
            return ""
        return next((name for name in ("tls", "connect", "resolve") if getattr(self.phases, name) is not None), "")


@dataclass(slots=True)
class Trace:
    """Where in a trace an attempt stands. Identifiers are integers, as OpenTelemetry has them. Not frozen, as
    `Reached`."""

    trace_id: int
    server_id: int
    """Of the span for what the workload asked."""
    client_ids: tuple[int, ...] = ()
    """Of the spans for what was asked of origins, one each time; the last one's was told to the origin."""
    parent_id: int = 0
    """Of the workload's own span; 0 where it named none."""
    sampled: bool = True
    """By the head of the trace. What is denied or fails is kept all the same."""
    state: str = ""
    """The tracestate that came with it."""
    rule: TraceRule | None = None
    """What documents say about the caller's traces."""
    told: Fields = ()
    """The headers of W3C that say so, where they were written beforehand."""


@dataclass(slots=True)
class Event:
    """An attempt that is over."""

    kind: str
    """`http`, `tls` for a tunnel, `tcp`, or `connection` for what never became an attempt."""
    started: float
    """Seconds since the epoch."""
    duration: float
    """Seconds, from the first byte of the head to the last of the answer, or of the connection."""
    verdict: str
    """`allow` or `deny`, as it came out in the end: an addon may deny what the policy allows."""
    code: str
    """Of `policy.model.Code`, or an addon's own."""
    reason: str
    caller: Identity
    caller_port: int = 0
    attempt: Attempt | None = None
    decision: Decision | None = None
    generation: str = ""
    port: int = 0
    """The port that was asked for, also where there is no attempt."""
    address: str = ""
    """The address the workload dialled."""
    sni: str = ""
    encrypted: bool = False
    """HTTP inside TLS that the gate decrypted."""
    method: str = ""
    path: str = ""
    """Path and query as sent: outputs redact the query by `telemetry.urls`."""
    protocol: str = ""
    """What the workload spoke: `HTTP/1.1`, `HTTP/2.0`; empty without HTTP."""
    request_fields: Fields = ()
    response_fields: Fields = ()
    trailer_fields: Fields = ()
    status: int = 0
    """0: no answer began."""
    sent: int = 0
    """Bytes of body from the workload; on a relay, all bytes."""
    received: int = 0
    sent_messages: int = 0
    """Of gRPC, from the workload."""
    received_messages: int = 0
    flags: str = ""
    """Envoy's response flags, comma-separated."""
    failure: str = ""
    """Why an allowed attempt was not carried out."""
    error_type: str = ""
    """Low in number; empty where all went well."""
    downstream_tls: Tls | None = None
    reached: tuple[Reached, ...] = ()
    """One for each time it was tried, the last one last; none where it was denied."""
    trace: Trace | None = None
    name: str = ""
    """The name that was asked for where there is no attempt."""
    request_id: str = ""
    """The gate's own, where some output shows it."""
    connection_id: int = 0
    """In this process."""
    help: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    """What addons have to say, by name."""
    listener: tuple[str, int] | None = None
    """Address and port at which the gate took the connection."""
    request_end: float | None = None
    """Seconds from the start to the last byte of the request; None where it did not come to that."""
    ja3: str = ""
    """Of the workload's hello, where some output shows it; so is `ja4`."""
    ja4: str = ""

    @property
    def host(self) -> str:
        """The verified name, or the one asked for where nothing was verified; empty where none was named."""
        return (self.attempt.host or "") if self.attempt is not None else self.name

    @property
    def named(self) -> str:
        """The same; for bytes that name nobody, the one host of the destination that they belong to."""
        host, decision = self.host, self.decision
        if host or self.attempt is None or decision is None or decision.destination is None:
            return host
        hosts = decision.destination.hosts
        return hosts[0] if len(hosts) == 1 and "*" not in hosts[0] else ""

    @property
    def region(self) -> str:
        """Of the destination; empty where none says so."""
        known = self.decision.destination if self.decision is not None else None
        return known.region if known is not None else ""

    @property
    def endpoint_labels(self) -> tuple[tuple[str, str], ...]:
        """Of the place, among those that the policy names, that was chosen."""
        endpoint = self.reached[-1].endpoint if self.reached else None
        return endpoint.labels if endpoint is not None else ()

    @property
    def last(self) -> Reached | None:
        """The connection that the answer came from, or that failed last."""
        return self.reached[-1] if self.reached else None
