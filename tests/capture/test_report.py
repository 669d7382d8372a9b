"""A report counts what was done, and holds no value."""

from capture.exchanges import sealed
from outgate.capture.report import Report
from outgate.redact.redacted import Manifest, seal


def test_it_counts_by_rule():
    report, kept = Report(), sealed(marks=[("request.query.a", "token"), ("request.query.b", "token")])
    report.add(kept, "")
    report.add(kept, "")
    report.add(kept, "a tunnel")
    report.add(seal(kept.exchange, Manifest(dropped=(("response.body", "undecodable"),))), "")
    assert (report.written, report.read) == (3, 4)
    assert report.marks == {("rule", "token"): 4}
    assert report.left_out == {"a tunnel": 1}
    assert report.dropped == {"undecodable": 1}
