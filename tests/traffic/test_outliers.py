"""Ejection, against a model that looks at every interval of Envoy's."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.resilience_model import FailurePercentage, Outliers, SuccessRate
from outgate.traffic.outcome import Broken, Outcome
from outgate.traffic.outliers import Ejections

A, B, C = (("192.0.2.1", 80), ("192.0.2.2", 80), ("192.0.2.3", 80))
ALL = Outliers(maximum_percent=100)
OK, BAD, GATEWAY, LOST = Outcome(200), Outcome(500), Outcome(503), Outcome(broken=Broken.CONNECT_FAILED)


def ejections(outliers: Outliers = ALL, places=(A, B, C)) -> Ejections:
    made = Ejections(outliers, 0.0)
    made.among(places)
    return made


def told(watched: Ejections, outcomes, place=A, now: float = 1.0) -> bool:
    return [watched.tell(place, outcome, now) for outcome in outcomes][-1]


def test_five_in_a_row_are_enough():
    watched = ejections()
    assert not told(watched, [BAD] * 4)
    assert told(watched, [BAD])
    assert watched.ejected(1.0) == {A}


def test_a_success_begins_the_row_again():
    watched = ejections()
    assert not told(watched, [BAD] * 4 + [Outcome(404)] + [BAD] * 4)


@pytest.mark.parametrize(
    ("changes", "outcomes", "ejected"),
    [
        ({"consecutive_5xx": None}, [BAD] * 50, False),
        ({"consecutive_5xx": 0}, [BAD] * 50, False),
        ({"consecutive_5xx": None, "consecutive_gateway": 3}, [GATEWAY] * 3, True),
        ({"consecutive_5xx": None, "consecutive_gateway": 3}, [GATEWAY, BAD] * 9, False),
        ({"consecutive_5xx": 3}, [LOST] * 3, True),
        ({"consecutive_5xx": None, "consecutive_gateway": 3}, [Outcome(broken=Broken.TIMEOUT)] * 3, True),
        ({"split_local": True, "consecutive_local": 3}, [LOST] * 3, True),
        ({"split_local": True, "consecutive_5xx": 3}, [LOST] * 9, False),
        ({"split_local": True, "consecutive_local": 3}, [LOST, LOST, OK] * 5, False),
        ({"consecutive_local": 3, "consecutive_5xx": None}, [LOST] * 9, False),
        ({"consecutive_5xx": 3, "statuses": (429,)}, [Outcome(429)] * 3, True),
        ({"consecutive_5xx": 3, "statuses": (429,)}, [BAD] * 9, False),
        ({"consecutive_5xx": 3}, [Outcome(200, grpc_status=14)] * 3, True),
        ({"consecutive_5xx": 3}, [Outcome(200, grpc_status=5)] * 9, False),
    ],
)
def test_what_counts(changes, outcomes, ejected):
    assert told(ejections(replace(ALL, **changes)), outcomes) is ejected


@pytest.mark.parametrize(
    ("percent", "always", "number"),
    [(10, False, 0), (10, True, 1), (33, False, 0), (34, False, 1), (67, False, 2), (100, False, 3), (0, True, 1)],
)
def test_no_more_are_out_than_may_be(percent, always, number):
    watched = ejections(replace(ALL, maximum_percent=percent, always_one=always))
    for place in (A, B, C):
        told(watched, [BAD] * 5, place)
    assert len(watched.ejected(1.0)) == number


def test_it_comes_back_at_the_end_of_an_interval_after_the_base_time():
    watched = ejections()
    told(watched, [BAD] * 5, now=5.0)
    assert watched.until(A) == 35.0
    assert watched.ejected(39.9) == {A}
    assert watched.ejected(40.0) == set()
    assert watched.until(A) is None
    assert not told(watched, [BAD] * 4, now=41.0), "and begins a new row"


def test_what_is_known_of_those_that_stay_is_kept():
    watched = ejections()
    told(watched, [BAD] * 5)
    watched.among((A, B))
    assert watched.ejected(2.0) == {A}
    watched.among((B,))
    assert watched.ejected(2.0) == set()
    assert not told(watched, [BAD] * 9, A), "what is not there is not counted"


class Stepped:
    """The model: one endpoint, interval by interval, as Envoy's own loop goes."""

    def __init__(self, outliers: Outliers) -> None:
        self.outliers, self.ejected, self.times, self.row, self.next = outliers, None, 0, 0, outliers.interval

    def until(self, now: float) -> None:
        while self.next <= now:
            if self.ejected is not None:
                longest = max(self.outliers.maximum_ejection, self.outliers.base_ejection)
                if self.next - self.ejected >= min(self.outliers.base_ejection * self.times, longest):
                    self.ejected, self.row = None, 0
            elif self.times > 0:
                self.times -= 1
            self.next += self.outliers.interval

    def tell(self, failed: bool, now: float) -> None:
        self.until(now)
        self.row = self.row + 1 if failed else 0
        if self.row >= self.outliers.consecutive_5xx and self.ejected is None:
            self.ejected, self.times = now, self.times + 1


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([1.0, 10.0, 16.0]),
    st.sampled_from([1.0, 30.0]),
    st.sampled_from([2.0, 64.0, 300.0]),
    st.lists(st.tuples(st.sampled_from([0.25, 1.0, 7.0, 100.0, 5000.0]), st.integers(0, 8)), max_size=40),
)
def test_times_grow_and_shrink_as_in_the_model(interval, base, longest, steps):
    outliers = replace(ALL, interval=interval, base_ejection=base, maximum_ejection=longest)
    watched, model, now = ejections(outliers, (A,)), Stepped(outliers), 0.0
    for pause, failures in steps:
        now += pause
        for failed in [False] * (failures == 0) + [True] * failures:
            watched.tell(A, BAD if failed else OK, now)
            model.tell(failed, now)
        assert (A in watched.ejected(now)) == (model.ejected is not None)
        assert watched.standings[A].ejections == model.times


def test_intervals_that_nobody_saw_are_not_gone_through_one_by_one():
    watched = ejections(replace(ALL, interval=1e-6, base_ejection=3600.0, maximum_ejection=3600.0), (A,))
    told(watched, [BAD] * 5)
    assert watched.ejected(3599.0) == {A}
    assert watched.ejected(3602.0) == set()
    assert watched.standings[A].ejections == 0


def shares(watched: Ejections, failed: dict, now: float = 1.0) -> None:
    for place, (bad, good) in failed.items():
        for outcome in [BAD] * bad + [OK] * good:
            watched.tell(place, outcome, now)


def test_who_fails_far_more_than_the_others_is_out_at_the_end_of_the_interval():
    places = [(f"192.0.2.{number}", 80) for number in range(1, 7)]
    rate = SuccessRate(minimum_hosts=5, request_volume=10, deviation_factor=1.9)
    watched = ejections(replace(ALL, consecutive_5xx=None, success_rate=rate), places)
    shares(watched, dict.fromkeys(places[1:], (1, 19)) | {places[0]: (15, 5)})
    assert watched.ejected(9.9) == set()
    assert watched.ejected(10.0) == {places[0]}


@pytest.mark.parametrize(("bad", "good", "ejected"), [(17, 3, True), (16, 4, False), (8, 1, False)])
def test_who_fails_too_much_of_enough_requests_is_out(bad, good, ejected):
    percentage = FailurePercentage(minimum_hosts=3, request_volume=10, threshold=85)
    watched = ejections(replace(ALL, consecutive_5xx=None, failure_percentage=percentage))
    shares(watched, {A: (bad, good), B: (0, 20), C: (0, 20)})
    # With too few requests at A, only two are judged, which is less than three.
    assert (A in watched.ejected(10.0)) is ejected


def test_each_interval_is_judged_for_itself():
    percentage = FailurePercentage(minimum_hosts=1, request_volume=10, threshold=85)
    watched = ejections(replace(ALL, consecutive_5xx=None, failure_percentage=percentage))
    shares(watched, {A: (9, 0)}, now=1.0)
    shares(watched, {A: (9, 0)}, now=11.0)
    assert watched.ejected(25.0) == set()
