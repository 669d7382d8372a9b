"""What a route makes of a path, an authority, a head; and where a redirect leads."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.rewriting import authority_of, location, rewritten, substitution_fault
from outgate.policy.route_model import Redirect, Rewrite, Route
from outgate.policy.routing import WHOLE, Chosen
from policy.building import http


def chosen(path: str, matched: int = 0, /, *, segments: bool = False, **rewrite: object) -> Chosen:
    return Chosen(Route(rewrite=Rewrite(**rewrite) if rewrite else None), path, matched, segments)


@pytest.mark.parametrize(
    ("path", "matched", "segments", "prefix", "expected"),
    [
        ("/a/b", 2, False, "/x", "/x/b"),
        ("/ab", 2, False, "/x", "/xb"),
        ("/a/b", 1, False, "/x/", "/x/a/b"),
        ("/a/b", 2, True, "/x/", "/x/b"),
        ("/a/b", 2, True, "/", "/b"),
        ("/a", 2, True, "/x", "/x"),
        ("/a", 2, True, "/", "/"),
        ("/a/b", WHOLE, False, "/x", "/x"),
    ],
)
def test_a_prefix_takes_the_place_of_the_matched_one(path, matched, segments, prefix, expected):
    given = chosen(path, matched, segments=segments, prefix=prefix)
    assert rewritten(given, f"{path}?q=1?2") == f"{expected}?q=1?2"
    sent = location(given, Redirect(prefix=prefix), http("a.test", path=path), "a.test")
    assert sent == f"https://a.test{expected}"


def test_a_path_is_replaced_and_the_query_stays():
    assert rewritten(chosen("/a", path="/new"), "/a?q") == "/new?q"
    assert rewritten(chosen("/a", path="/new"), "/a") == "/new"


def test_nothing_is_changed_where_nothing_is_said():
    assert rewritten(chosen("/a"), "/a") is None
    assert rewritten(chosen("/a", authority="b.test"), "/a") is None
    assert authority_of(chosen("/a"), "c.test") is None


def test_the_authority_is_the_one_that_is_given_or_the_backends():
    assert authority_of(chosen("/a", authority="b.test"), "c.test") == "b.test"
    assert authority_of(chosen("/a", to_backend=True), "c.test") == "c.test"
    assert authority_of(chosen("/a", path="/"), "c.test") is None


@pytest.mark.parametrize(
    ("path", "pattern", "substitution", "expected"),
    [
        ("/one/two", "/one/(.*)", r"/\1", "/two"),
        ("/a/a", "a", "b", "/b/b"),
        ("/a", "a", r"[\0]\\", "/[a]\\"),
        ("/a", "x", "y", "/a"),
        ("/ab", "(x)?b", r"<\1>", "/a<>"),
        ("/\u00e9/a", "a", "b", "/\u00e9/b"),
    ],
)
def test_what_an_expression_finds_is_replaced(path, pattern, substitution, expected):
    assert rewritten(chosen(path, pattern=pattern, substitution=substitution), f"{path}?a") == f"{expected}?a"


@given(st.text("ab/", max_size=8), st.sampled_from(("a", "(a)(b)", "/+", "b|a")), st.sampled_from(("", "x", r"[\1]")))
def test_replacing_is_as_another_engine_does_it(path, pattern, substitution):
    if r"\1" in substitution and re.compile(pattern).groups == 0:
        assert substitution_fault(pattern, substitution)
    else:
        assert substitution_fault(pattern, substitution) == ""
        assert rewritten(chosen(path, pattern=pattern, substitution=substitution), path) == re.sub(
            pattern, substitution, path
        )


@pytest.mark.parametrize(
    ("substitution", "fault"), [(r"\d", "backslash"), ("\\", "backslash"), (r"\2", "group 2 of 1"), (r"\0\1\\", "")]
)
def test_a_substitution_may_be_wrong(substitution, fault):
    assert fault in substitution_fault("(a)", substitution)
    assert bool(fault) is bool(substitution_fault("(a)", substitution))


@pytest.mark.parametrize(
    ("redirect", "authority", "expected"),
    [
        (Redirect(authority="b.test"), "a.test:8443", "https://b.test/p?q"),
        (Redirect(authority="b.test:1"), "a.test", "https://b.test:1/p?q"),
        (Redirect(path="/new"), "a.test:8443", "https://a.test:8443/new?q"),
        (Redirect(path="/new?own"), "a.test", "https://a.test/new?own"),
        (Redirect(scheme="http"), "a.test:443", "http://a.test/p?q"),
        (Redirect(scheme="http"), "a.test:8443", "http://a.test:8443/p?q"),
        (Redirect(port=8443), "a.test", "https://a.test:8443/p?q"),
        (Redirect(port=443), "a.test:1", "https://a.test/p?q"),
        (Redirect(scheme="http", port=443), "a.test", "http://a.test:443/p?q"),
        (Redirect(port_of_scheme=True), "a.test:8443", "https://a.test/p?q"),
        (Redirect(path="/"), "[2001:db8::1]", "https://[2001:db8::1]/?q"),
        (Redirect(path="/"), "[2001:db8::1]:8443", "https://[2001:db8::1]:8443/?q"),
    ],
)
def test_a_redirect_keeps_what_it_does_not_say(redirect, authority, expected):
    assert location(chosen("/p"), redirect, http("a.test", path="/p?q"), authority) == expected
