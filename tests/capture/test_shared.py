"""What two processes tell each other in memory that both have."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from outgate.capture.shared import LARGEST, OTHERS, PUT, TAKEN, UNTIL, Shared


@pytest.fixture
def shared():
    return Shared.make(1 << 12)


def test_both_sides_see_the_same(shared):
    other = Shared(os.dup(shared.descriptor))
    shared.words[PUT], shared.moment[UNTIL] = 3, 12.5
    assert shared.ring.write(1, b"payload")
    other.tell_rules(Counter(token=2))
    assert (other.waiting, other.moment[UNTIL], bytes(other.ring.read(0).payload)) == (3, 12.5, b"payload")
    assert shared.rules() == Counter(token=2)
    other.words[TAKEN] = 3
    assert shared.waiting == 0


def test_counts_of_rules_follow_each_other(shared):
    assert shared.rules() == Counter()
    for number in range(5):
        shared.tell_rules(Counter(token=number, card=1))
        assert shared.rules() == Counter(token=number, card=1)


def test_rules_for_whose_names_there_is_no_room_count_together(shared):
    rules = Counter({f"{number:05}{'x' * 100}": number + 1 for number in range(LARGEST // 100)})
    total = rules.total()
    shared.tell_rules(rules)
    told = shared.rules()
    assert told.total() == total
    assert told[OTHERS] > 0
    assert told.most_common(2)[1][0].startswith(f"{LARGEST // 100 - 1:05}"), "those that count most keep their names"


def test_counts_that_are_torn_are_none_for_once(shared):
    shared.tell_rules(Counter(token=1))
    shared._rules[:] = b"\xff" * len(shared._rules)
    shared._rules[0] = 0
    assert shared.rules() == Counter()


def test_it_is_in_no_core_dump(shared):
    mappings = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    flags = [each.rpartition("VmFlags:")[2].split() for each in mappings if "memfd:outgate-captures" in each]
    assert shared.words[PUT] == 0
    assert flags
    assert all("dd" in each for each in flags)
