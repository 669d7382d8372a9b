"""Each seat is taken by a new process, which is the supervisor's child; nobody sits where the supervisor is gone."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from outgate.workers.bonds import adopt_orphans
from outgate.workers.seat import Seat

ADDONS = Path(__file__).parents[2] / "addons"
WITHIN = 20.0
PROGRAM = """
import os, socket, sys, time
from outgate.workers.offspring import next_seat
seat = next_seat(socket.socket(fileno=int(sys.argv[1])))
if seat:
    seat.control.sendall(f"{seat.index} of {seat.of}".encode())
    time.sleep(60)
"""


@pytest.fixture
def place():
    """The process, and the socket over which it is handed seats."""
    adopt_orphans()
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", PROGRAM, str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env={"PYTHONPATH": str(ADDONS)})
    with ours:
        yield process, ours
    assert process.wait(WITHIN) == 0


def seated(place, index):
    """What a new worker says: its process, then what its program does."""
    ours, theirs = socket.socketpair()
    ours.settimeout(WITHIN)
    file = os.memfd_create("file")
    with theirs:
        Seat(index, 2, theirs, file, file, file, (theirs.fileno(),)).hand(place)
    os.close(file)
    with ours, ours.makefile("rb") as said:
        return json.loads(said.readline())["pid"], said.read(6)


def test_each_seat_is_taken_by_a_child_of_the_supervisor(place):
    process, control = place
    (first, said_first), (second, said_second) = seated(control, 1), seated(control, 2)
    assert (said_first, said_second) == (b"1 of 2", b"2 of 2")
    assert len({first, second, process.pid}) == 3
    for worker in (first, second):
        os.kill(worker, 9)
        assert os.waitpid(worker, 0) == (worker, 9)
