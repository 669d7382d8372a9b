"""Operators about how it ended, and about the gate's own facts.

Owns what stands for Envoy's details, routes and clusters: the code of the decision, the destination, and Istio's names
for what is not registered.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from outgate.policy.model import Traffic
from outgate.telemetry import flags, native
from outgate.telemetry.event import Event
from outgate.telemetry.operators.kinds import Operator, Read, Value, choosing, needed, plain
from outgate.telemetry.showing import Showing, find
from outgate.telemetry.urls import Redaction

GRPC = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
CAMEL = {"OK": "OK", "CANCELLED": "Canceled"}
"""Those that are not spelt by the rule."""
OUTGATE, ADDONS = "outgate", "outgate.addons"


def details(event: Event) -> str | None:
    """Who answered, and why: `via_upstream`, or the code of a denial or failure."""
    if event.verdict == "deny":
        return event.code
    if event.failure or event.error_type:
        return event.error_type or event.failure.partition(":")[0]
    return "via_upstream" if event.kind == "http" and event.status else None


def _no_whitespace(event: Event) -> Value:
    text = details(event)
    return "_".join(text.split()) if text else None


def termination(event: Event) -> str | None:
    """Why the gate ended a connection that is no request, or that never became one."""
    return details(event) if event.kind != "http" else None


def transport_failure(event: Event) -> str | None:
    """What TLS towards the origin failed at."""
    failed = event.error_type.startswith("tls") or event.failure.startswith(("tls_failed", "identity_failed"))
    return (event.failure or event.error_type) if failed else None


def cluster(event: Event) -> str | None:
    """As Istio names it."""
    decision = event.decision
    if event.verdict == "deny" or decision is None or decision.traffic is Traffic.BLACKHOLE:
        return "BlackHoleCluster"
    if decision.destination is None:
        return "PassthroughCluster"
    host = event.named or decision.destination.name
    return f"outbound|{event.attempt.port if event.attempt is not None else event.port}||{host}"


def route(event: Event) -> str | None:
    """The destination; for what is not registered, Istio's names of its routes."""
    if event.decision is not None and event.decision.destination is not None:
        return "_".join(event.decision.destination.key.split())
    return "block_all" if event.verdict == "deny" else "allow_any"


def _flags(event: Event) -> Value:
    return (",".join(flags.names(event.flags)) or None) if event.flags else None


def grpc_status(event: Event) -> int | None:
    value = find(event.trailer_fields, b"grpc-status") or find(event.response_fields, b"grpc-status")
    return int(value) if value is not None and value.isdigit() and len(value) < 4 else None


def _grpc(name: Callable[[str], str]) -> Read:
    def read(event: Event) -> Value:
        number = grpc_status(event)
        return None if number is None else name(GRPC[number]) if number < len(GRPC) else str(number)

    return read


def _camel(name: str) -> str:
    return CAMEL.get(name) or "".join(part.capitalize() for part in name.split("_"))


def _metadata(argument: str | None, showing: Showing) -> Read:
    space, mark, key = needed(argument, f"{OUTGATE}, and after a colon one of its facts,").partition(":")
    if space not in (OUTGATE, ADDONS):
        raise ValueError(f'knows no namespace "{space}"; write {OUTGATE} or {ADDONS}')
    if space == OUTGATE and mark and key not in native.NAMES:
        raise ValueError(f'knows no fact "{key}"; write one of {", ".join(native.NAMES)}')
    facts = partial(native.line if space == OUTGATE else _extra, redaction=showing.redaction)
    if not mark:
        return lambda event: facts(event) or None

    def read(event: Event) -> Value:
        value = facts(event).get(key)
        return value if isinstance(value, str | int | float) else None

    return read


def _extra(event: Event, redaction: Redaction) -> dict[str, object]:
    """What addons say, as spans show it."""
    return {name: redaction.value(name, text) for name, text in event.extra.items()}


OPERATORS = {
    "RESPONSE_CODE": plain("the status; 0 where no answer began", lambda event: event.status),
    "RESPONSE_CODE_DETAILS": choosing(
        "who answered and why: `via_upstream`, or the code of a denial or failure",
        {"NO_WHITESPACES": _no_whitespace, "ALLOW_WHITESPACES": details},
    ),
    "RESPONSE_FLAGS": plain("Envoy's flags", _flags),
    "RESPONSE_FLAGS_LONG": plain("the same in words", lambda event: flags.long(event.flags) or None),
    "CONNECTION_TERMINATION_DETAILS": plain("why a connection was ended", termination),
    "UPSTREAM_TRANSPORT_FAILURE_REASON": plain("what TLS to the origin failed at", transport_failure),
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON": plain(
        "what TLS with the workload failed at",
        lambda event: (event.help or event.reason) if event.code == "client_tls_failed" else None,
    ),
    "DOWNSTREAM_LOCAL_CLOSE_REASON": plain(
        "why the gate closed the workload's connection",
        lambda event: event.code if event.kind != "http" and event.verdict == "deny" else None,
    ),
    "UPSTREAM_LOCAL_CLOSE_REASON": plain("why the gate closed the origin's connection", transport_failure),
    "UPSTREAM_CLUSTER": plain("as Istio names it", cluster),
    "UPSTREAM_CLUSTER_RAW": plain("the same", cluster),
    "ROUTE_NAME": plain("the destination's key", route),
    "PROTOCOL": plain("what the workload spoke", lambda event: http_version(event.protocol)),
    "UPSTREAM_PROTOCOL": plain(
        "what the origin spoke", lambda event: http_version(event.last.protocol) if event.last is not None else None
    ),
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": plain("how often it was tried", lambda event: len(event.reached)),
    "GRPC_STATUS": choosing(
        "the status of gRPC",
        {"CAMEL_STRING": _grpc(_camel), "SNAKE_STRING": _grpc(str), "NUMBER": grpc_status},
    ),
    "GRPC_STATUS_NUMBER": plain("the same as a number", grpc_status),
    "LOCAL_REPLY_BODY": plain(
        "why the gate answered itself",
        lambda event: event.reason if event.verdict == "deny" else event.failure or None,
    ),
    "DYNAMIC_METADATA": Operator(
        f"facts of the gate's own line (`{OUTGATE}`), or what addons say (`{ADDONS}`)",
        _metadata,
        takes="NAMESPACE:KEY",
        cut=True,
    ),
    "CUSTOM_FLAGS": plain("what addons say, by name", lambda event: ",".join(event.extra) or None),
    "ACCESS_LOG_TYPE": plain(
        "when the line is written", lambda event: "DownstreamEnd" if event.kind == "http" else "TcpConnectionEnd"
    ),
    "TRACE_ID": plain("of the trace", lambda event: f"{event.trace.trace_id:032x}" if event.trace else None),
    "SPAN_ID": plain("of the workload's span", lambda event: f"{event.trace.server_id:016x}" if event.trace else None),
    "STREAM_ID": plain(
        "of the request, or of the connection", lambda event: event.request_id or str(event.connection_id or "") or None
    ),
    "CONNECTION_ID": plain("of the workload's connection", lambda event: event.connection_id or None),
    "UPSTREAM_CONNECTION_ID": plain(
        "of the origin's connection", lambda event: (event.last.connection_id if event.last is not None else 0) or None
    ),
    "UPSTREAM_CONNECTION_IDS_ATTEMPTED": plain(
        "of every connection that was tried",
        lambda event: ",".join(str(one.connection_id) for one in event.reached if one.connection_id) or None,
    ),
    "UNIQUE_ID": plain("a random identifier", lambda event: str(uuid.uuid4())),
}


def http_version(protocol: str) -> str | None:
    """As Envoy writes it: `HTTP/2`."""
    return "HTTP/2" if protocol == "HTTP/2.0" else protocol or None
