"""A record says what was asked and what of it was redacted since."""

import pytest

from capture.exchanges import exchange, sealed
from outgate.backtest.again import Hidden, Unasked, Watched, again, as_tls, inside, title, was_judged
from outgate.policy.attempts import Way
from outgate.policy.urls import Scheme, Url
from outgate.redact.exchange import Exchange, Relayed, Verdict
from outgate.redact.redacted import Manifest, Mark, seal


def asked(*arguments, way=Way.TRANSPARENT, **facts):
    return again(sealed(*arguments, **facts), way)


def relayed(host, sni="", verdict="allow", code="", way=Way.TRANSPARENT):
    made = Exchange("1", 1e9, relayed=Relayed(host, 443, sni=sni), verdict=Verdict(verdict, code), caller="prod/web")
    return again(seal(made, Manifest()), way)


def hidden(*places, url="https://api.example/a/b/c?q=1"):
    marks = tuple(Mark(where, "rule", "token") for where in places)
    return again(seal(exchange(url), Manifest(marks=marks)), Way.TRANSPARENT).hidden


def test_a_request_is_asked_as_it_was():
    made = asked("http://api.example:8080/a?q=1", "POST", caller="prod/web", fields=[(b"X-A", b"\xff")])
    assert made.asked.url == Url(Scheme.HTTP, "api.example", 8080, "/a?q=1")
    assert (made.asked.method, made.asked.address) == ("POST", None)
    assert made.asked.fields == (("host", "api.example:8080"), ("X-A", "\udcff"))
    assert (made.asked.caller.namespace, made.asked.caller.service_account) == ("prod", "web")


@pytest.mark.parametrize(("way", "address"), [(Way.TRANSPARENT, "192.0.2.7"), (Way.REGULAR, None)])
def test_who_spelt_an_address_dialled_it_where_nothing_was_said_to_a_proxy(way, address):
    assert asked("http://192.0.2.7/", way=way).asked.address == address


@pytest.mark.parametrize(
    ("places", "known"),
    [
        ((), Hidden()),
        (("request.header.X-Key", "response.header.x-other"), Hidden(frozenset({"x-key"}))),
        (("request.cookie.sid",), Hidden(frozenset({"cookie"}))),
        (("request.query.q",), Hidden(query=True)),
        (("request.path[1]", "request.path[2]"), Hidden(known="/a/", query=True)),
        (("request.target",), Hidden(known="/", query=True)),
        (("request.trailer.x", "request.body.$.path", "message[1].$"), Hidden()),
    ],
)
def test_what_was_redacted_is_known_by_its_place(places, known):
    assert hidden(*places) == known


def test_bytes_and_tls_of_which_nothing_was_seen():
    tls, bare = relayed("a.example", "a.example"), relayed("192.0.2.7")
    assert (tls.asked.url.scheme, tls.passed, tls.bare) == (Scheme.TLS, True, False)
    assert (bare.asked.url.scheme, bare.asked.address, bare.bare) == (Scheme.TCP, "192.0.2.7", True)
    assert as_tls(bare).asked.url.scheme is Scheme.TLS
    assert inside(tls).asked.url == Url(Scheme.HTTPS, "a.example", 443, "/")


@pytest.mark.parametrize(
    ("code", "way", "passed"),
    [
        ("unregistered", Way.TRANSPARENT, False),
        ("unregistered", Way.REGULAR, True),
        ("protocol_mismatch", Way.REGULAR, False),
    ],
)
def test_denied_tls_was_looked_into_but_where_a_proxy_knew_no_such_place(code, way, passed):
    assert relayed("a.example", "a.example", "deny", code, way).passed is passed


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (seal(Exchange("1", 0.0), Manifest()), "nothing is in it"),
        (sealed("https://a.example:0/"), "names no host, or no port"),
        (sealed("https:///"), "names no host, or no port"),
        (seal(exchange(), Manifest(dropped=(("exchange", "failed"),))), "redaction had failed"),
    ],
)
def test_what_cannot_be_asked_says_why(kept, why):
    with pytest.raises(Unasked, match=why):
        again(kept, Way.TRANSPARENT)


def test_headers_note_who_looks_at_what_was_redacted():
    headers = Watched({"a": "1", "b": "2"}, frozenset({"b", "gone"}))
    assert (headers.get("a"), headers.seen, len(headers), list(headers)) == ("1", set(), 2, ["a", "b"])
    assert (headers.get("b"), headers.get("gone"), headers.seen) == ("2", None, {"b", "gone"})


@pytest.mark.parametrize(
    ("verdict", "code", "judged"),
    [("allow", "", True), ("deny", "unregistered", True), ("deny", "loop", False), ("deny", "an_addon_s_own", False)],
)
def test_only_what_a_policy_said_is_compared(verdict, code, judged):
    assert was_judged(Verdict(verdict, code)) is judged


def test_a_title_has_no_query():
    assert title(exchange("https://a.example/b?c=d")) == "GET https://a.example/b"
    assert title(Exchange("1", 0.0, relayed=Relayed("2001:db8::1", 5432))) == "tcp://[2001:db8::1]:5432"
    assert title(Exchange("1", 0.0)) == ""
