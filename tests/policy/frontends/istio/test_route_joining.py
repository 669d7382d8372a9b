"""Two conditions or two changes as one: what both demand is what each of them demands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.frontends.istio.route_joining import Apart, after, delegated, together
from outgate.policy.model import Attempt, Defaults, Port, Protocol, Upstream
from outgate.policy.route_model import HeaderChange, NamedMatch, Route, RouteMatch, TextKind, TextMatch, Unmatched
from outgate.policy.routing import Router
from policy.building import http

TEXTS = ("/", "/a", "/ab", "/b")
texts = st.builds(TextMatch, st.sampled_from((TextKind.EXACT, TextKind.PREFIX)), st.sampled_from(TEXTS))
optional = st.one_of(st.none(), texts)
headers = st.lists(st.builds(NamedMatch, st.just("k"), texts), max_size=1).map(tuple)
snis = st.sampled_from(((), ("*.a.test",), ("x.a.test", "b.test")))
matches = st.lists(st.builds(RouteMatch, path=optional, method=optional, headers=headers, sni=snis), max_size=2).map(
    tuple
)
attempts = st.builds(
    lambda path, method, value, sni: http("x", path=path, method=method, headers={"k": value}, sni=sni),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(("x.a.test", "y.a.test", "b.test", None)),
)


def takes(given: tuple[RouteMatch, ...] | None, attempt: Attempt) -> bool:
    if given is None:
        return False
    port = Port(80, Protocol.HTTP, Upstream(80), routes=(Route(matches=given),), unmatched=Unmatched.NOT_FOUND)
    return Router(port, Defaults()).choose(attempt) is not None


@given(matches, matches, attempts)
def test_both_demand_what_each_demands(first, then, attempt):
    assert takes(together(first, then), attempt) is (takes(first, attempt) and takes(then, attempt))


@pytest.mark.parametrize(
    ("regex", "other", "both"),
    [
        ("/a.*", TextMatch(TextKind.EXACT, "/ab"), TextMatch(TextKind.EXACT, "/ab")),
        ("/a.*", TextMatch(TextKind.EXACT, "/b"), None),
        ("/a.*", TextMatch(TextKind.REGEX, "/a.*"), TextMatch(TextKind.REGEX, "/a.*")),
    ],
)
def test_an_expression_and_an_exact_text(regex, other, both):
    one = (RouteMatch(path=TextMatch(TextKind.REGEX, regex)),)
    expected = (RouteMatch(path=both),) if both is not None else None
    assert together(one, (RouteMatch(path=other),)) == together((RouteMatch(path=other),), one) == expected


@pytest.mark.parametrize(
    "other",
    [
        TextMatch(TextKind.PREFIX, "/a"),
        TextMatch(TextKind.REGEX, "/b.*"),
        TextMatch(TextKind.EXACT, "/a", ignore_case=True),
    ],
)
def test_an_expression_and_anything_else_cannot_be_one(other):
    one = RouteMatch(path=TextMatch(TextKind.REGEX, "/a.*"))
    with pytest.raises(Apart, match="path"):
        together((one,), (RouteMatch(path=other),))
    assert delegated((one,), (RouteMatch(path=other),)) is None


def test_a_delegate_may_only_be_narrower():
    wide, narrow = (RouteMatch(path=TextMatch(TextKind.PREFIX, path)) for path in ("/a", "/a/b"))
    assert delegated((wide,), (narrow,)) == (narrow,)
    assert delegated((narrow,), (wide,)) is None
    assert delegated((), (wide,)) == delegated((wide,), ()) == (wide,)


changes = st.builds(
    HeaderChange,
    set=st.lists(
        st.tuples(st.sampled_from("abC"), st.sampled_from("12")), max_size=2, unique_by=lambda pair: pair[0]
    ).map(tuple),
    add=st.lists(st.tuples(st.sampled_from("aBc"), st.sampled_from("34")), max_size=2).map(tuple),
    remove=st.lists(st.sampled_from("Abc"), max_size=2).map(tuple),
)


def changed(change: HeaderChange, head: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A head after a change, by what the documents of a change say."""
    gone = {name.lower() for name in (*change.remove, *dict(change.set))}
    return [*(field for field in head if field[0].lower() not in gone), *change.set, *change.add]


@given(changes, changes, st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("56")), max_size=3))
def test_two_changes_as_one_do_what_they_do_one_after_the_other(first, then, head):
    assert sorted(changed(after(first, then), head)) == sorted(changed(then, changed(first, head)))
