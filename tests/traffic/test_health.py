"""What checks say of an endpoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.resilience_model import HealthCheck, Probe
from outgate.traffic.health import Health

CHECK = HealthCheck(Probe.TCP, interval=5.0, unhealthy_threshold=3, healthy_threshold=2, no_traffic_interval=60.0)


def after(*results: bool) -> Health:
    health = Health(CHECK)
    for passed in results:
        health.result(passed)
    return health


@pytest.mark.parametrize(
    ("results", "healthy"),
    [
        ((), True),
        ((False,), False),
        ((True,), True),
        ((True, False, False), True),
        ((True, False, False, False), False),
        ((True, False, False, True, False, False), True),
        ((False, True), False),
        ((False, True, True), True),
        ((False, True, False, True), False),
    ],
)
def test_thresholds(results, healthy):
    assert after(*results).healthy is healthy


def test_a_change_is_told_once():
    health = after(True)
    assert [health.result(False) for _ in range(5)] == [False, False, True, False, False]


@given(st.floats(0, 1, exclude_max=True), st.booleans())
def test_pauses_are_within_their_bounds(chance, used):
    health = Health(HealthCheck(Probe.TCP, 5.0, initial_jitter=2.0, interval_jitter=1.0, interval_jitter_percent=10))
    assert 0 <= health.pause(lambda: chance, used=used) <= 2.0
    health.result(True)
    least = 5.0 if used else 60.0
    assert least <= health.pause(lambda: chance, used=used) <= least * 1.1 + 1.0
