"""Where workers come from is there when it is needed, and no core is kept busy with a start that fails."""

import socket
import sys
import time

import pytest

from outgate.workers import nursery as module
from outgate.workers.nursery import Nursery
from outgate.workers.seat import Seat

WAITING = "import socket, sys; socket.socket(fileno=int(sys.argv[-1])).recv(1)"


@pytest.fixture
def nursery():
    made = Nursery([sys.executable, "-c", WAITING])
    yield made
    made.close()


def test_it_is_started_for_the_first_seat_and_again_where_it_has_ended(nursery):
    with socket.socket() as control:
        for _ in range(2):
            nursery.fill(Seat(1, 1, control, 0, 1, 1, ()))
            assert nursery._process.wait(20) == 0


def test_it_is_there_before_it_is_needed(nursery):
    assert not nursery.lives
    nursery.replenish()
    first = nursery._process
    nursery.replenish()
    assert (nursery.lives, nursery._process) == (True, first)


def test_what_ends_at_once_is_not_started_again_and_again(nursery, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    nursery.start()
    first = nursery._process
    first.kill()
    first.wait()
    nursery.replenish()
    assert nursery._process is first
    now += module.REST + 1
    nursery.replenish()
    assert nursery.lives


def test_at_the_end_it_is_gone(nursery):
    nursery.start()
    process = nursery._process
    nursery.close()
    assert (process.returncode is not None, nursery.lives) == (True, False)
