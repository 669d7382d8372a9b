"""What is found out once for attempts that are alike is what would be found out for each."""

from dataclasses import fields, replace
from itertools import count

import pytest

from outgate.policy.model import Endpoint, Source, Traffic, Upstream
from outgate.policy.telemetry_model import CustomTag, TagKind, TraceRule
from outgate.problems import Where
from outgate.telemetry.event import Event, Phases
from outgate.telemetry.spans import KEPT, Drawing, Shape
from telemetry.happenings import ALLOWED, API, CALLER, DENIED, PORT, REACHED, TRACE, request

USUAL = request()
OTHER = Source(Where("policy/20.yaml", 1, 1), "ServiceEntry", "other", "default")
TAGGED = TraceRule(tags=(CustomTag("team", TagKind.HEADER, "x-team"),))
CHANGED = {
    "kind": [{"kind": "tls"}],
    "started": [{"started": 5.0}],
    "duration": [{"duration": 9.0}],
    "verdict": [{"verdict": "deny", "decision": DENIED}],
    "code": [{"code": "addon_said"}],
    "reason": [{"reason": "another"}, {"reason": ""}],
    "caller": [
        {"caller": replace(CALLER, **{name: "other"})}
        for name in ("namespace", "service_account", "principal", "address")
    ],
    "caller_port": [{"caller_port": 1}],
    "attempt": [{"attempt": replace(USUAL.attempt, host="other.example")}, {"attempt": None}],
    "decision": [
        {"decision": None},
        {"decision": replace(ALLOWED, source=OTHER)},
        {"decision": replace(ALLOWED, traffic=Traffic.INTERNAL)},
        {"decision": replace(ALLOWED, destination=replace(API, key="other"))},
        {"decision": replace(ALLOWED, port=replace(PORT, upstream=Upstream(8443)))},
        {"decision": replace(ALLOWED, would=DENIED)},
    ],
    "generation": [{"generation": "g8"}],
    "port": [{"port": 8443}],
    "address": [{"address": "203.0.113.9"}],
    "sni": [{"sni": "other.example"}, {"sni": "other.example", "attempt": None}],
    "encrypted": [{"encrypted": False}],
    "method": [{"method": "POST"}, {"method": "BREW"}],
    "path": [{"path": "/other"}],
    "protocol": [{"protocol": "HTTP/1.1"}],
    "request_fields": [{"request_fields": ()}, {"request_fields": ((b"user-agent", b"other"),)}],
    "status": [{"status": 204}, {"status": 404}, {"status": 500}, {"status": 0}],
    "sent": [{"sent": 9}],
    "received": [{"received": 9}],
    "flags": [{"flags": "UF"}, {"flags": "DC"}],
    "failure": [{"failure": "timeout: no answer"}],
    "error_type": [{"error_type": "timeout"}],
    "reached": [
        {"reached": ()},
        {"reached": (REACHED, REACHED)},
        {"reached": (replace(REACHED, address=("203.0.113.6", 443)),)},
        {"reached": (replace(REACHED, address=None),)},
        {"reached": (replace(REACHED, tls=None),)},
        {"reached": (replace(REACHED, protocol="HTTP/2.0"),)},
        {"reached": (replace(REACHED, reused=True, phases=Phases(0.5, first_byte=0.6)),)},
        {"reached": (replace(REACHED, endpoint=Endpoint("203.0.113.5", 443, labels=(("zone", "a"),))),)},
        {"reached": (replace(REACHED, error_type="connection_reset"),)},
        {"reached": (replace(REACHED, started=7.0, ended=8.0),)},
        *(
            {"reached": (replace(REACHED, tls=replace(REACHED.tls, **more)),)}
            for more in ({"version": "TLSv1.2"}, {"cipher": "X"}, {"resumed": True}, {"mutual": False})
        ),
    ],
    "trace": [
        {"trace": replace(TRACE, parent_id=0, state="a=b")},
        {"trace": replace(TRACE, rule=TAGGED)},
        {"trace": replace(TRACE, client_ids=())},
    ],
    "name": [{"name": "other.example", "attempt": None}],
    "request_id": [{"request_id": "r-2"}, {"request_id": ""}],
    "extra": [{"extra": {"team": "blue"}}],
}
SHOWN_NOWHERE = {
    "response_fields", "trailer_fields", "downstream_tls", "connection_id", "help", "listener", "request_end", "ja3",
    "ja4", "sent_messages", "received_messages",
}  # fmt: skip
EVENTS = [USUAL, *(replace(USUAL, **change) for changes in CHANGED.values() for change in changes)]


def drawn(drawing, event):
    ids = count(0xF0)
    made = drawing.spans(event, lambda: next(ids))
    return [(span[:8], span.attributes, span.failed) for span in made]


def test_whatever_an_event_has_is_tried():
    assert CHANGED.keys() | SHOWN_NOWHERE == {each.name for each in fields(Event)}


@pytest.mark.parametrize("shape", Shape)
def test_every_event_is_drawn_as_if_there_had_been_no_other(shape):
    drawing = Drawing(shape)
    for _ in range(2):
        for event in (*EVENTS, *reversed(EVENTS)):
            assert drawn(drawing, event) == drawn(Drawing(shape), event)


def test_those_that_are_alike_share():
    drawing = Drawing()
    one, other = (drawing.spans(replace(USUAL, path=f"/{number}"), lambda: 1) for number in range(2))
    assert [span.shared for span in one] == [span.shared for span in other]
    assert all(first.shared is second.shared for first, second in zip(one, other, strict=True))


def test_what_is_shared_is_bounded():
    drawing = Drawing()
    for number in range(2 * KEPT):
        drawing.spans(replace(USUAL, method=f"M{number}"), lambda: 1)
    assert len(drawing._kinds) <= KEPT


def test_parts_of_another_policy_are_others_even_at_the_same_address():
    """As long as spans made from a part are kept, it is, too: no other can take its place."""
    drawing = Drawing()
    for number in range(200):
        source = Source(Where(f"policy/{number}.yaml", 1, 1), "ServiceEntry", "api", "default")
        (server, _) = drawing.spans(replace(USUAL, decision=replace(ALLOWED, source=source)), lambda: 1)
        assert f"policy/{number}.yaml" in server.attributes["outgate.rule"]


def test_tls_that_differs_in_what_no_span_shows_is_alike():
    drawing = Drawing()
    for name in ("alpn", "sni"):
        tls = replace(REACHED.tls, **{name: "other"})
        drawing.spans(replace(USUAL, reached=(replace(REACHED, tls=tls),)), lambda: 1)
    assert len(drawing._kinds) == 1
