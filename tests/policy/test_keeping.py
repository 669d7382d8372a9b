"""Which documents an attempt is kept and changed by."""

import pytest

from outgate.policy.keeping import Kept, blind, inline, kept, takers
from outgate.policy.redaction_model import Action, CapturePolicy, Inline, KeepingPolicy, Matching, RedactionPolicy
from policy.building import destination, http, tcp, tls

ALL, SOME = RedactionPolicy("all"), RedactionPolicy("some", Matching(("a.example",), ("POST",), ("/v1/*",)))
FIRST, SECOND = CapturePolicy("first", Matching(("a.example",)), denied=False), CapturePolicy("second")
KEEPING = KeepingPolicy((ALL, SOME), (FIRST, SECOND))


@pytest.mark.parametrize(
    ("attempt", "denied", "expected"),
    [
        (http("a.example", method="POST", path="/v1/x?y"), False, Kept((ALL, SOME), FIRST)),
        (http("a.example", method="POST", path="/v1/x?y"), True, Kept((ALL, SOME), SECOND)),
        (http("a.example", method="GET", path="/v1/x"), False, Kept((ALL,), FIRST)),
        (http("b.example", method="POST", path="/v1/x"), False, Kept((ALL,), SECOND)),
        (http(None, address="192.0.2.1"), False, Kept((ALL,), SECOND)),
        (tls("a.example"), False, Kept((), FIRST)),
        (tls("a.example"), True, Kept((), SECOND)),
        (tcp("192.0.2.1", 80), False, Kept((), SECOND)),
    ],
)
def test_all_redactions_hold_and_the_first_capture_takes_it(attempt, denied, expected):
    assert kept(KEEPING, attempt, denied=denied) == expected


def test_those_behind_the_first_could_come_to_take_it_and_bytes_fit_none_that_asks_for_more():
    asking = [
        CapturePolicy("method", Matching(methods=("GET",))),
        CapturePolicy("path", Matching(paths=("/*",))),
        CapturePolicy("kind", Matching(media_types=("text/*",))),
    ]
    keeping = KeepingPolicy(captures=(*asking, FIRST))
    assert takers(keeping, http("a.example", method="GET", path="/x"), denied=False) == keeping.captures
    assert takers(keeping, tls("a.example"), denied=False) == (FIRST,)


LIVE = Inline(Action.MASK)
NAMED = RedactionPolicy("named", Matching(("a.example", "*.b.example"), paths=("/v1/*",)), inline=LIVE)
ANYWHERE = RedactionPolicy("anywhere", Matching(methods=("POST",)), inline=LIVE)


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (http("a.example", path="/v1/x?y"), (NAMED,)),
        (http("a.example", path="/%761/x"), (NAMED,)),
        (http("x.b.example", method="POST", path="/v1/"), (NAMED, ANYWHERE)),
        (http("a.example", path="/v2"), ()),
        (http("c.example", path="/v1/x"), ()),
    ],
)
def test_what_looks_at_live_messages(attempt, expected):
    assert inline(KeepingPolicy((ALL, NAMED, ANYWHERE)), attempt) == expected


@pytest.mark.parametrize(
    ("attempt", "known", "found"),
    [
        (tls("a.example"), None, NAMED),
        (tls("x.b.example"), None, NAMED),
        (tls("c.example"), None, None),
        (tcp("192.0.2.1", 80), destination("a.example"), NAMED),
        (tcp("192.0.2.1", 80), destination("*.b.example"), NAMED),
        (tcp("192.0.2.1", 80), destination("c.example"), None),
        (http("a.example", path="/v1/"), None, None),
    ],
)
def test_what_would_escape_it_as_bytes(attempt, known, found):
    assert blind(KeepingPolicy((ALL, NAMED)), attempt, known) is found
    assert blind(KeepingPolicy((ANYWHERE,)), tls("c.example"), None) is ANYWHERE
    assert blind(KeepingPolicy((ALL,)), tls("a.example"), None) is None
