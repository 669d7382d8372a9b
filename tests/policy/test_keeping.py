"""Which documents an attempt is kept and changed by."""

import pytest

from outgate.policy.keeping import Kept, kept
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, Matching, RedactionPolicy
from policy.building import http, tcp, tls

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
        (tls("a.example"), False, Kept()),
        (tcp("192.0.2.1", 80), False, Kept()),
    ],
)
def test_all_redactions_hold_and_the_first_capture_takes_it(attempt, denied, expected):
    assert kept(KEEPING, attempt, denied=denied) == expected
