"""The process that redacts: it sleeps and is woken, it ends with its gate or as that says, and never waits to speak."""

import logging
import marshal
import os
import socket
import time
from contextlib import contextmanager

import pytest

from capture.handing import MASTER, asked, capture
from outgate.capture import process as processes
from outgate.capture.keeper import Keeper
from outgate.capture.process import LONGEST, Process, Said
from outgate.capture.redacting import Redacting
from outgate.capture.redactors import keyed
from outgate.capture.shared import ASLEEP, UNTIL
from outgate.policy.redaction_model import KeepingPolicy


class Beside:
    """A process in this one. `heard`: for how long it listened, and what happens when it does so for the nth time."""

    def __init__(self, policy, monkeypatch):
        self.policy, self.keeper, self.heard = policy, Keeper(MASTER), []
        self.keeper.follow(KeepingPolicy(captures=(policy,)))
        self.shared = self.keeper.shared
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.wake = os.eventfd(0, os.EFD_NONBLOCK)
        redacting = Redacting(self.shared, keyed(MASTER))
        redacting.follow(self.keeper.in_force())
        self.process = Process(redacting, self.wake, self.theirs)
        self.happens = []
        listen = self.process._listen

        def listening(seconds):
            self.heard.append((seconds, self.shared.words[ASLEEP]))
            self.happens.pop(0)()
            listen(0)

        monkeypatch.setattr(self.process, "_listen", listening)

    def put(self):
        assert self.keeper.put(self.policy, asked())

    def end(self):
        self.shared.moment[UNTIL] = time.monotonic() + 30

    @property
    def written(self):
        return self.keeper.counts()["captures_written"]


@pytest.fixture
def beside(tmp_path, monkeypatch):
    made = Beside(capture(tmp_path / "all"), monkeypatch)
    yield made
    for each in (made.ours, made.theirs):
        each.close()
    os.close(made.wake)


IDLE, BEAT = (processes.IDLE, 1), (processes.BEAT, 0)


def test_it_sleeps_until_something_comes_and_waits_for_what_comes_with_it(beside):
    beside.put()
    beside.happens = [beside.put, beside.put, lambda: None, beside.end]
    beside.process.run()
    assert beside.heard == [IDLE, BEAT, IDLE, BEAT]
    assert beside.written == 3


def test_what_comes_just_before_it_sleeps_keeps_it_awake(beside, monkeypatch):
    redacting, asleep = beside.process._redacting, beside.process._redacting.asleep

    def falls_asleep(sleeps):
        asleep(sleeps)
        if sleeps:
            beside.put()

    monkeypatch.setattr(redacting, "asleep", falls_asleep)
    beside.happens = [beside.end]
    beside.process.run()
    assert beside.heard == [BEAT]


def test_what_came_before_the_end_is_written(beside):
    beside.happens = [lambda: None, lambda: [beside.put() for _ in range(5)] and beside.end()]
    beside.process.run()
    assert beside.written == 5


def test_without_a_gate_it_writes_what_waits_and_ends(beside):
    beside.happens = [lambda: beside.put() or beside.ours.close()]
    beside.process.run()
    assert beside.heard == [IDLE], "no time is lost"
    assert beside.written == 1


def test_the_end_of_its_time_is_kept(beside):
    def too_late():
        beside.put()
        beside.shared.moment[UNTIL] = time.monotonic() - 1

    beside.happens = [too_late, lambda: None]
    beside.process.run()
    assert (beside.written, beside.shared.waiting) == (0, 1)


@contextmanager
def speaking():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    log = logging.getLogger("outgate.capture.said")
    log.propagate = False
    log.addHandler(said := Said(theirs))
    with ours, theirs:
        yield ours, log
    log.removeHandler(said)


def test_what_it_says_goes_to_the_gate():
    with speaking() as (gate, log):
        log.error("the capture in %s is %s", "/c", "x" * 2 * LONGEST)
        name, level, text = marshal.loads(gate.recv(1 << 16))
    assert (name, level) == ("outgate.capture.said", logging.ERROR)
    assert text.startswith("the capture in /c is xxx")
    assert len(text) == LONGEST


def test_a_gate_that_does_not_listen_is_not_waited_for():
    with speaking() as (gate, log):
        for _ in range(10_000):
            log.error("x" * 1000)
        gate.close()
        log.error("nor is one that is gone")


def test_what_it_begins_with_is_read_and_let_go_of(tmp_path, monkeypatch):
    """The whole of `main`, in this process."""
    keeper, policy = Keeper(MASTER), capture(tmp_path / "all")
    keeper.follow(KeepingPolicy(captures=(policy,)))
    keeper.put(policy, asked())
    keeper.shared.moment[UNTIL] = time.monotonic() + 30
    ignored, handlers = [], logging.root.handlers[:]
    monkeypatch.setattr("signal.signal", lambda number, what: ignored.append((number.name, what.name)))
    monkeypatch.setattr("gc.freeze", lambda: None)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    beginning = os.memfd_create("beginning")
    os.write(beginning, processes.pickle.dumps((keeper.in_force(), MASTER)))
    os.lseek(beginning, 0, os.SEEK_SET)
    wake = os.eventfd(0)
    with ours:
        processes.main([str(os.dup(keeper.shared.descriptor)), str(wake), str(theirs.detach()), str(beginning)])
        assert ours.recv(1) == b""
    os.close(wake)
    assert ignored == [(name, "SIG_IGN") for name in ("SIGTERM", "SIGINT", "SIGHUP")]
    assert keeper.counts()["captures_written"] == 1
    assert logging.root.handlers == handlers
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(beginning)
