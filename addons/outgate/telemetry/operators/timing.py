"""Operators about when things were and how long they took.

Owns the operators; what is known of an attempt's course is `timeline`'s.
"""

from __future__ import annotations

import difflib
import time

from outgate.telemetry import timeline
from outgate.telemetry.event import Event
from outgate.telemetry.operators.kinds import Operator, Read, Value, needed, plain
from outgate.telemetry.showing import Showing
from outgate.telemetry.stamps import writer
from outgate.telemetry.timeline import At

SCALES = {"ms": 1e3, "us": 1e6, "ns": 1e9}


def _start_time(argument: str | None, showing: Showing) -> Read:
    write = writer(argument or "")
    return lambda event: write(event.started)


def _emit_time(argument: str | None, showing: Showing) -> Read:
    write = writer(argument or "")
    return lambda event: write(time.time())


def _since_start(at: At) -> Read:
    return lambda event: _scaled(0.0, at(event), 1e3)


def _transmission(event: Event) -> Value:
    return _scaled(timeline.answering(event), event.duration, 1e3)


def _scaled(begin: float | None, end: float | None, scale: float) -> Value:
    # A clock's step below a whole number is no shorter time.
    return None if begin is None or end is None else int((end - begin) * scale + 1e-6)


def _common(argument: str | None, showing: Showing) -> Read:
    parts = needed(argument, "START:END:ms").split(":")
    if len(parts) != 3:
        raise ValueError(f'does not take "{argument}"; write START:END:ms')
    begin, end = (_point(name) for name in parts[:2])
    if (scale := SCALES.get(parts[2])) is None:
        raise ValueError(f'knows no precision "{parts[2]}"; write {", ".join(SCALES)}')
    return lambda event: _scaled(begin(event), end(event), scale)


def _point(name: str) -> At:
    if (point := timeline.POINTS.get(name)) is None:
        close = difflib.get_close_matches(name, timeline.POINTS, 1)
        raise ValueError(f'knows no time "{name}"; write {close[0] if close else ", ".join(timeline.POINTS)}')
    return point


_FORMAT = "a format of strftime, with %s, %f, %1f to %9f"

OPERATORS = {
    "START_TIME": Operator("when it began, UTC", _start_time, takes=_FORMAT),
    "EMIT_TIME": Operator("when the line was written, UTC", _emit_time, takes=_FORMAT),
    "DURATION": plain("milliseconds from the first byte to the last", _since_start(lambda event: event.duration)),
    "REQUEST_DURATION": plain(
        "milliseconds to the last byte of the request", _since_start(lambda event: event.request_end)
    ),
    "REQUEST_TX_DURATION": plain("milliseconds until the request had left", _since_start(timeline.sent)),
    "RESPONSE_DURATION": plain("milliseconds to the first byte of the answer", _since_start(timeline.answering)),
    "RESPONSE_TX_DURATION": plain("milliseconds from the answer's first byte to its last", _transmission),
    "COMMON_DURATION": Operator("the time between two points", _common, takes="START:END:ms, us or ns"),
}
