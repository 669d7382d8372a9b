"""A report says what to look at, and no value."""

from capture.exchanges import exchange
from outgate.capture.match import Miss
from outgate.capture.matching.bucket import Entry
from outgate.capture.matching.difference import Difference
from outgate.capture.serving import tally
from outgate.capture.serving.tally import Tally
from outgate.redact.redacted import Manifest

NEAREST = "GET https://api.example/b, which differs in query.token"


def entry(url):
    made = exchange(url)
    return Entry(7, made, made.request, Manifest())


def test_it_names_what_was_missed_and_what_was_not_asked_for():
    found, asked = Tally(answered=1), exchange("https://api.example/a?token=secret").request
    found.miss(
        asked,
        Miss("nothing was recorded for this", entry("https://api.example/b"), (Difference("query.token", None, "x"),)),
    )
    assert list(found.lines([entry("https://api.example/b?c=d")])) == [
        "1 request answered, 1 miss, 1 recorded exchange not asked for",
        f"  missed: GET https://api.example/a: nothing was recorded for this; nearest is {NEAREST}",
        "  not asked for: 7: GET https://api.example/b",
    ]


def test_of_what_was_recorded_for_the_same_address_only_the_places_are_told():
    found, asked = Tally(), exchange("https://api.example/b").request
    found.miss(
        asked,
        Miss("it differs from what was recorded", entry("https://api.example/b"), (Difference("body.$.n", "1", "2"),)),
    )
    assert str(found.misses[0]) == "GET https://api.example/b: it differs from what was recorded, in body.$.n"


def test_it_stays_short(monkeypatch):
    monkeypatch.setattr(tally, "MOST", 30)
    found = Tally(handshakes=2)
    for _ in range(50):
        found.miss(exchange().request, Miss("nothing was recorded"))
    lines = list(found.lines([]))
    assert len(found.misses) == 30
    assert len(lines) == 1 + 20 + 1 + 1
    assert lines[-2] == "  and 30 more"
    assert lines[-1] == "2 TLS handshakes failed; does the client trust the replay's CA?"
