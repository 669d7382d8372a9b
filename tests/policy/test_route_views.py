"""Routes in words: what is matched, where it leads, what else it does, and no value that may be a credential."""

from __future__ import annotations

from ipaddress import ip_network

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.model import Port, Protocol, Upstream
from outgate.policy.route_model import (
    Abort,
    Backend,
    Bucket,
    DirectResponse,
    Fault,
    NamedMatch,
    RateLimit,
    Redirect,
    RetryPolicy,
    Rewrite,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
    Unmatched,
)
from outgate.policy.route_views import routes_of

SECRET = TextMatch(TextKind.EXACT, "s3cr3t")
MATCHES = (
    RouteMatch(path=TextMatch(TextKind.PREFIX, "/v1/"), method=TextMatch(TextKind.EXACT, "GET", negated=True)),
    RouteMatch(headers=(NamedMatch("x-key", SECRET),), queries=(NamedMatch("key", SECRET),)),
    RouteMatch(
        caller=(Condition(Attribute.NAMESPACE, ("prod",)),),
        sni=("a.example",),
        networks=(ip_network("192.0.2.0/24"),),
    ),
)


def told(*routes: Route, unmatched: Unmatched | None = None):
    return routes_of(Port(80, Protocol.HTTP, Upstream(80), routes=routes, unmatched=unmatched))


def test_matches():
    rows = told(*(Route(matches=(match,)) for match in MATCHES), Route())
    assert [row["match"] for row in rows] == [
        "path prefix /v1/ and method not exact GET",
        "header x-key exact and parameter key exact",
        "namespace is one of prod and server name a.example and address in 192.0.2.0/24",
        "everything",
    ]
    assert "s3cr3t" not in str(rows)


def test_where_they_lead():
    backends = (Backend("a", Upstream(80), weight=3), Backend("b", Upstream(80)))
    routes = (
        Route(redirect=Redirect(302)),
        Route(direct=DirectResponse(503)),
        Route(missing=True),
        Route(backends=backends),
        Route(backends=backends[:1]),
        Route(matches=MATCHES),
    )
    assert [row["leads_to"] for row in told(*routes, unmatched=Unmatched.NOT_FOUND)] == [
        "HTTP 302 to elsewhere",
        "HTTP 503",
        "HTTP 404",
        "75 % a, 25 % b",
        "a",
        "its own upstream",
        "HTTP 404",
    ]


def test_what_else_they_do():
    route = Route(
        name="all",
        rewrite=Rewrite(path="/"),
        timeout=2.5,
        retry=RetryPolicy(3),
        faults=(Fault(abort=Abort(503)),) * 2,
        limits=(RateLimit("l", Bucket(1, 1, 1.0)),),
    )
    (row,) = told(route)
    assert (row["name"], row["does"]) == (
        "all",
        ["rewrites", "timeout 2.5 s", "3 retries", "2 faults", "1 rate limit"],
    )
    assert told() == []
