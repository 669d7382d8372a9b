"""A URL comes apart as written; what is none says what to write."""

import pytest

from outgate.policy.urls import UrlError, parse_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://a.example", ("http", "a.example", 80, "/", "a.example")),
        ("HTTPS://A.example/x?y#z", ("https", "A.example", 443, "/x?y", "A.example")),
        ("https://a.example:8443?q", ("https", "a.example", 8443, "/?q", "a.example:8443")),
        ("http://a.example:80/", ("http", "a.example", 80, "/", "a.example")),
        ("https://a.example:80/", ("https", "a.example", 80, "/", "a.example:80")),
        ("http://[2001:db8::1]:81/", ("http", "2001:db8::1", 81, "/", "[2001:db8::1]:81")),
        ("tls://a.example:443", ("tls", "a.example", 443, "/", "a.example:443")),
        ("tcp://10.0.0.1:5432", ("tcp", "10.0.0.1", 5432, "/", "10.0.0.1:5432")),
    ],
)
def test_a_url_has_these_parts(text, parts):
    url = parse_url(text)
    assert (url.scheme, url.host, url.port, url.path, url.authority) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a URL"),
        ("a.example", "is not a URL"),
        ("ftp://a.example", "is not a URL; write http://, https://, tls://, tcp://"),
        ("http://", "is neither HOST nor HOST:PORT"),
        ("http://a.example:x/", "is neither HOST nor HOST:PORT"),
        ("http://a:b:1/", "is neither HOST nor HOST:PORT"),
        ("http://a.example]/", "is neither HOST nor HOST:PORT"),
        ("http://[a.example]/", "is neither HOST nor HOST:PORT"),
        ("http://[[::1]]/", "is neither HOST nor HOST:PORT"),
        ("http://a.example:0/", "needs a port"),
        ("http://a.example:65536/", "needs a port"),
        ("tcp://a.example", "write tcp://HOST:PORT"),
        ("https://me:pw@a.example/", "carries user info"),
    ],
)
def test_what_is_no_url_is_refused_with_what_to_write(text, message):
    with pytest.raises(UrlError, match=message):
        parse_url(text)
