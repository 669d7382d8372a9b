"""Trouble on purpose."""

from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.route_model import Abort, Bandwidth, Delay, Fault
from outgate.traffic.faults import NO_TROUBLE, trouble

DRAWS = 4000


def test_nothing_to_suffer_is_nothing():
    assert trouble((), Random(1).random) is NO_TROUBLE
    assert trouble([Fault(Delay(1.0, 0.0), Abort(503, percent=0.0))], Random(1).random) is NO_TROUBLE


def test_delays_add_up_and_the_first_abort_and_the_narrowest_path_hold():
    faults = [
        Fault(Delay(1.0), Abort(503), Bandwidth(1000)),
        Fault(Delay(0.5), Abort(418), Bandwidth(10)),
    ]
    found = trouble(faults, Random(1).random)
    assert (found.delay, found.abort, found.bytes_per_second) == (1.5, Abort(503), 10)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 99.5), st.floats(0.5, 99.5), st.integers(0, 2**32))
def test_delay_and_abort_are_drawn_apart(delayed, aborted, seed):
    random = Random(seed).random
    found = [trouble([Fault(Delay(1.0, delayed), Abort(503, percent=aborted))], random) for _ in range(DRAWS)]
    both = delayed * aborted / 1e4
    for share, count in [
        (delayed / 100, sum(one.delay > 0 for one in found)),
        (aborted / 100, sum(one.abort is not None for one in found)),
        (both, sum(one.delay > 0 and one.abort is not None for one in found)),
    ]:
        assert abs(count - DRAWS * share) <= 5.5 * sqrt(DRAWS * share * (1 - share)) + 1


def test_millionths_of_a_percent_are_not_rounded():
    random = Random(3).random
    hits = sum(trouble([Fault(abort=Abort(503, percent=0.05))], random) is not NO_TROUBLE for _ in range(40_000))
    assert hits == pytest.approx(20, abs=25)
    assert hits > 0
