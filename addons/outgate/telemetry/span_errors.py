"""What is an error on a span, and which attempts are kept for it: the rules of OpenTelemetry's HTTP conventions.

Owns these rules alone. Metrics name errors by them, too.
"""

from __future__ import annotations

from outgate.telemetry.event import Event, Reached

DENIED = "outgate_denied"
"""The `error.type` of what the gate refused."""
GONE = "DC"
"""Envoy's flag for a workload that left before the end: nobody's error."""


def left(event: Event) -> bool:
    """The workload went away before the end."""
    return bool(event.flags) and GONE in event.flags.split(",")


def server_error(event: Event) -> str:
    """The `error.type` of what the workload was told."""
    if event.verdict == "deny":
        return event.error_type or DENIED
    if left(event):
        return ""
    if event.error_type and not (event.error_type == str(event.status) and event.status < 500):
        return event.error_type
    return str(event.status) if event.status >= 500 else ""


def failed_at_server(event: Event) -> bool:
    """A status below 500 is an answer and no error, also where it is a denial's."""
    if event.verdict == "deny":
        return event.status >= 500 or not event.status
    return bool(server_error(event))


def client_error(event: Event, reached: Reached, last: bool) -> str:
    """The `error.type` of what an origin was asked: every answer from 400 on is one."""
    if reached.error_type:
        return reached.error_type
    if not last or left(event) or event.verdict == "deny":
        return ""
    if event.failure:
        return event.error_type
    return str(event.status) if event.status >= 400 else ""


def answered(event: Event, reached: Reached, last: bool) -> int:
    """The status that came from an origin; 0 where there was none, or the gate answered in its place."""
    if reached.error_type.isdecimal() and len(reached.error_type) == 3:
        return int(reached.error_type)
    if reached.error_type and reached.phases.first_byte is None:
        return 0
    if not last or event.verdict == "deny" or (event.failure and event.status >= 500):
        return 0
    return event.status


def noteworthy(event: Event) -> bool:
    """Kept whatever the head of the trace says: what was denied, and what went wrong."""
    wrong = bool(event.error_type or event.failure) and not left(event)
    return wrong or event.verdict == "deny" or event.status >= 500
