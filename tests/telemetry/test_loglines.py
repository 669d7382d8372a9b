"""An access log tells the same calls as the gate that wrote it, and other lines in it are counted."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.model import Identity, ShadowVerdict, Traffic, Verdict
from outgate.telemetry.calls import Tally
from outgate.telemetry.loglines import Reading
from outgate.telemetry.native import render
from policy.building import destination
from telemetry.calls_building import KNOWN, MUTUAL, SIMPLE, denied, event, registered

EVENTS = [
    event(tls=SIMPLE),
    event(tls=SIMPLE, encrypted=True, protocol="HTTP/2.0"),
    event(tls=MUTUAL, status=503),
    event(failure="client_disconnected: it left"),
    event(kind="tls", failure="ConnectionResetError"),
    event(kind="tcp", port=22, caller=Identity(address="192.0.2.7")),
    event("other.example", decision=denied(), status=502),
    event(None, decision=denied(), address="192.0.2.5"),
    event(decision=registered(would=denied())),
    event(decision=registered(shadows=(ShadowVerdict(Verdict.DENY, KNOWN.source),))),
    event(decision=registered(shadows=(ShadowVerdict(Verdict.ALLOW, KNOWN.source),))),
    event(decision=replace(registered(), traffic=Traffic.INTERNAL, destination=destination("db.mesh", name="inside"))),
]


def test_a_log_tells_what_the_gate_does():
    reading, tally = Reading(), Tally()
    for each in EVENTS:
        tally.observe(each)
    told = reading.read([render(each) for each in EVENTS])
    assert reading.strange == 0
    assert told.edges == tally.calls().edges
    assert told.since == 100.0


def test_what_was_over_before_is_left_out():
    lines = [render(event(started=float(when), duration=5.0)) for when in (10, 20, 30)]
    assert Reading(since=25.0).read(lines).edges[0].requests == 2


LINE = {"time": "2026-01-31T12:00:00+00:00", "kind": "http", "verdict": "allow", "code": "registered"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"gate 1 is ready\n",
        b'{"time": "2026-01-31T12:0',
        b"[]",
        b"7",
        b"\xff",
        *(
            json.dumps(LINE | {name: value}).encode()
            for name, value in [
                ("time", "soon"),
                ("time", 7),
                ("verdict", "maybe"),
                ("status", "200"),
                ("sent", -1),
                ("sent", 10**400),
                ("port", True),
                ("duration_ms", 1e300),
                ("host", ["a"]),
                ("kind", None),
            ]
        ),
    ],
)
def test_another_line_is_none_and_is_counted(line):
    reading = Reading()
    told = reading.read([line, json.dumps(LINE).encode()])
    assert reading.strange == bool(line)
    assert [edge.requests for edge in told.edges] == [1]


@given(
    st.dictionaries(st.sampled_from([*LINE, "host", "port", "sent", "would"]), st.text() | st.integers() | st.none())
)
def test_no_line_raises(told):
    Reading().read([json.dumps(LINE | told).encode("utf-8", "surrogatepass")])
