"""Several processes write lines to one pipe, and each line stays whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outgate.telemetry.turn import Alone, Turn

ADDONS = Path(__file__).parents[2] / "addons"
WRITING = """
import os, sys
from outgate.telemetry.turn import Turn
turn, letter = Turn(int(sys.argv[1])), sys.argv[2].encode()
for _ in range(20):
    with turn as begin:
        left = begin + letter * 200_000 + b"\\n"
        while left:
            left = left[os.write(1, left):]
"""


def writer(lock, letter, output):
    command = [sys.executable, "-c", WRITING, str(lock), letter]
    return subprocess.Popen(command, pass_fds=[lock], stdout=output, env={"PYTHONPATH": str(ADDONS)})


def test_writes_longer_than_a_pipe_takes_at_once_do_not_mix():
    lock = os.memfd_create("turn")
    reading, writing = os.pipe()
    writers = [writer(lock, letter, writing) for letter in "ab"]
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        lines = output.read().splitlines()
    assert [process.wait(20) for process in writers] == [0, 0]
    assert sorted(lines) == [b"a" * 200_000] * 20 + [b"b" * 200_000] * 20
    os.close(lock)


def test_who_was_ended_in_a_line_is_followed_by_a_new_one():
    lock = os.memfd_create("turn")
    if (child := os.fork()) == 0:
        Turn(lock).__enter__()
        os._exit(0)  # as if killed: the turn is never given back
    os.waitpid(child, 0)
    with Turn(lock) as begin:
        assert begin == b"\n"
    with Turn(lock) as begin:
        assert begin == b""
    os.close(lock)


@pytest.mark.parametrize("turn", [Alone(), Turn(os.memfd_create("turn"))], ids=["alone", "one of several"])
def test_who_could_write_only_part_of_a_line_is_followed_by_a_new_one(turn):
    with pytest.raises(OSError, match="full"), turn:
        raise OSError("full")
    with turn as begin:
        assert begin == b"\n"
    with turn as begin:
        assert begin == b""
