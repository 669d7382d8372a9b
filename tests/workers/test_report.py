"""Reports go over a channel and add up."""

import json

from outgate.workers.report import Report, counted

ONE = Report("", "abc", "", 3, 1, {"left_early": 2, "crashes": 1})
TWO = Report("starting", "", "", 4, 0, {"left_early": 5})


def test_a_report_comes_back_from_its_message():
    assert Report.read(json.loads(json.dumps(ONE.plain()))) == ONE


def test_what_is_counted_adds_up():
    assert counted((ONE, TWO)) == Report(connections=7, trips=1, counts={"left_early": 7, "crashes": 1})
    assert counted(()) == Report()
