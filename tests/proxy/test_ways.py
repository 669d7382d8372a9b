"""What is known of a way beforehand is known of that way alone, and for as long as its policy is in force."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.model import Upstream
from outgate.policy.resilience_model import Limits, Resilience
from outgate.policy.route_model import Abort, Backend, Delay, Fault, Route
from outgate.policy.snapshot import Policy
from outgate.proxy.ways import KEPT, Ways, origins_of
from policy.building import destination

LIMITED = Resilience(limits=Limits(requests=1))
PLAIN, COUNTED = Upstream(443), Upstream(443, resilience=LIMITED)
BACKENDS = (None, Backend("other", PLAIN), Backend("other|v2", COUNTED))
ROUTES = (Route("a"), Route("b"))
KNOWN = (destination("a.example", name="a"), destination("b.example", name="b", line=2))


@settings(max_examples=30)
@given(st.lists(st.tuples(*(st.sampled_from(each) for each in (KNOWN, (PLAIN, COUNTED), ROUTES, BACKENDS)))))
def test_a_way_is_that_of_what_it_was_asked_for(asked):
    ways = Ways()
    ports = {id(upstream): replace(KNOWN[0].ports[0], upstream=upstream) for upstream in (PLAIN, COUNTED)}
    for known, upstream, route, backend in asked:
        way = ways.of(known, ports[id(upstream)], route, backend)
        reached = upstream if backend is None else backend.upstream
        key = f"{known.key if backend is None else backend.key}:443"
        assert (way.plan.route, way.plan.backend) == (route, backend)
        assert (way.origin, way.resilience) == (key if reached is COUNTED else "", reached.resilience)
        assert ways.of(known, ports[id(upstream)], route, backend) is way


def test_however_many_ways_there_are_not_all_are_kept():
    ways, known = Ways(), KNOWN[0]
    for _ in range(KEPT + 10):
        ways.of(known, known.ports[0], Route(), None)
    assert len(ways._ways) <= KEPT


def test_faults_that_come_to_nothing_are_left_out():
    never = Fault(delay=Delay(1.0, 0.0), abort=Abort(503, percent=0.0))
    seldom = Fault(delay=Delay(1.0, 0.0), abort=Abort(503, percent=0.1))
    made = Ways().of(KNOWN[0], KNOWN[0].ports[0], Route(faults=(never, seldom)), None)
    assert made.plan.faults == (seldom,)


def test_the_origins_of_a_policy_are_those_of_ports_and_backends():
    port = replace(KNOWN[0].ports[0], routes=(Route(backends=(BACKENDS[2],)),))
    every = replace(KNOWN[1], ports=(replace(KNOWN[1].ports[0], number=0),))
    keys, whole = origins_of(Policy("p", destinations=(replace(KNOWN[0], ports=(port,)), every)))
    assert keys == {f"{KNOWN[0].key}:443", "other|v2:443", f"{KNOWN[1].key}:443"}
    assert whole == {KNOWN[1].key}
