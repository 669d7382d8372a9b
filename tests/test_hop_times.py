"""A gateway that gives up before the gate in front of it is named, once, whatever else it says."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.hop_times import NAMES, Patience, told
from outgate.settings import Limits

HEAD = b"HTTP/1.1 200 Connection established\r\n%s\r\n"


def test_times_below_one_s_own_are_said_once(caplog):
    patience = Patience(Limits(idle_timeout=100, body_timeout=20, connect_timeout=0.5))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            patience.heard(HEAD % told(Limits(idle_timeout=99.5, body_timeout=20, connect_timeout=10)))
    assert [record.getMessage() for record in caplog.records] == [
        "the gateway's idle_timeout is 99.5 s, below the 100 s of this gate, which it cuts short; raise it there"
    ]


@pytest.mark.parametrize(
    "line",
    [b"", b"x-other: idle_timeout=1\r\n", b"x-outgate-timeouts: peek_timeout=0, idle_timeouts=1, idle_timeout=x\r\n"],
    ids=["nothing", "another header", "other words"],
)
def test_what_is_not_told_is_not_warned_of(caplog, line):
    Patience(Limits()).heard(HEAD % line)
    assert caplog.records == []


def test_every_time_that_is_told_is_a_limit():
    assert all(hasattr(Limits(), name) for name in NAMES)


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_an_answer_may_say_what_it_likes(data):
    patience = Patience(Limits())
    patience.heard(HEAD % (b"x-outgate-timeouts:" + data + b"\r\n"))
    assert patience.said <= set(NAMES)
