"""Each try after a failure waits longer, up to a bound, and no two gates wait alike."""

from outgate.cluster.backoff import FIRST, LAST, Backoff


def test_waits_double_up_to_a_bound_and_begin_anew_after_success():
    backoff = Backoff(lambda: 1.0)
    waits = [backoff.next() for _ in range(10)]
    assert waits[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waits[-1] == LAST
    backoff.reset()
    assert backoff.next() == FIRST


def test_chance_takes_half_of_a_wait_at_most():
    assert Backoff(lambda: 0.0).next() == FIRST / 2


def test_whoever_asks_for_more_time_has_it():
    assert Backoff(lambda: 0.0).next(7.0) == 7.0
