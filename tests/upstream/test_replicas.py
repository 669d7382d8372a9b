"""Replicas take turns; who has failed waits, twice as long each time, and is asked again where there is nobody else."""

from outgate.upstream.replicas import FIRST, KEPT, MOST, Replicas
from upstream.building import Clock

A, B, C = ("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.3", 1)


def test_those_that_work_take_turns():
    replicas = Replicas()
    assert [replicas.ordered([A, B, C])[0] for _ in range(4)] == [A, B, C, A]
    assert sorted(replicas.ordered([A, B, C])) == [A, B, C]


def test_who_failed_is_last_until_his_time_is_over(clock: Clock):
    replicas = Replicas(clock)
    replicas.failed(A)
    assert all(replicas.ordered([A, B])[0] == B for _ in range(3))
    assert replicas.out() == [A]
    clock.now += FIRST
    assert {replicas.ordered([A, B])[0] for _ in range(2)} == {A, B}


def test_who_fails_again_waits_longer_and_who_served_is_well(clock: Clock):
    replicas = Replicas(clock)
    waited = []
    for _ in range(8):
        replicas.failed(A)
        replicas.failed(A)  # the others that were under way at the same moment
        began = clock.now
        while replicas.out():
            clock.now += FIRST / 2
        waited.append(clock.now - began)
    assert waited == [1, 2, 4, 8, 16, MOST, MOST, MOST]
    replicas.failed(A)
    replicas.served(A)
    assert replicas.out() == []


def test_where_all_have_failed_the_first_to_do_so_is_asked_first(clock: Clock):
    replicas = Replicas(clock)
    for place in (B, A):
        replicas.failed(place)
        clock.now += FIRST / 4
    assert replicas.ordered([A, B]) == [B, A]


def test_nobody_is_remembered_without_end():
    replicas = Replicas()
    for number in range(KEPT + 10):
        replicas.failed(("10.0.0.1", number))
    assert len(replicas.out()) == KEPT
    assert replicas.ordered([]) == []
