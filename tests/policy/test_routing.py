"""Which route an attempt takes: against a reference that is written the slow way, and case by case."""

import re
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.compile import Policy
from outgate.policy.model import Attempt, AttemptKind, Defaults, Identity, Port, Protocol, Upstream
from outgate.policy.route_model import NamedMatch, Redirect, Rewrite, Route, RouteMatch, TextKind, TextMatch, Unmatched
from outgate.policy.routing import KEPT, LONGEST, PLAIN, WHOLE, Router, Routers, compiled
from outgate.policy.steps import Steps
from policy.building import WEB, destination, http, tcp, tls

EXACT, PREFIX, SEGMENTS = TextKind.EXACT, TextKind.PREFIX, TextKind.SEGMENTS
REGEX, PRESENT = TextKind.REGEX, TextKind.PRESENT


def port(*routes: Route, unmatched: Unmatched | None = Unmatched.NOT_FOUND) -> Port:
    return Port(443, Protocol.HTTPS, Upstream(443), routes=routes, unmatched=unmatched)


def choose(attempt: Attempt, *routes: Route, unmatched: Unmatched | None = Unmatched.NOT_FOUND) -> str | None:
    chosen = Router(port(*routes, unmatched=unmatched), Defaults()).choose(attempt)
    return chosen.route.name if chosen is not None else None


def one(**match: object) -> Route:
    return Route("it", (RouteMatch(**match),))


TEXTS = st.sampled_from(("", "/", "/a", "/a/", "/a/b", "/ab", "/A/b", "GET", "get", "x.test", "1"))
KINDS = st.sampled_from(tuple(TextKind))


@st.composite
def text_matches(draw: st.DrawFn) -> TextMatch:
    kind = draw(KINDS)
    value = draw(st.sampled_from(("/a.*", "[a-zA-Z/]+", "(GET|get)"))) if kind is REGEX else draw(TEXTS)
    return TextMatch(kind, value, draw(st.booleans()), draw(st.booleans()))


def named() -> st.SearchStrategy[tuple[NamedMatch, ...]]:
    return st.lists(st.builds(NamedMatch, st.sampled_from(("k", "q")), text_matches()), max_size=1).map(tuple)


def route_matches() -> st.SearchStrategy[RouteMatch]:
    optional = st.one_of(st.none(), st.none(), text_matches())
    return st.builds(
        RouteMatch,
        path=optional,
        method=optional,
        scheme=st.one_of(st.none(), st.just(TextMatch(EXACT, "https"))),
        headers=named(),
        queries=named(),
        caller=st.sampled_from(((), (Condition(Attribute.NAMESPACE, ("prod",)),))),
        sni=st.sampled_from(((), ("x.test",), ("*.test",))),
        networks=st.sampled_from(((), (ip_network("192.0.2.0/24"),))),
    )


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    kind = draw(st.sampled_from(tuple(AttemptKind)))
    return Attempt(
        kind,
        Identity(namespace=draw(st.sampled_from(("", "prod", "dev")))),
        443,
        draw(st.sampled_from(("x.test", None))),
        draw(st.sampled_from((None, "192.0.2.9", "198.51.100.9"))),
        draw(st.sampled_from((None, "x.test", "y.test"))),
        draw(st.booleans()),
        draw(st.sampled_from(("GET", "get", ""))) if kind is AttemptKind.HTTP else "",
        draw(st.sampled_from(("/a", "/a/b?q=1", "/ab?k&q=/a", "/", "/A/b?q=&q=1"))) if kind is AttemptKind.HTTP else "",
        draw(st.sampled_from(({}, {"k": "1"}, {"k": "", "q": "/a/b"}))) if kind is AttemptKind.HTTP else {},
    )


def text_passes(match: TextMatch, text: str | None) -> bool:
    """The reference: by regular expressions of another engine, whatever the kind."""
    if text is None:
        return match.negated
    stem = re.escape(match.value.removesuffix("/"))
    pattern = {
        EXACT: re.escape(match.value),
        PREFIX: f"{re.escape(match.value)}.*",
        SEGMENTS: f"{stem}(/.*)?",
        REGEX: match.value,
        PRESENT: ".*",
    }[match.kind]
    found = re.fullmatch(pattern, text, re.DOTALL | (re.IGNORECASE if match.ignore_case else 0)) is not None
    return found is not match.negated


def passes(match: RouteMatch, attempt: Attempt) -> bool:
    is_http = attempt.kind is AttemptKind.HTTP
    path, _, query = attempt.path.partition("?")
    pairs = [([*part.split("=", 1), ""])[:2] for part in query.split("&") if query]
    values = dict(reversed(pairs))
    scheme = "https" if attempt.encrypted else "http"
    of_http = [(match.path, path), (match.method, attempt.method), (match.scheme, scheme)]
    of_http += [(each.match, attempt.headers.get(each.name)) for each in match.headers]
    of_http += [(each.match, values.get(each.name)) for each in match.queries]
    asked = [(wanted, text) for wanted, text in of_http if wanted is not None]
    return (
        (is_http or not asked)
        and all(text_passes(wanted, text) for wanted, text in asked)
        and all(attempt.caller.namespace in each.values for each in match.caller)
        and (not match.sni or any(text_passes(_suffix(each), attempt.sni) for each in match.sni))
        and (not match.networks or any(_holds(network, attempt.address) for network in match.networks))
    )


def _suffix(pattern: str) -> TextMatch:
    return TextMatch(REGEX, ".*" + re.escape(pattern.removeprefix("*")))


def _holds(network, address: str | None) -> bool:
    return address is not None and ip_address(address) in network


@settings(max_examples=300)
@given(
    st.lists(st.lists(route_matches(), max_size=2).map(tuple), max_size=3),
    st.lists(attempts(), min_size=1, max_size=3),
    st.booleans(),
)
def test_the_first_route_that_matches_is_taken(matches, tried, forwards):
    """Whatever was asked before: each is asked about twice, and what is alike in one way is not in another."""
    routes = [Route(str(index), given) for index, given in enumerate(matches)]
    unmatched = Unmatched.FORWARD if forwards else Unmatched.NOT_FOUND
    subject = port(*routes, unmatched=unmatched)
    routers = Routers([destination("x.test", ports=(subject,))], Defaults())
    for attempt in tried * 2:
        expected = next(
            (route for route in routes if not route.matches or any(passes(match, attempt) for match in route.matches)),
            None,
        )
        chosen = routers.choose(subject, attempt)
        if expected is not None:
            assert chosen is not None
            assert chosen.route is expected
        else:
            assert chosen == (PLAIN if forwards or not routes else None)


def test_what_is_remembered_by_path_is_bounded_and_the_same():
    router = Router(port(one(path=TextMatch(PREFIX, "/a/")), Route("rest", rewrite=Rewrite(prefix="/"))), Defaults())
    paths = [f"/a/{number}" for number in range(KEPT + 2)] + ["/a/" + "x" * LONGEST, "/b"]
    for path in paths * 2:
        chosen = router.choose(http("x.test", path=path))
        assert chosen is not None
        assert (chosen.route.name, chosen.path) == (("it", "") if path.startswith("/a") else ("rest", path))
    assert len(router._known) <= KEPT
    assert all(len(path) <= LONGEST for _, path in router._known)


def test_a_port_without_routes_is_plain_whatever_is_said_of_what_no_route_takes():
    assert Router(port(), Defaults()).choose(http("x.test")) is PLAIN


def test_what_no_route_takes_is_forwarded_where_nothing_is_said():
    assert choose(http("x.test"), one(method=TextMatch(EXACT, "PUT")), unmatched=None) == ""


@pytest.mark.parametrize(
    ("match", "path", "matched"),
    [
        (TextMatch(PREFIX, "/a"), "/ab?q", 2),
        (TextMatch(SEGMENTS, "/a/"), "/a/b", 2),
        (TextMatch(EXACT, "/a"), "/a", WHOLE),
        (TextMatch(REGEX, "/a.*"), "/abc", WHOLE),
        (TextMatch(EXACT, "/b", negated=True), "/abc", 0),
        (None, "/abc", 0),
    ],
)
def test_what_was_matched_of_the_path_is_kept_where_it_is_needed(match, path, matched):
    """That is, for a rewrite or a redirect; else what is chosen is the same object every time."""
    given = RouteMatch(path=match, method=TextMatch(EXACT, "GET"))
    for needed in ({"rewrite": Rewrite(prefix="/new")}, {"redirect": Redirect(prefix="/new")}):
        chosen = Router(port(Route(matches=(given,), **needed)), Defaults()).choose(http("x.test", path=path))
        assert (chosen.path, chosen.matched) == (path.partition("?")[0], matched)
    router = Router(port(Route(matches=(given,))), Defaults())
    assert router.choose(http("x.test", path=path)) is router.choose(http("x.test", path=path))


def test_what_is_not_there_matches_no_prefix_not_even_the_empty_one():
    """HTTP/1.0 has no authority to give."""
    nameless = Attempt(AttemptKind.HTTP, WEB, 80, None, "192.0.2.1", None, False, "GET", "/")
    assert choose(nameless, one(authority=TextMatch(PREFIX, ""))) is None


def test_paths_are_compared_in_the_form_in_which_rules_see_them():
    attempt = http("x.test", path="/a/../b%2Dc?q")
    assert choose(attempt, one(path=TextMatch(EXACT, "/b-c"))) == "it"
    plain = Router(port(one(path=TextMatch(EXACT, "/b-c"))), Defaults(path_normalization="NONE"))
    assert plain.choose(attempt) is None


@pytest.mark.parametrize(
    ("given", "value", "taken"),
    [
        ({"headers": {"host": "x.test:8443"}, "port": 8443}, "x.test:8443", True),
        ({"headers": {"host": "x.test"}}, "x.test", True),
        ({}, "x.test", True),
        ({"headers": {"host": "x.test"}}, "y.test", False),
    ],
)
def test_the_authority_is_as_it_leaves(given, value, taken):
    attempt = http("x.test", **given)
    match = TextMatch(EXACT, value)
    assert (choose(attempt, one(authority=match)) == "it") is taken
    assert (choose(attempt, one(headers=(NamedMatch(":authority", match),))) == "it") is taken


@pytest.mark.parametrize(
    ("labels", "values", "taken"),
    [
        ((("app", "web"),), ("web",), True),
        ((("app", "web"),), ("job",), False),
        ((("tier", "a"),), ("web",), False),
        ((), ("web",), False),
    ],
)
def test_a_route_may_be_for_callers_with_a_label(labels, values, taken):
    caller = replace(WEB, labels=labels)
    condition = Condition(Attribute.SOURCE_LABEL, values, "app")
    assert (choose(http("x.test", caller=caller), one(caller=(condition,))) == "it") is taken


def test_tunnels_and_bytes_take_routes_by_name_and_address():
    routes = (
        Route("name", (RouteMatch(sni=("*.x.test",)),)),
        Route("place", (RouteMatch(networks=(ip_network("192.0.2.0/24"),)),)),
    )
    assert choose(tls("a.x.test"), *routes) == "name"
    assert choose(tls("x.test"), *routes) is None
    assert choose(tcp("192.0.2.1", 443), *routes) == "place"
    assert choose(tcp("::ffff:192.0.2.1", 443), *routes) == "place"
    assert choose(tls(None, address="198.51.100.1"), *routes) is None


def test_a_request_that_is_none_matches_nothing_of_http_not_even_what_is_absent():
    absent = NamedMatch("k", TextMatch(PRESENT, negated=True))
    assert choose(tls("x.test"), one(headers=(absent,))) is None


def test_expressions_take_bytes_that_are_no_text():
    assert choose(http("x.test", headers={"k": "a\udcff"}), one(headers=(NamedMatch("k", TextMatch(REGEX, "a.+")),)))
    with pytest.raises(ValueError, match="not an RE2 expression"):
        compiled(TextMatch(REGEX, "("))


def test_a_policy_remembers_its_ports_and_reads_others_as_they_come():
    """A port of another policy, such as one under which a connection began, is looked at all the same."""
    catch_all, known = Route("all"), port(one(method=TextMatch(EXACT, "GET")))
    policy = Policy("p", destinations=(destination("x.test", ports=(known, port(catch_all))),))
    attempt = http("x.test")
    assert policy.route(known, attempt).route.name == "it"
    assert policy.route(policy.destinations[0].ports[1], attempt) is policy.route(port(catch_all), attempt)
    assert policy.route(port(Route("other", (RouteMatch(method=TextMatch(EXACT, "PUT")),))), attempt) is None
    assert policy.route(port(Route("else")), attempt).route.name == "else"


def test_each_route_that_was_looked_at_is_told():
    steps = Steps()
    present = (NamedMatch("k", TextMatch(PRESENT)),)
    first = Route("a", (RouteMatch(method=TextMatch(EXACT, "PUT")), RouteMatch(headers=present)))
    policy = Policy("p", destinations=(destination("x.test", ports=(known := port(first, Route(), Route("c")),)),))
    assert policy.route(known, http("x.test"), steps=steps) is not None
    assert [step.what for step in steps.taken] == [
        "the route a does not take it, for its method",
        "the route a does not take it, for its header k",
        "a route takes it",
    ]


def test_a_route_that_changes_the_path_sees_it():
    route = Route("it", rewrite=Rewrite(pattern="a", substitution="b"))
    policy = Policy("p", destinations=(destination("x.test", ports=(known := port(route),)),))
    assert policy.route(known, http("x.test", path="/a/./b")).path == "/a/b"
