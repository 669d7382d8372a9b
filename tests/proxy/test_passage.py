"""What one exchange holds of its origin's limits, and when it is tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import Limits, Outliers, Resilience
from outgate.policy.route_model import (
    Backoff,
    NamedMatch,
    RateLimitedBackoff,
    ResetFormat,
    RetryPolicy,
    Route,
    TextKind,
    TextMatch,
)
from outgate.policy.routing import Chosen
from outgate.proxy.commands import Limited
from outgate.proxy.passage import Passage, outcome_of, plain_outcome
from outgate.proxy.plan import Plan
from outgate.traffic.limits import Kind
from outgate.traffic.origin import OriginState
from outgate.traffic.outcome import Broken, Outcome
from upstream.building import Clock

ONE, TWO = Endpoint("192.0.2.1", 80), Endpoint("192.0.2.2", 80)
RETRY = RetryPolicy(2, frozenset({"5xx"}), backoff=Backoff(1.0, 8.0))
FAILED = Outcome(503)


def passage(route: Route, clock: Clock | None = None, **limits: int | None) -> Passage:
    origin = OriginState("o", Resilience(limits=Limits(**limits), outliers=Outliers()), lambda: 0.5)
    origin.know("n", (ONE, TWO), 0.0)
    return Passage(Chosen(route), Plan(route, None), clock or Clock(), lambda: 0.5, 1000.0, origin)


def counts(made: Passage) -> dict[str, int]:
    assert made.origin is not None
    return {str(kind): count for kind, count in made.origin.under_way.counts.items() if count}


def test_what_is_taken_is_given_back_once():
    made = passage(Route(), requests=1)
    assert made.take(Kind.REQUESTS, 0.0)
    assert not made.take(Kind.REQUESTS, 0.0)
    made.chose(ONE)
    assert (counts(made), made.origin.active) == ({"requests": 1}, {("192.0.2.1", 80): 1})
    made.leave()
    made.leave()
    assert (counts(made), made.origin.active) == ({}, {})


def test_what_comes_when_it_is_over_takes_nothing():
    """It may have waited for its delay, or for a name."""
    made = passage(Route(), requests=1)
    made.leave()
    assert made.take(Kind.REQUESTS, 0.0)
    made.chose(ONE)
    assert (counts(made), made.origin.active, made.endpoint) == ({}, {}, None)


def test_it_is_tried_again_elsewhere_as_often_as_the_policy_says():
    made = passage(Route(retry=RETRY))
    made.chose(ONE)
    assert made.again("GET", FAILED)
    assert (made.pause, made.tried, made.endpoint) == (0.5, {("192.0.2.1", 80)}, None)
    assert counts(made) == {"retries": 1}
    made.chose(TWO)
    assert made.again("GET", FAILED)
    assert made.pause == 1.5
    assert not made.again("GET", FAILED)
    assert made.flags == ["URX"]
    made.leave()
    assert counts(made) == {}


def test_no_more_retries_are_under_way_than_may_be():
    made = passage(Route(retry=RETRY), retries=1)
    assert made.origin.under_way.take(Kind.RETRIES, 0.0)
    assert not made.again("GET", FAILED)
    assert made.flags == ["UO"]


@pytest.mark.parametrize(
    ("policy", "method", "outcome", "again"),
    [
        (RETRY, "GET", Outcome(200), False),
        (RETRY, "POST", FAILED, False),
        (replace(RETRY, any_method=True), "POST", FAILED, True),
        (replace(RETRY, retries=0), "GET", FAILED, False),
        (replace(RETRY, on=frozenset({"connect-failure"})), "POST", Outcome(broken=Broken.CONNECT_FAILED), True),
        (replace(RETRY, on=frozenset({"unavailable"})), "GET", Outcome(200, grpc_status=14), True),
        (replace(RETRY, on=frozenset({"unavailable"})), "GET", Outcome(200), False),
    ],
    ids=["well", "not idempotent", "any method", "none", "nothing done", "grpc", "no grpc"],
)
def test_what_is_worth_another_try(policy, method, outcome, again):
    assert passage(Route(retry=policy)).again(method, outcome) is again


def test_answers_are_read_where_their_headers_count():
    asks = RateLimitedBackoff((("retry-after", ResetFormat.SECONDS),))
    test = NamedMatch("x-again", TextMatch(TextKind.EXACT, "yes"))
    policy = replace(RETRY, on=frozenset({"retriable-headers"}), headers=(test,), rate_limited=asks)
    made = passage(Route(retry=policy))
    assert made.plan.reads_answers
    assert not made.again("GET", outcome_of(200, {"x-again": "no"}, ended=False))
    assert made.again("GET", outcome_of(200, {"x-again": "yes", "retry-after": "4"}, ended=False))
    assert made.pause == 4 * 1.25
    assert not passage(Route(retry=RETRY)).plan.reads_answers


def test_outcomes_of_answers():
    assert outcome_of(200, {"grpc-status": "14"}, ended=True).grpc_status == 14
    assert outcome_of(200, {"grpc-status": "14"}, ended=False).grpc_status is None
    assert outcome_of(200, {"grpc-status": "x"}, ended=True).grpc_status is None
    assert plain_outcome(503) is plain_outcome(503)
    assert plain_outcome(503) == Outcome(503)


def test_limits_on_the_whole_run_from_where_they_began():
    clock = Clock(1000.0)
    made = passage(Route(timeout=5.0, maximum_duration=60.0), clock)
    clock.now = 1010.0
    made.heard = 1008.0
    assert (made.remaining(Limited.REQUEST), made.remaining(Limited.DURATION)) == (3.0, 50.0)
    clock.now = 2000.0
    assert made.remaining(Limited.REQUEST) == 0.0
    assert passage(Route()).remaining(Limited.REQUEST) is None


def test_what_an_endpoint_did_is_told_to_its_origin():
    made = passage(Route())
    made.origin.ejections.outliers = replace(made.origin.ejections.outliers, consecutive_5xx=1, maximum_percent=50)
    made.chose(ONE)
    made.tell(FAILED)
    assert made.origin.ejections.ejected(1000.0) == {("192.0.2.1", 80)}
