"""What the default rules find in texts that say what is in them, and what else."""

import re

import pytest

from redact.evaluate import FOLDER, evaluate, rows

LEAST_RECALL = 0.95
MOST_SURPLUS = 0.10


@pytest.fixture(scope="module")
def measured():
    return evaluate()


def test_nearly_all_is_found(measured):
    tallies, _, _ = measured
    expected, found = sum(each.expected for each in tallies.values()), sum(each.found for each in tallies.values())
    assert expected > 400
    assert found >= LEAST_RECALL * expected, [missed for each in tallies.values() for missed in each.missed]


def test_little_else_is_found(measured):
    tallies, total, flagged = measured
    surplus = [found for each in tallies.values() for found in each.surplus]
    right = sum(each.found for each in tallies.values())
    assert len(surplus) < MOST_SURPLUS * (right + len(surplus)), surplus
    look_alikes = sum(not any(value.expected for value in row.values) for row in rows())
    assert total > 600
    assert look_alikes > 150
    assert flagged < MOST_SURPLUS * look_alikes


def test_each_class_is_found_where_it_is_often_enough_to_say(measured):
    for label, tally in measured[0].items():
        assert tally.found >= 0.8 * tally.expected or tally.expected < 5, (label, tally.missed)


def test_no_row_holds_a_whole_secret():
    """What is drawn while tests run is no secret of anybody's, and no scanner takes the file for one."""
    live = re.compile(r"\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_\w{36}|(?:sk|rk)_live_\w{20}|xox[abp]-[\w-]{20}|AIza[\w-]{35})")
    for path in FOLDER.glob("*.txt"):
        assert live.search(path.read_text(encoding="utf-8")) is None
    assert live.search(next(row for row in rows() if row.where == "secrets.txt:3").values[0].text)
