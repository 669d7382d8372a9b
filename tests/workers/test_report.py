"""Reports go over a channel and add up."""

import json

import pytest

from outgate.workers.report import Report, counted

ONE = Report("", "abc", "", 3, 1, {"left_early": 2, "crashes": 1})
TWO = Report("starting", "", "", 4, 0, {"left_early": 5})


def test_a_report_comes_back_from_its_message():
    assert Report.read(json.loads(json.dumps(ONE.plain()))) == ONE


@pytest.mark.parametrize(
    "message",
    [None, [], "report", {"other": 1}, {"connections": "many"}, {"trips": None}, {"policy": 1}, {"counts": [1]}],
)
def test_what_is_no_report_is_an_error(message):
    with pytest.raises(ValueError, match="not a report"):
        Report.read(message)


def test_what_is_counted_adds_up():
    assert counted((ONE, TWO)) == Report(connections=7, trips=1, counts={"left_early": 7, "crashes": 1})
    assert counted(()) == Report()
