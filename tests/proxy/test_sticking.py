"""What of a request is hashed, and when a cookie is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outgate.policy.model import Identity
from outgate.policy.resilience_model import Balancer, Balancing, HashKey, HashOn
from outgate.policy.route_model import Route
from outgate.policy.routing import Chosen
from outgate.proxy import sticking
from outgate.proxy.exchange import Exchange
from outgate.proxy.passage import Passage
from outgate.proxy.plan import Plan
from proxy.requests import attempt, facts, get

LINE = "GET /a?user=u1&x= HTTP/1.1"
REQUEST = get("Host: api.example", "X-User: u1", "Cookie: a=1; sticky=s1; b", line=LINE)


def hashed(*keys: HashKey, request=REQUEST, port=1):
    caller = Identity(address="192.0.2.7")
    known = replace(facts(), caller=caller, caller_port=port)
    exchange = Exchange(known)
    exchange.attempt = attempt(request, known)
    route = Route()
    passage = Passage(Chosen(route), Plan(route, None), lambda: 0.0, lambda: 0.0, 0.0)
    return sticking.key_of(Balancing(Balancer.RING_HASH, hash_keys=keys), exchange, passage), passage.cookie


@pytest.mark.parametrize(
    ("key", "other"),
    [
        (HashKey(HashOn.HEADER, "x-user"), get("Host: api.example", "X-User: u2")),
        (HashKey(HashOn.COOKIE, "sticky"), get("Host: api.example", "Cookie: sticky=s2")),
        (HashKey(HashOn.QUERY, "user"), get("Host: api.example", line="GET /?user=u2 HTTP/1.1")),
    ],
    ids=["header", "cookie", "query"],
)
def test_the_same_value_hashes_alike_and_another_does_not(key, other):
    assert hashed(key) == hashed(key)
    assert hashed(key)[0] not in (None, hashed(key, request=other)[0])
    assert hashed(key, request=get("Host: api.example")) == (None, "")


def test_a_connection_has_its_own_and_an_address_is_shared_by_all_of_them():
    assert hashed(HashKey(HashOn.CONNECTION)) != hashed(HashKey(HashOn.CONNECTION), port=2)
    assert hashed(HashKey(HashOn.SOURCE_IP)) == hashed(HashKey(HashOn.SOURCE_IP), port=2)


def test_what_is_lacking_is_passed_over_and_a_terminal_one_ends_it():
    user, absent = HashKey(HashOn.HEADER, "x-user"), HashKey(HashOn.HEADER, "x-absent")
    both = hashed(user, HashKey(HashOn.QUERY, "user"))
    assert hashed(absent, user) == hashed(user)
    assert both != hashed(user)
    assert hashed(replace(user, terminal=True), HashKey(HashOn.QUERY, "user")) == hashed(user)


def test_a_cookie_is_made_only_where_it_is_wanted_and_lacking():
    made = HashKey(HashOn.COOKIE, "new", ttl=30.0, path="/a", attributes=(("SameSite", "Strict"), ("Secure", "")))
    key, cookie = hashed(made)
    value, *attributes = cookie.split("; ")
    assert key is not None
    assert value.startswith("new=")
    assert attributes == ["Max-Age=30", "Path=/a", "SameSite=Strict", "Secure", "HttpOnly"]
    again = hashed(made, request=get("Host: api.example", f"Cookie: {value}"))
    assert again == (key, "")
    assert hashed(HashKey(HashOn.COOKIE, "new", ttl=0.0))[1].endswith("; HttpOnly")
    assert "Max-Age" not in hashed(HashKey(HashOn.COOKIE, "new", ttl=0.0))[1]
    assert hashed(HashKey(HashOn.COOKIE, "new")) == (None, "")
