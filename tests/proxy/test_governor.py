"""What is said of an attempt that is allowed: nothing where there is nothing to say, and what is kept over a reload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import EVERY_PORT, Destination, Gate, Identity, Protocol, Upstream
from outgate.policy.resilience_model import Limits, Outliers, Resilience
from outgate.policy.route_model import (
    Backend,
    Bucket,
    RateLimit,
    RetryPolicy,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
    Unmatched,
)
from outgate.policy.snapshot import Policy
from outgate.proxy.exchange import Exchange, Facts
from outgate.proxy.governor import Governor, home_of
from outgate.proxy.passage import Refused
from outgate.settings import ListenMode
from policy.building import destination, http

FACTS = Facts(ListenMode.REGULAR, Identity(), None)
NOT_THIS = Route(matches=(RouteMatch(path=TextMatch(TextKind.PREFIX, "/other/")),))


def known(resilience: Resilience | None = None, host: str = "api.example", **more) -> Destination:
    made = destination(host, name=host, port=80, protocol=Protocol.HTTP)
    port = replace(made.ports[0], **more)
    if resilience is not None:
        port = replace(port, upstream=replace(port.upstream, resilience=resilience))
    return replace(made, ports=(port,))


def enter(governor: Governor, policy: Policy, host: str = "api.example"):
    attempt = http(host, 80)
    return governor.enter(policy, decide(policy, attempt), attempt)


def test_of_whom_nothing_is_said_there_is_no_passage():
    """Neither is there where all that is said is how long tunnels may be idle."""
    for resilience in (None, Resilience(), Resilience(tcp_idle_timeout=3600.0, idle_timeout=3600.0)):
        assert enter(Governor(), Policy("p", destinations=(known(resilience),))) is None


def test_a_route_alone_needs_no_state_of_its_origin():
    passage = enter(Governor(), Policy("p", destinations=(known(routes=(Route(retry=RetryPolicy(2)),)),)))
    assert passage is not None
    assert passage.origin is None


@pytest.mark.parametrize("route", [replace(NOT_THIS), Route(missing=True)], ids=["no route", "one that leads nowhere"])
def test_what_leads_nowhere_is_not_found(route):
    policy = Policy("p", destinations=(known(routes=(route,), unmatched=Unmatched.NOT_FOUND),))
    with pytest.raises(Refused) as refused:
        enter(Governor(), policy)
    assert (refused.value.status, refused.value.code) == (404, "no_route")


def test_state_outlives_a_reload_that_changes_nothing_about_it():
    ejecting, limiting = Resilience(outliers=Outliers()), Resilience(limits=Limits(requests=1))
    governor = Governor()
    before = Policy("1", destinations=(known(ejecting), known(ejecting, "other.example")))
    states = [enter(governor, before, host).origin for host in ("api.example", "other.example")]
    assert states[0] is not states[1]
    after = Policy("2", destinations=(known(replace(ejecting)), known(limiting, "other.example")))
    governor.follow(after)
    again = [enter(governor, after, host).origin for host in ("api.example", "other.example")]
    assert again[0] is states[0]
    assert again[1] is not states[1]
    governor.follow(Policy("3"))
    assert governor.shown() == []


def test_state_of_a_destination_of_every_port_outlives_a_reload():
    """Its ports have states of their own, and no document lists them."""
    ejecting = Resilience(outliers=Outliers())
    every = destination("api.example", name="api.example", port=EVERY_PORT, protocol=Protocol.HTTP)
    port = replace(every.ports[0], upstream=replace(every.ports[0].upstream, resilience=ejecting))
    governor, state = Governor(), None
    for generation in ("1", "2"):
        policy = Policy(generation, destinations=(replace(every, ports=(port,)),))
        governor.follow(policy)
        before, state = state, enter(governor, policy).origin
    assert state is before
    governor.follow(Policy("3"))
    assert governor.shown() == []


def test_what_was_not_found_out_keeps_a_request_back_for_good():
    """Whoever asks again after something broke is not let pass for having asked before."""
    limit = RateLimit("l", Bucket(1, 1, 60.0))
    policy = Policy("p", destinations=(known(routes=(Route(limits=(limit,)),)),))
    governor = Governor()
    attempt = http("api.example", 80)
    exchange = Exchange(FACTS, policy, attempt, decide(policy, attempt))
    exchange.passage = enter(governor, policy)
    governor.buckets = None
    with pytest.raises(AttributeError):
        governor.admit_now(exchange, 0.0)
    with pytest.raises(Refused, match="not found out"):
        governor.admit_now(exchange, 0.0)


def test_backends_are_drawn_by_weight_and_have_their_own_state():
    backends = tuple(
        Backend(f"d|{name}", Upstream(80, resilience=Resilience(outliers=Outliers())), weight=weight)
        for name, weight in (("a", 1), ("b", 3))
    )
    policy = Policy("p", destinations=(known(routes=(Route(backends=backends),)),))
    drawn = iter((0.0, 0.24, 0.26, 0.99))
    governor = Governor(random=lambda: next(drawn))
    assert [enter(governor, policy).backend.key for _ in range(4)] == ["d|a", "d|a", "d|b", "d|b"]
    assert sorted(one["origin"] for one in governor.shown()) == ["d|a:80", "d|b:80"]


def test_limits_of_the_gate_are_divided_among_its_workers():
    governor = Governor(workers=4)
    policy = Policy("p", destinations=(known(Resilience(limits=Limits(requests=8, connections=1))),))
    limits = enter(governor, policy).origin.under_way.limits
    assert (limits.requests, limits.connections) == (2, 1)
    limit = RateLimit("l", Bucket(8, 8, 60.0))
    assert [governor.buckets.take(limit, (), 0.0) > 0 for _ in range(3)] == [False, False, True]


def test_where_a_gate_is_stands_in_its_labels():
    labels = (("topology.kubernetes.io/region", "eu"), ("topology.kubernetes.io/zone", "eu-1"), ("app", "x"))
    home = home_of(Gate(labels=labels))
    assert (home.locality, home.labels) == ("eu/eu-1", labels)
