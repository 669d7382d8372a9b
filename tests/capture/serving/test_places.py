"""A request is for the host that it names, however it arrived."""

import pytest

from outgate.capture.match import Scope
from outgate.capture.serving.places import Arrival, Mode, Places, split
from outgate.redact.exchange import Request

PLACES = Places(
    Request("GET", scheme, host, port, "/")
    for scheme, host, port in [
        ("https", "api.example", 443),
        ("http", "api.example", 8080),
        ("https", "www.example", 443),
    ]
)


def located(said, at=0, target="/a", mode=Mode.REVERSE, scheme="http", **dialled):
    request, scope = PLACES.located(Request("GET", scheme, said, at, target), Arrival(mode, scheme, **dialled))
    return (request.scheme, request.host, request.port, request.target), scope


@pytest.mark.parametrize(
    ("host", "port", "target", "place", "scope"),
    [
        ("api.example", 0, "/a", ("http", "api.example", 80, "/a"), Scope.HOST),
        ("api.example", 443, "/a", ("https", "api.example", 443, "/a"), Scope.PLACE),
        ("API.example.", 9000, "/a", ("http", "api.example", 9000, "/a"), Scope.HOST),
        ("127.0.0.1", 9000, "/www.example/a/b?c", ("http", "www.example", 80, "/a/b?c"), Scope.HOST),
        ("127.0.0.1", 9000, "/api.example:8080/a", ("http", "api.example", 8080, "/a"), Scope.PLACE),
        ("127.0.0.1", 9000, "/www.example?c", ("http", "www.example", 80, "/?c"), Scope.HOST),
        ("127.0.0.1", 9000, "/www.example", ("http", "www.example", 80, "/"), Scope.HOST),
    ],
)
def test_a_host_is_named_in_a_field_or_in_the_path(host, port, target, place, scope):
    assert located(host, port, target) == (place, scope)


def test_or_not_at_all():
    assert located("127.0.0.1", 9000, "/a/www.example") == (("http", "127.0.0.1", 9000, "/a/www.example"), Scope.ANY)
    assert located("127.0.0.1", 9000, "/[x") == (("http", "127.0.0.1", 9000, "/[x"), Scope.ANY)


def test_a_proxys_client_says_it():
    assert located("new.example", 0, mode=Mode.REGULAR) == (("http", "new.example", 80, "/a"), Scope.PLACE)
    asked = located("x", mode=Mode.REGULAR, scheme="https", host="api.example", port=8443)
    assert asked == (("https", "api.example", 8443, "/a"), Scope.PLACE)


def test_a_redirected_client_dials_it():
    dialled = {"mode": Mode.TRANSPARENT, "scheme": "https", "host": "192.0.2.1", "port": 443}
    assert located("api.example", **dialled) == (("https", "api.example", 443, "/a"), Scope.PLACE)
    assert located("", **dialled) == (("https", "192.0.2.1", 443, "/a"), Scope.PLACE)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("a:1", ("a", 1)),
        ("a", ("a", 0)),
        ("[::1]:2", ("::1", 2)),
        ("a:x", ("", 0)),
        ("a:99999", ("", 0)),
        ("", ("", 0)),
    ],
)
def test_authorities(said, found):
    assert split(said) == found
