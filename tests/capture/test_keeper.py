"""Whoever hands something over never waits; what finds no room is counted, and nothing is kept under another policy."""

import pytest

from capture.handing import CANARY, MASTER, asked, capture
from outgate.capture.keeper import Keeper
from outgate.capture.redacting import Redacting
from outgate.capture.redactors import keyed
from outgate.capture.shared import ASLEEP
from outgate.policy.redaction_model import KeepingPolicy, RedactionPolicy

SMALL = 1 << 14


@pytest.fixture
def policy(tmp_path):
    return capture(tmp_path / "all")


def following(policy, size=SMALL):
    keeper = Keeper(MASTER, size)
    keeper.follow(KeepingPolicy(captures=(policy,)))
    return keeper


def worked(keeper):
    Redacting(keeper.shared, keyed(MASTER)).work()
    return keeper.counts()


def test_without_a_capture_there_is_neither_memory_nor_a_process(policy):
    keeper = Keeper(MASTER)
    keeper.follow(KeepingPolicy((RedactionPolicy("r"),)))
    keeper.start()
    assert not keeper.put(policy, asked())
    assert (keeper.shared, keeper.pid, keeper.counts(), dict(keeper.rules)) == (None, None, {}, {})
    keeper.close(0)
    keeper.join()


def test_too_much_is_dropped_and_counted(policy):
    keeper = following(policy)
    taken = [keeper.put(policy, asked(number)) for number in range(200)]
    assert taken == sorted(taken, reverse=True)
    assert 0 < taken.count(False) < 200
    assert worked(keeper)["captures_dropped"] == taken.count(False)
    assert worked(keeper)["captures_written"] == taken.count(True)
    assert keeper.put(policy, asked()), "there is room again"


def test_a_policy_that_finds_no_room_holds_up_what_comes_after_it(policy, tmp_path):
    keeper, other = following(policy), capture(tmp_path / "other")
    while keeper.put(policy, asked()):
        pass
    written = keeper.shared.waiting
    keeper.follow(KeepingPolicy(captures=(other,)))
    assert not keeper.put(other, asked())
    Redacting(keeper.shared, keyed(MASTER)).work()
    assert keeper.put(other, asked(7))
    counted = worked(keeper)
    assert (counted["captures_written"], counted["captures_dropped"]) == (written + 1, 2)
    assert len(list((tmp_path / "other").iterdir())) == 1


def test_what_is_left_at_the_end_is_dropped_and_nothing_more_is_taken(policy):
    keeper = following(policy)
    assert keeper.put(policy, asked())
    keeper.close(0)
    assert not keeper.put(policy, asked())
    keeper.join()
    keeper.join()
    keeper.follow(KeepingPolicy())
    assert keeper.counts()["captures_dropped"] == 2


def test_what_is_no_exchange_is_refused_and_the_next_one_is_not(policy):
    keeper = following(policy)
    with pytest.raises(ValueError, match="object is no value of an exchange"):
        keeper.put(policy, (object(),))
    keeper.lose("ValueError")
    assert keeper.put(policy, asked())
    assert worked(keeper) == {
        "redaction_failed": 1,
        "captures_written": 1,
        "captures_dropped": 0,
        "captures_failed": 1,
    }


def test_what_is_lost_is_told_once_in_a_while(policy, caplog):
    keeper = following(policy)
    for _ in range(3):
        keeper.lose("ValueError")
    assert caplog.text.count("an exchange was not captured, it could not be redacted: ValueError") == 1
    assert keeper.counts()["captures_failed"] == 3


def test_only_who_sleeps_is_woken(policy, monkeypatch):
    woken = []
    monkeypatch.setattr("os.eventfd_write", lambda descriptor, value: woken.append(descriptor))
    keeper = following(policy)
    keeper.put(policy, asked())
    assert woken == []
    keeper.shared.words[ASLEEP] = 1
    for _ in range(3):
        keeper.put(policy, asked())
    assert len(woken) == 1
    keeper.shared.words[ASLEEP] = 1
    keeper.follow(KeepingPolicy(captures=(policy,)))
    assert len(woken) == 2


def test_without_memory_nothing_is_captured_and_it_is_told(policy, monkeypatch, caplog):
    def full(name):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("os.memfd_create", full)
    keeper = following(policy)
    assert not keeper.put(policy, asked())
    assert "there is no memory for it: [Errno 12] Cannot allocate memory" in caplog.text


def test_nothing_of_what_waits_is_in_what_is_told(policy):
    keeper = following(policy)
    keeper.put(policy, asked())
    assert CANARY.decode() not in repr((keeper.counts(), keeper.rules, keeper.in_force()))
