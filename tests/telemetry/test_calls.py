"""Whoever called, where to and how it went is counted within a bound, and sums are of everything."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.model import Code, Identity, ShadowVerdict, Traffic, Verdict
from outgate.telemetry import calls
from outgate.telemetry.calls import BOUNDS, SOMEBODY, SOMEWHERE, Caller, Calls, Edge, Place, Tally, summed
from telemetry.calls_building import KNOWN, MUTUAL, SIMPLE, WEB, denied, event, registered

API = Place("registered", KNOWN.key)


def one(*events) -> Edge:
    found = tally(*events).calls().edges
    assert len(found) == 1, found
    return found[0]


def tally(*events) -> Tally:
    made = Tally()
    for each in events:
        made.observe(each)
    return made


def test_an_edge_is_a_caller_a_place_and_a_verdict():
    edge = one(event(), event(started=50.0, duration=200.0, received=5))
    assert (edge.caller, edge.place, edge.verdict) == (Caller("prod", "web"), API, "allow")
    assert (edge.requests, edge.errors, edge.sent, edge.received) == (2, 0, 2, 15)
    assert (edge.first, edge.last) == (50.0, 250.0)
    assert edge.ways == {("HTTP/1.1", "", 443, "registered"): 2}


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (Identity(address="192.0.2.7"), Caller(address="192.0.2.7")),
        (Identity("prod", address="192.0.2.7"), Caller("prod")),
        (Identity("prod", "web", labels=(("x", "y"), ("app", "shop"))), Caller("prod", "web", "shop")),
        (Identity(labels=(("app", "b"), ("app.kubernetes.io/name", "a"))), Caller(workload="a")),
        (Identity(), SOMEBODY),
    ],
)
def test_a_caller_is_named_by_what_is_known_of_it(caller, shown):
    assert one(event(caller=caller), event(caller=replace(caller, uid=7))).caller == shown


@pytest.mark.parametrize(
    ("happened", "place", "verdict"),
    [
        (event(), API, "allow"),
        (event(decision=registered(would=denied())), API, "would_deny"),
        (event(decision=registered(shadows=(ShadowVerdict(Verdict.DENY, KNOWN.source),))), API, "would_deny"),
        (event(decision=registered(shadows=(ShadowVerdict(Verdict.ALLOW, KNOWN.source),))), API, "allow"),
        (event(decision=replace(registered(), traffic=Traffic.INTERNAL)), Place("internal", KNOWN.key), "allow"),
        (event(decision=replace(registered(), verdict=Verdict.DENY)), API, "deny"),
        (event("b.example", decision=denied()), Place("unregistered", "b.example"), "deny"),
        (event(None, decision=denied(), address="192.0.2.5"), Place("unregistered", "192.0.2.5"), "deny"),
        (event("a" * 9000, decision=denied()), Place("unregistered", "a" * 253), "deny"),
    ],
)
def test_a_place_is_a_destination_or_what_was_asked_for(happened, place, verdict):
    edge = one(happened, happened)
    assert (edge.place, edge.verdict, edge.requests) == (place, verdict, 2)


def test_what_an_addon_denied_is_denied():
    happened = event(decision=registered(would=denied()))
    happened.verdict, happened.code = "deny", "signature_missing"
    assert one(happened).verdict == "deny"


@pytest.mark.parametrize(
    ("happened", "way"),
    [
        (event(tls=SIMPLE), ("HTTP/1.1", "originated", 443, "registered")),
        (event(tls=SIMPLE, encrypted=True), ("HTTP/1.1", "decrypted", 443, "registered")),
        (event(tls=MUTUAL, encrypted=True), ("HTTP/1.1", "mutual", 443, "registered")),
        (event(tls=SIMPLE, grpc=True, protocol="HTTP/2.0"), ("gRPC", "originated", 443, "registered")),
        (event(protocol="HTTP/7.3", port=80), ("HTTP", "", 80, "registered")),
        (event(kind="tls"), ("TLS", "tunnelled", 443, "registered")),
        (event(kind="tcp", port=22), ("TCP", "", 22, "registered")),
        (event(decision=registered(would=denied())), ("HTTP/1.1", "", 443, "unregistered")),
        (event(kind="tls", decision=denied()), ("TLS", "", 443, "unregistered")),
        (event(encrypted=True, decision=denied()), ("HTTP/1.1", "", 443, "unregistered")),
    ],
)
def test_the_way_is_protocol_tls_port_and_code(happened, way):
    assert one(happened).ways == {way: 1}


@pytest.mark.parametrize(
    ("happened", "errors"),
    [
        (event(status=499), 0),
        (event(status=503), 1),
        (event(status=0, failure="connect_failed: refused"), 1),
        (event(failure="client_disconnected: it left"), 0),
        (event(kind="tcp", failure="ConnectionResetError"), 1),
        (event(decision=denied(), status=502), 0),
    ],
)
def test_an_error_is_what_was_allowed_and_did_not_work(happened, errors):
    assert one(happened).errors == errors


def test_durations_are_of_requests_and_fall_into_buckets():
    longest = BOUNDS[-1] * 2
    edge = one(*(event(duration=each) for each in (0.0, BOUNDS[0], BOUNDS[3], longest)), event(kind="tls"))
    assert {step: number for step, number in enumerate(edge.durations) if number} == {0: 2, 3: 1, len(BOUNDS): 1}


def test_ways_are_bounded_and_requests_are_not():
    edge = one(*(event(port=port) for port in range(1, 100)))
    assert (len(edge.ways), edge.requests) == (calls.WAYS, 99)


def test_names_that_workloads_make_up_leave_room_for_destinations(monkeypatch):
    monkeypatch.setattr(calls, "MOST", 20)
    monkeypatch.setattr(calls, "STRANGE", 10)
    made = tally(*(event(f"{number}.example", decision=denied()) for number in range(500)), event())
    found = {(edge.caller, edge.place, edge.verdict): edge.requests for edge in made.calls().edges}
    assert len(found) == 12
    assert found[Caller("prod", "web"), SOMEWHERE, "deny"] == 490
    assert found[Caller("prod", "web"), API, "allow"] == 1


def test_callers_are_bounded_too_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(calls, "MOST", 20)
    monkeypatch.setattr(calls, "STRANGE", 10)
    callers = [Identity(address=f"10.0.{number // 200}.{number % 200}") for number in range(500)]
    made = tally(*(event(str(port), decision=denied(), caller=each) for each in callers for port in range(3)))
    made.observe(event())
    edges = made.calls().edges
    assert len(edges) <= 22
    assert sum(edge.requests for edge in edges) == 1501
    assert {edge.verdict for edge in edges if (edge.caller, edge.place) == (SOMEBODY, SOMEWHERE)} == {"deny", "allow"}
    assert len(made._known) <= 40


def test_a_copy_does_not_change_any_more():
    made = tally(event())
    before = made.calls()
    made.observe(event())
    assert (before.edges[0].requests, made.calls().edges[0].requests) == (1, 2)
    assert sum(before.edges[0].durations) == sum(before.edges[0].ways.values()) == 1


CASES = st.builds(
    event,
    st.sampled_from(["a.example", "b.example"]),
    decision=st.sampled_from([registered(), denied(), registered(would=denied())]),
    caller=st.sampled_from([WEB, Identity(address="192.0.2.7")]),
    started=st.integers(1, 1000).map(float),
    duration=st.integers(0, 64).map(lambda eighths: eighths / 8),
    status=st.sampled_from([200, 503]),
)


@given(st.lists(st.tuples(CASES, st.booleans())))
def test_the_sum_of_workers_is_what_one_would_have_counted(happened):
    whole = tally(*(each for each, _ in happened))
    parts = [tally(*(each for each, second in happened if second is half)) for half in (True, False)]
    told = [Calls.read(json.loads(json.dumps(part.calls().plain()))) for part in parts]
    assert sorted(summed(told).edges, key=repr_of) == sorted(whole.calls().edges, key=repr_of)
    assert summed(told).since == min(part.since for part in parts)


def repr_of(edge):
    edge.ways = dict(sorted(edge.ways.items()))
    return edge.caller, edge.place, edge.verdict


def test_what_never_became_an_attempt_is_counted_by_its_code():
    happened = event(None, decision=denied(), caller=Identity(address="192.0.2.7"))
    happened.kind, happened.decision, happened.attempt, happened.code = "connection", None, None, Code.PROTOCOL_UNKNOWN
    edge = one(happened)
    assert edge.place == Place("unregistered", "")
    assert edge.ways == {("", "", 443, "protocol_unknown"): 1}


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"},
        {"requests": "7"},
        {"sent": -1},
        {"errors": True},
        {"last": float("nan")},
        {"first": float("inf")},
        {"durations": [0]},
        {"durations": 7},
        {"caller": {"namespace": 7}},
        {"caller": {"uid": "7"}},
        {"place": []},
        {"ways": [{}]},
        {"ways": [{"protocol": "TCP", "tls": "", "port": "22", "code": "x", "requests": 1}]},
        {"ways": [{"protocol": None, "tls": "", "port": 22, "code": "x", "requests": 1}]},
    ],
    ids=str,
)
def test_what_is_no_edge_is_refused(change):
    told = tally(event()).calls().plain()
    assert Calls.read(told).edges
    told["edges"][0] |= change
    with pytest.raises(ValueError, match=r"no calls|of another form"):
        Calls.read(told)


@pytest.mark.parametrize("told", [None, 7, [], {}, {"since": "1", "edges": []}, {"since": 1.0, "edges": None}])
def test_what_are_no_calls_are_refused(told):
    with pytest.raises(ValueError, match="no calls"):
        Calls.read(told)
