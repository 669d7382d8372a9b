"""What limits, ejection, health and balancing say together."""

from collections import Counter
from random import Random

import pytest

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import (
    Balancer,
    Balancing,
    HealthCheck,
    Limits,
    Locality,
    Outliers,
    Probe,
    Resilience,
    Warmup,
)
from outgate.traffic.balancing.hashing import hash_of
from outgate.traffic.balancing.layout import Home
from outgate.traffic.limits import Kind
from outgate.traffic.origin import OriginState
from outgate.traffic.origins import Origins
from outgate.traffic.outcome import Outcome

A, B, C = (Endpoint(name, 80) for name in ("192.0.2.1", "192.0.2.2", "192.0.2.3"))
BACKUP = Endpoint("192.0.2.9", 80, priority=1)
NONE: frozenset[tuple[str, int]] = frozenset()
OUT = Outliers(consecutive_5xx=1, maximum_percent=100)


def place(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.address, endpoint.port


def origin(resilience: Resilience, *endpoints: Endpoint, home: Home | None = None) -> OriginState:
    made = OriginState("key", resilience, Random(1).random, home or Home())
    made.know("host", endpoints, 0.0)
    return made


def chosen(state: OriginState, number: int = 200, tried=NONE, now: float = 1.0, key=None) -> Counter:
    return Counter(state.choose("host", key, tried, now) for _ in range(number))


def test_ejected_ones_are_left_out_and_come_back():
    state = origin(Resilience(outliers=OUT), A, B)
    assert state.tell(place(A), Outcome(503), 1.0)
    assert chosen(state) == {B: 200}
    assert chosen(state, now=41.0).keys() == {A, B}


def test_where_all_are_out_there_is_nothing_healthy():
    state = origin(Resilience(outliers=OUT), A)
    state.tell(place(A), Outcome(503), 1.0)
    assert chosen(state) == {None: 200}


def test_in_a_panic_health_is_not_looked_at():
    state = origin(Resilience(outliers=OUT, panic_percent=50), A, B, C)
    for one in (A, B):
        state.tell(place(one), Outcome(503), 1.0)
    assert chosen(state).keys() == {A, B, C}


def test_in_a_panic_that_fails_nothing_is_used():
    state = origin(Resilience(outliers=OUT, panic_percent=50, panic_fails=True), A, B, C)
    for one in (A, B):
        state.tell(place(one), Outcome(503), 1.0)
    assert chosen(state) == {None: 200}


def test_the_next_priority_takes_what_the_first_cannot():
    state = origin(Resilience(outliers=OUT), A, B, BACKUP)
    assert chosen(state).keys() == {A, B}
    state.tell(place(A), Outcome(503), 1.0)
    found = chosen(state, 3000)
    assert found[B] == pytest.approx(2100, rel=0.1)
    assert found[BACKUP] == pytest.approx(900, rel=0.2)
    state.tell(place(B), Outcome(503), 1.0)
    assert chosen(state) == {BACKUP: 200}


def test_what_was_tried_is_passed_over_as_long_as_there_are_others():
    state = origin(Resilience(), A, B)
    assert chosen(state, tried=frozenset({place(A)})) == {B: 200}
    assert chosen(state, tried=frozenset({place(A), place(B)})).keys() == {A, B}


def test_a_key_that_was_tried_goes_elsewhere_and_later_home_again():
    state = origin(Resilience(Balancing(Balancer.RING_HASH)), A, B, C)
    (home,) = chosen(state, key=hash_of("k"))
    (other,) = chosen(state, key=hash_of("k"), tried=frozenset({place(home)}))
    assert other != home
    assert chosen(state, key=hash_of("k")).keys() == {home}


def test_checks_take_endpoints_out_and_bring_them_back():
    checks = (HealthCheck(Probe.TCP), HealthCheck(Probe.HTTP, healthy_threshold=2))
    state = origin(Resilience(health=checks), A, B)
    assert chosen(state).keys() == {A, B}, "nobody is ill before he was looked at"
    assert state.checked(place(A), 1, passed=False)
    assert not state.checked(place(A), 0, passed=False), "it was out already"
    assert chosen(state) == {B: 200}
    assert not state.checked(place(A), 0, passed=True)
    assert not state.checked(place(A), 1, passed=True)
    assert state.checked(place(A), 1, passed=True)
    assert chosen(state).keys() == {A, B}
    assert not state.checked(place(C), 0, passed=False), "who is not there is not checked"


def test_shares_of_localities_go_to_those_that_are_in_use():
    near, far = Endpoint("192.0.2.1", 80, locality="eu"), Endpoint("192.0.2.2", 80, locality="us")
    shares = Locality(shares=(("*", (("eu", 80), ("us", 20))),))
    state = origin(Resilience(Balancing(locality=shares), outliers=OUT), near, far, home=Home("eu"))
    found = chosen(state, 2000)
    assert found[far] == pytest.approx(400, rel=0.2)
    state.tell(place(near), Outcome(503), 1.0)
    assert chosen(state) == {far: 200}


def test_a_new_endpoint_is_warmed_up():
    warm = Balancing(Balancer.RANDOM, warmup=Warmup(100.0, 10.0))
    state = origin(Resilience(warm), A)
    state.know("host", (A, B), 1000.0)
    early, later = chosen(state, 3000, now=1000.0), chosen(state, 3000, now=1200.0)
    assert early[B] == pytest.approx(3000 / 11, rel=0.25)
    assert later[B] == pytest.approx(1500, rel=0.1)


def test_those_that_stay_keep_their_standing_when_addresses_change():
    state = origin(Resilience(outliers=OUT), A, B)
    state.tell(place(A), Outcome(503), 1.0)
    state.know("host", (A, C), 2.0)
    assert chosen(state, now=3.0) == {C: 200}


def test_hosts_of_one_origin_have_endpoints_of_their_own_and_limits_together():
    state = origin(Resilience(limits=Limits(requests=1)), A)
    state.know("other", (B,), 0.0)
    assert state.choose("other", None, NONE, 1.0) == B
    assert state.choose("host", None, NONE, 1.0) == A
    assert [state.under_way.take(Kind.REQUESTS, 1.0) for _ in range(2)] == [True, False]


def test_hosts_are_bounded(monkeypatch):
    monkeypatch.setattr("outgate.traffic.origin.NAMES", 3)
    state = origin(Resilience(), A)
    for number in range(10):
        state.know(f"h{number}", (Endpoint(f"192.0.2.{number}", 80),), 0.0)
    assert len(state.endpoints()) == 3


def test_what_is_under_way_is_counted_by_endpoint():
    state = origin(Resilience(), A, B)
    for _ in range(5):
        state.begin(place(A))
    # Of two draws, both have to be the busy one for it to be taken.
    assert chosen(state, 1000)[A] == pytest.approx(250, rel=0.25)
    for _ in range(5):
        state.end(place(A))
    assert state.active == {}


def test_what_is_shown_says_why_and_when():
    state = origin(Resilience(outliers=OUT, health=(HealthCheck(Probe.TCP),)), A, B)
    state.tell(place(A), Outcome(503), 1.0)
    state.checked(place(B), 0, passed=False)
    first, second = state.shown(11.0)
    assert (first.endpoint, first.ejected, first.back_in, first.ejections) == (A, "consecutive 5xx", 20.0, 1)
    assert (first.healthy, second.healthy, second.ejected) == (True, False, "")


def test_state_outlives_a_reload_that_says_the_same():
    origins = Origins(Random(1).random)
    state = origins.of("key", Resilience(outliers=OUT))
    assert origins.of("key", Resilience(outliers=Outliers(consecutive_5xx=1, maximum_percent=100))) is state
    assert origins.of("key", Resilience()) is not state


def test_origins_are_forgotten_with_their_policy_and_bounded():
    origins = Origins(Random(1).random, most=3)
    busy = origins.of("busy", Resilience())
    busy.under_way.take(Kind.REQUESTS, 0.0)
    for number in range(10):
        origins.of(f"key{number}", Resilience())
    assert len(list(origins)) == 3
    assert origins.of("busy", Resilience()) is busy
    origins.keep(frozenset({"busy"}))
    assert [state.key for state in origins] == ["busy"]


def test_workers_share_the_limits():
    origins = Origins(Random(1).random, workers=2)
    state = origins.of("key", Resilience(limits=Limits(requests=4)))
    assert [state.under_way.take(Kind.REQUESTS, 0.0) for _ in range(3)] == [True, True, False]
