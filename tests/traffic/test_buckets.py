"""Token buckets, against a model that counts tokens one interval at a time."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.route_model import Bucket, RateLimit
from outgate.traffic.buckets import Buckets, TokenBucket

SHAPES = st.builds(Bucket, st.integers(1, 20), st.integers(1, 20), st.sampled_from([0.05, 0.5, 1.0, 60.0]))
PAUSES = st.lists(st.fractions(0, 3), max_size=60)


def limit(size: int = 2, refill: int = 1, interval: float = 1.0, key: str = "limit") -> RateLimit:
    return RateLimit(key, Bucket(size, refill, interval))


class Counted:
    """The model: ticks are walked through one after the other, in exact numbers."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket, self.interval = bucket, Fraction(bucket.interval)
        self.tokens, self.next = bucket.size, self.interval

    def take(self, now: Fraction) -> bool:
        while self.next <= now:
            self.tokens = min(self.bucket.size, self.tokens + self.bucket.refill)
            self.next += self.interval
        if self.tokens:
            self.tokens -= 1
            return True
        return False


@settings(max_examples=150, deadline=None)
@given(SHAPES, PAUSES)
def test_a_bucket_fills_as_the_model_does(shape, pauses):
    bucket, model, now = TokenBucket.full(shape, 0.0), Counted(shape), Fraction(0)
    for pause in pauses:
        # Between two ticks, where nobody's arithmetic is a matter of the last bit.
        now += pause * Fraction(shape.interval)
        moment = (now // model.interval) * model.interval + model.interval / 2
        assert (bucket.take(float(moment)) == 0.0) == model.take(moment)


@given(SHAPES, st.floats(0, 100))
def test_who_waits_as_long_as_he_is_told_is_served_then_and_not_before(shape, start):
    bucket = TokenBucket.full(shape, start)
    while not (wait := bucket.take(start)):
        pass
    assert bucket.take(start + wait * 0.99 - 1e-6) > 0
    assert bucket.take(start + wait + 1e-6) == 0.0


@given(SHAPES, st.integers(2, 8), st.integers(50, 200))
def test_workers_together_never_let_through_more_than_the_limit_and_no_token_each(shape, workers, intervals):
    shares = [TokenBucket.full(shape, 0.0, 1 / workers) for _ in range(workers)]
    passed = 0
    for number in range(intervals):
        moment = (number + 0.5) * shape.interval
        passed += sum(bucket.take(moment) == 0.0 for bucket in shares for _ in range(shape.size + shape.refill))
    # At the beginning each may hold one whole token. What does not make a whole one when a bucket is full is lost.
    most = max(shape.size, workers) + (intervals - 1) * min(shape.refill, max(shape.size, workers))
    assert passed <= most + 1e-6
    assert passed >= (intervals - 1) * min(shape.refill, shape.size) / 2 - workers


def test_limits_of_one_key_share_their_tokens():
    buckets = Buckets()
    assert [buckets.take(limit(), (), 0.0) for _ in range(2)] == [0.0, 0.0]
    assert buckets.take(limit(), (), 0.0) == pytest.approx(1.0)
    assert buckets.take(limit(key="other"), (), 0.0) == 0.0


def test_values_have_tokens_of_their_own():
    buckets = Buckets()
    taken = [buckets.take(limit(size=1), (value,), 0.0) for value in ("a", "b", "a")]
    assert taken == [0.0, 0.0, pytest.approx(1.0)]


def test_a_limit_that_is_written_anew_begins_anew():
    buckets = Buckets()
    for _ in range(2):
        buckets.take(limit(), (), 0.0)
    assert buckets.take(limit(size=3), (), 0.0) == 0.0


def test_limits_of_one_name_and_two_sizes_do_not_fill_each_other():
    """Two routes may name theirs alike, and after a reload some requests are still judged by the limit of before."""
    buckets, small, large = Buckets(), limit(size=1, interval=60.0), limit(size=2, interval=60.0)
    passed = [buckets.take(one, (), 0.0) == 0.0 for one in (small, large) * 3]
    assert passed == [True, True, False, True, False, False]


def test_many_values_are_bounded_and_gain_nobody_a_token():
    buckets = Buckets(most=10)
    for number in range(10):
        assert buckets.take(limit(size=1, interval=60.0), (str(number),), 0.0) == 0.0
    beyond = [buckets.take(limit(size=1, interval=60.0), (f"new{number}",), 0.5) for number in range(100)]
    assert beyond.count(0.0) == 1, "those beyond have one bucket together"
    assert buckets.take(limit(size=1, interval=60.0), ("0",), 0.5) > 0, "and nobody's own was let go for them"
    assert len(buckets) <= 11


def test_full_ones_make_room():
    buckets = Buckets(most=10)
    for number in range(10):
        buckets.take(limit(size=1), (str(number),), 0.0)
    assert [buckets.take(limit(size=1), (f"new{number}",), 5.0) for number in range(10)] == [0.0] * 10
