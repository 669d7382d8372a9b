"""Istio's line of a request that went well, written out.

Owns nothing but speed: `defaults.ISTIO` says what is in the line, and renders it wherever anything is unusual, from an
error to a quotation mark. Each of its operators is asked by itself there, which takes twice as long; a test holds that
both say the same.
"""

from __future__ import annotations

from outgate.telemetry import defaults, formats, timeline
from outgate.telemetry.event import Event
from outgate.telemetry.formats import UNSET, Text
from outgate.telemetry.operators import outcome
from outgate.telemetry.showing import Showing
from outgate.telemetry.stamps import iso
from outgate.telemetry.text import MAX_VALUE, is_plain, place


def renderer(showing: Showing) -> Text:
    """Renders lines in Istio's format, without their end."""
    whole = formats.text(defaults.ISTIO, showing)

    def render(event: Event) -> str:
        return (_went_well(event) and _line(event, showing)) or whole(event)

    return render


def _went_well(event: Event) -> bool:
    """Whether an origin has answered a request, and nothing is to be said of errors."""
    answered = event.kind == "http" and event.verdict == "allow" and event.status > 0 and bool(event.reached)
    return answered and not (event.failure or event.error_type or event.flags)


def _line(event: Event, showing: Showing) -> str:
    """Empty where it is not as easy as that."""
    last, caller, service = event.reached[-1], event.caller, timeline.service_time(event)
    fields = {name.lower(): value for name, value in reversed(event.request_fields)}  # the first of a name counts
    host = fields.get(b"host")
    if service is None or not host or b":authority" in fields:
        return ""

    def header(name: str, key: bytes) -> str:
        return showing.header(event, name, fields[key]) if key in fields else ""

    texts = (
        event.method or UNSET,
        showing.path(event) or UNSET,
        outcome.http_version(event.protocol) or UNSET,
        header("x-forwarded-for", b"x-forwarded-for") or UNSET,
        header("user-agent", b"user-agent") or UNSET,
        header("x-request-id", b"x-request-id") or event.request_id or UNSET,
        host.decode("utf-8", "surrogateescape").rpartition("@")[2] or UNSET,
        outcome.cluster(event) or UNSET,
        "_".join(event.sni.split()) or UNSET,
        outcome.route(event) or UNSET,
    )
    joined = "".join(texts)
    if len(joined) > MAX_VALUE or not is_plain(joined):
        return ""
    method, path, protocol, forwarded, agent, identifier, authority, cluster, sni, route = texts
    original = (event.address, event.port) if event.address else event.listener
    return (
        f'[{iso(event.started)}] "{method} {path} {protocol}" {event.status} - via_upstream - "-" '
        f"{event.sent} {event.received} {int(event.duration * 1000 + 1e-6)} {round(service * 1000)} "
        f'"{forwarded}" "{agent}" "{identifier}" "{authority}" "{place(last.address) or UNSET}" '
        f"{cluster} {place(last.local) or UNSET} {place(original) or UNSET} "
        f"{place((caller.address, event.caller_port)) if caller.address else UNSET} {sni} {route}"
    )
