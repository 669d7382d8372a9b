"""When what happened within an attempt, in seconds from its start.

Owns how the phases of an event become Envoy's points in time. None: it did not come to that, or is not known.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.telemetry.event import UNTIMED, Event, Phases

type At = Callable[[Event], float | None]


def _phases(event: Event) -> Phases:
    return event.reached[-1].phases if event.reached else UNTIMED


def _after(event: Event, *names: str) -> float | None:
    """The end of the last of some phases that follow each other; None where it did not take place."""
    phases = _phases(event)
    if getattr(phases, names[-1]) is None or (event.last is not None and event.last.failed_in == names[-1]):
        return None
    total: float = sum(getattr(phases, name) or 0.0 for name in ("queue", *names))
    return total


def connecting(event: Event) -> float | None:
    phases = _phases(event)
    return None if phases.connect is None else (phases.queue or 0.0) + (phases.resolve or 0.0)


def connected(event: Event) -> float | None:
    return _after(event, "resolve", "connect")


def secured(event: Event) -> float | None:
    return _after(event, "resolve", "connect", "tls")


def sending(event: Event) -> float | None:
    """The request begins to leave: there is a connection."""
    if event.kind != "http" or not event.reached or event.reached[-1].local is None:
        return None
    phases = event.reached[-1].phases
    return (phases.queue or 0.0) + (phases.resolve or 0.0) + (phases.connect or 0.0) + (phases.tls or 0.0)


def sent(event: Event) -> float | None:
    """The last byte of the request has left: it is passed on as it comes, but no sooner than there is a connection."""
    begun, ended = sending(event), event.request_end
    return None if begun is None or ended is None else max(begun, ended)


def answering(event: Event) -> float | None:
    return _phases(event).first_byte


def answered(event: Event) -> float | None:
    """The last byte has come from the origin."""
    last = event.last
    if last is None or answering(event) is None:
        return None
    return max(0.0, last.ended - event.started) if last.ended else event.duration


def replying(event: Event) -> float | None:
    """The first byte leaves for the workload; a denial is answered at once."""
    if event.kind != "http" or not event.status:
        return None
    begun = answering(event)
    return event.duration if begun is None else begun


def service_time(event: Event) -> float | None:
    """From when the request could be sent to the beginning of the answer."""
    begun, answer = sending(event), answering(event)
    return None if begun is None or answer is None else max(0.0, answer - begun)


def _start(event: Event) -> float:
    return 0.0


def _end(event: Event) -> float:
    return event.duration


POINTS: dict[str, At] = {
    "DS_CX_BEG": _start,
    "DS_CX_END": _end,
    "DS_RX_BEG": _start,
    "DS_RX_END": lambda event: event.request_end,
    "US_CX_BEG": connecting,
    "US_CX_END": connected,
    "US_HS_END": secured,
    "US_TX_BEG": sending,
    "US_TX_END": sent,
    "US_RX_BEG": answering,
    "US_RX_END": answered,
    "DS_TX_BEG": replying,
    "DS_TX_END": _end,
}
"""By the names that Envoy gives them."""
