"""The summary's numbers: lines of the access log and refused lookups, counted by place."""

import json

from outgate.exec import tally as module
from outgate.exec.tally import Entry, Tally
from outgate.telemetry.sinks import StreamSink


def record(**more):
    return {"kind": "http", "verdict": "allow", "code": "registered", **more}


def told(*records, name=lambda address: ""):
    made = Tally(name)
    log = StreamSink(made)
    for each in records:
        log.put(json.dumps(each).encode() + b"\n")
    log.close()
    assert log.dropped == 0
    return made


def test_attempts_at_one_place_with_one_outcome_are_one_entry():
    made = told(record(host="a.test", port=443), record(host="a.test", port=443), record(host="a.test", port=80))
    assert made.entries() == [
        (Entry("a.test", 443, "allow", "registered", ""), 2),
        (Entry("a.test", 80, "allow", "registered", ""), 1),
    ]


def test_a_denial_says_why_and_what_would_have_to_be_allowed():
    denied = {"verdict": "deny", "code": "unregistered", "reason": "no"}
    made = told(record(host="a.test", port=8080, **denied), record(host="b.test", port=443, **denied))
    assert [(entry.why, entry.missing) for entry, _ in made.entries()] == [("no", "a.test:8080"), ("no", "b.test")]


def test_a_rule_that_refused_is_named_and_allowing_the_host_is_not_suggested():
    made = told(record(host="a.test", port=443, verdict="deny", code="refused_by_rule", reason="no", rule="the rule"))
    [(entry, _)] = made.entries()
    assert (entry.why, entry.missing) == ("no, by the rule", "")


def test_a_failure_after_an_allow_is_told():
    made = told(record(host="a.test", port=443, failure="connect_failed: nobody there"))
    assert made.entries()[0][0].why == "connect_failed: nobody there"


def test_bytes_without_a_name_are_told_by_the_name_of_their_address():
    made = told(record(kind="tcp", address="198.18.1.0", port=22), name={"198.18.1.0": "a.test"}.get)
    assert made.entries()[0][0].host == "a.test"


def test_a_lookup_asks_for_several_types_and_counts_once():
    made = Tally(str)
    for kind in (1, 28, 1, 28, 65):
        made.unknown("evil.test", kind)
    [(entry, count)] = made.entries()
    assert (entry.host, entry.port, entry.verdict, count) == ("evil.test", 0, "deny", 2)
    assert entry.missing == "evil.test"


def test_places_that_are_told_apart_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    made = told(*(record(host=f"{number}.test", port=443) for number in range(5)))
    for number in range(5):
        made.unknown(f"{number}.test", 1)
    assert len(made.entries()) == 4
    assert made.further == 6
