"""Which exchanges a document is about."""

import pytest

from outgate.policy.redaction_model import Matching

CASES = [
    (Matching(), True),
    (Matching(hosts=("a.example",)), True),
    (Matching(hosts=("b.example", "*.example")), True),
    (Matching(hosts=("*.a.example",)), False),
    (Matching(methods=("GET", "POST")), True),
    (Matching(methods=("PUT",)), False),
    (Matching(paths=("/v1/*",)), True),
    (Matching(paths=("/v1/users",)), True),
    (Matching(paths=("/v1",)), False),
    (Matching(paths=("/v2/*", "/*")), True),
    (Matching(media_types=("application/json",)), True),
    (Matching(media_types=("text/*",)), True),
    (Matching(media_types=("image/*", "text/plain")), False),
    (Matching(("a.example",), ("POST",), ("/v1/*",), ("text/html",)), True),
    (Matching(("a.example",), ("GET",), ("/v1/*",), ("text/html",)), False),
]


@pytest.mark.parametrize(("matching", "fits"), CASES)
def test_all_kinds_have_to_fit_and_of_each_any(matching, fits):
    assert matching.fits("a.example", "POST", "/v1/users", {"application/json", "text/html"}) is fits


def test_before_bodies_are_known_any_could_come():
    assert Matching(media_types=("text/*",)).fits("a.example", "GET", "/")
    assert not Matching(media_types=("text/*",)).fits("a.example", "GET", "/", ())
