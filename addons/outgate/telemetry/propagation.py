"""The context of a trace in the headers of a request: what a workload sends, and what origins are told.

Owns W3C Trace Context and B3 in both forms. Reads fields as they were received and returns what is to change; edits
nothing. What cannot be read is nobody's: the trace begins anew, for a workload must not be able to do harm with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from outgate.telemetry.event import Fields, Trace


class Propagation(StrEnum):
    """What an origin is told of the trace."""

    NONE = "none"
    """Nothing, in no form that is known."""
    W3C = "w3c"
    B3 = "b3"
    """In one header."""
    B3MULTI = "b3multi"
    PASSTHROUGH = "passthrough"
    """What the workload wrote, untouched, and nothing more."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a workload said. `trace_id` 0: no trace, but perhaps whether one is to be kept."""

    trace_id: int = 0
    parent_id: int = 0
    sampled: bool | None = None
    """None: left to whoever comes next."""
    state: str = ""


class Removal(dict[bytes, bool]):
    """Whether a header goes, by its name as it is written. `names` and beginnings of names are in lower case."""

    def __init__(self, names: frozenset[bytes], prefixes: tuple[bytes, ...] = ()) -> None:
        self._names, self._prefixes = names, prefixes

    def __missing__(self, name: bytes) -> bool:
        """Found out once: most names come with every request."""
        lower = name.lower()
        goes = lower in self._names or lower.startswith(self._prefixes)
        if len(name) <= LONGEST_NAME:
            if len(self) >= MOST_NAMES:
                self.clear()
            self[name] = goes
        return goes


class Changes(NamedTuple):
    """Headers to set, each in place of every one of its name, and which are to go."""

    set: Fields = ()
    remove: Removal | None = None

    def apply(self, fields: Fields) -> Fields:
        """The fields of the request as it leaves."""
        remove = self.remove
        if remove is None:
            return fields
        return (*[field for field in fields if not remove[field[0]]], *self.set)


TRACEPARENT = re.compile(rb"[ \t]*([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?[ \t]*")
MEMBER = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
MOST_MEMBERS, LONGEST_STATE = 32, 1024
B3 = re.compile(rb"([0-9a-fA-F]{16}|[0-9a-fA-F]{32})-([0-9a-fA-F]{16})(?:-([01d]))?(?:-[0-9a-fA-F]{16})?")
B3_TRACE, B3_SPAN = re.compile(rb"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}"), re.compile(rb"[0-9a-fA-F]{16}")
B3_SAMPLED = {b"0": False, b"1": True, b"d": True, b"true": True, b"false": False}

W3C_NAMES = frozenset({b"traceparent", b"tracestate", b"baggage"})
B3_NAMES = frozenset({b"b3", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid", b"x-b3-sampled", b"x-b3-flags"})
READ = W3C_NAMES | B3_NAMES
OTHERS = frozenset(
    b"uber-trace-id jaeger-baggage x-ot-span-context grpc-trace-bin x-cloud-trace-context x-amzn-trace-id "
    b"x-datadog-trace-id x-datadog-parent-id x-datadog-sampling-priority x-datadog-origin x-datadog-tags "
    b"sw8 sw8-correlation elastic-apm-traceparent x-client-trace-id".split()
)
BAGGAGE = (b"uberctx-", b"ot-baggage-", b"baggage-")
"""Beginnings of names under which older tracers pass on whatever an application likes."""

MOST_NAMES, LONGEST_NAME = 512, 64
"""Names of headers of which it is kept whether they go, and bytes of such a one."""
PRIVATE = frozenset({b"tracestate", b"baggage", b"jaeger-baggage"})
OUTSIDE, INSIDE = Removal(READ | PRIVATE, BAGGAGE), Removal(READ - {b"baggage"})
STATEFUL = Removal(READ - {b"baggage", b"tracestate"})
"""Inside, where the state of a trace goes on, too."""
NOTHING = Changes()
SILENT = Changes(remove=Removal(READ | OTHERS, (*BAGGAGE, b"ot-tracer-")))
UNTRACED = Changes(remove=Removal(PRIVATE, BAGGAGE))


def extract(fields: Fields) -> Context:
    """What these fields say. W3C counts before B3; what is malformed, or said twice, counts for nothing."""
    found: dict[bytes, bytes | None] = {}
    states: list[bytes] = []
    for name, value in fields:
        if len(name) > 17 or (lower := name.lower()) not in READ:
            continue
        if lower == b"tracestate":
            states.append(value)
        else:
            found[lower] = None if lower in found else value
    if not found:
        return NOBODY
    return _w3c(found.get(b"traceparent"), states) or _b3(found) or NOBODY


def changes(trace: Trace | None, mode: Propagation, internal: bool = False) -> Changes:
    """What a request to an origin has to carry. `internal`: of the same mesh, where state and baggage may go on.

    Without a trace nobody takes part in it here, and what the workload named stays, but for what origins outside are
    not to know.
    """
    if mode is Propagation.PASSTHROUGH:
        return NOTHING
    if mode is Propagation.NONE:
        return SILENT
    if trace is None:
        return NOTHING if internal else UNTRACED
    if internal:
        return Changes(_written(trace, mode), STATEFUL if mode is Propagation.W3C and trace.state else INSIDE)
    return Changes(_written(trace, mode), OUTSIDE)


NOBODY = Context()


def _w3c(value: bytes | None, states: list[bytes]) -> Context | None:
    match = TRACEPARENT.fullmatch(value) if value is not None and len(value) <= 512 else None
    if match is None or match[1] == b"ff" or (match[1] == b"00" and match[5] is not None):
        return None
    trace_id, parent_id = int(match[2], 16), int(match[3], 16)
    if not (trace_id and parent_id):
        return None
    return Context(trace_id, parent_id, bool(int(match[4], 16) & 1), _state(states) if states else "")


def _state(values: list[bytes]) -> str:
    """The tracestate, where all of it is well-formed."""
    try:
        members = [part.strip(" \t") for part in b",".join(values).decode("ascii").split(",")]
    except UnicodeDecodeError:
        return ""
    members = [part for part in members if part]
    text = ",".join(members)
    names = {part.partition("=")[0] for part in members}
    sound = len(members) == len(names) <= MOST_MEMBERS and len(text) <= LONGEST_STATE
    return text if sound and all(map(MEMBER.fullmatch, members)) else ""


def _b3(found: dict[bytes, bytes | None]) -> Context | None:
    single = found.get(b"b3")
    if single is not None:
        single = single.strip(b" \t")
        if single in B3_SAMPLED:
            return Context(sampled=B3_SAMPLED[single])
        if match := B3.fullmatch(single):
            return _b3_context(match[1], match[2], B3_SAMPLED.get(match[3]) if match[3] else None)
    sampled = B3_SAMPLED.get((found.get(b"x-b3-sampled") or b"").strip(b" \t").lower())
    if (found.get(b"x-b3-flags") or b"").strip(b" \t") == b"1":
        sampled = True
    trace, span = ((found.get(name) or b"").strip(b" \t") for name in (b"x-b3-traceid", b"x-b3-spanid"))
    if B3_TRACE.fullmatch(trace) and B3_SPAN.fullmatch(span):
        return _b3_context(trace, span, sampled)
    return Context(sampled=sampled)


def _b3_context(trace: bytes, span: bytes, sampled: bool | None) -> Context | None:
    trace_id, parent_id = int(trace, 16), int(span, 16)
    return Context(trace_id, parent_id, sampled) if trace_id and parent_id else Context(sampled=sampled)


def w3c(trace_id: int, span_id: int, sampled: bool) -> Fields:
    """The gate's own context, for the span of the attempt that is under way."""
    return ((b"traceparent", b"00-%032x-%016x-%02x" % (trace_id, span_id, sampled)),)


def _written(trace: Trace, mode: Propagation) -> Fields:
    """The same in any form."""
    if mode is Propagation.W3C and trace.told:
        return trace.told
    span_id, kept = trace.client_ids[-1] if trace.client_ids else trace.server_id, int(trace.sampled)
    if mode is Propagation.W3C:
        return w3c(trace.trace_id, span_id, trace.sampled)
    if mode is Propagation.B3:
        return ((b"b3", b"%032x-%016x-%d" % (trace.trace_id, span_id, kept)),)
    return (
        (b"x-b3-traceid", b"%032x" % trace.trace_id),
        (b"x-b3-spanid", b"%016x" % span_id),
        (b"x-b3-sampled", b"%d" % kept),
    )
