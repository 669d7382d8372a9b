"""No output shows what a URL carries in secret, and none is robbed of what it may show."""

import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.telemetry.text import bounded, decoded
from outgate.telemetry.urls import KEPT, LONGEST_KEPT, REDACTED, Query, Redaction, name_key

SHOWN = Redaction()
CONVENTIONS = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
]
OURS = [
    "token",
    "access_token",
    "id_token",
    "api_key",
    "apikey",
    "key",
    "password",
    "passwd",
    "secret",
    "client_secret",
    "code",
    "jwt",
    "sessionid",
]
SECRET = "hunter2canary"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/", "/"),
        ("/orders?page=2&sort=-name", "/orders?page=2&sort=-name"),
        ("/orders?page=2&token=abc&x", "/orders?page=2&token=REDACTED&x"),
        ("/a?token=", "/a?token="),
        ("/a?q=100%&b=", "/a?q=100%&b="),
        ("/a?state=CA&country=US", "/a?state=CA&country=US"),
        ("/a?id=9f8e7d6c5b4a39281706f5e4d3c2b1a0", "/a?id=9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
        ("/a?password=one;two", "/a?password=REDACTED"),
        ("/a?x=1;token=two", "/a?x=REDACTED"),
        ("/a?x=1?token=two", "/a?x=REDACTED"),
        ("/a?api%5Fkey=abc", "/a?api%5Fkey=REDACTED"),
        ("/a?next=https%3A%2F%2Fuser%3Apw%40host%2F", "/a?next=REDACTED"),
        ("/a?next=https%3A%2F%2Fhost%2F%3Ftoken%3Dx", "/a?next=REDACTED"),
        ("/a?filter=%7B%22password%22%3A%22x%22%7D", "/a?filter=REDACTED"),
        ("/a?h=Bearer+abc", "/a?h=REDACTED"),
        ("/a?eyJhbGciOiJIUzI1NiJ9.e30.x", "/a?REDACTED"),
        ("/files;jsessionid=abc/b", "/files;jsessionid=REDACTED/b"),
        ("/files;v=1/b", "/files;v=1/b"),
        ("/reset/token=abc/now", "/reset/token=REDACTED/now"),
        ("/verify/eyJhbGciOiJIUzI1NiJ9.e30.x", "/verify/REDACTED"),
        ("/proxy/https://user:pw@host/x", "/proxy/https://REDACTED:REDACTED@host/x"),
        ("http://user:pw@host:81/x?a=b", "http://REDACTED:REDACTED@host:81/x?a=b"),
        ("http://user@host/", "http://REDACTED:REDACTED@host/"),
        ("/users/me@example.com", "/users/me@example.com"),
        ("/caf%C3%A9?q=%E2%82%AC", "/caf%C3%A9?q=%E2%82%AC"),
    ],
)
def test_secrets_are_replaced_and_the_rest_stays(text, shown):
    assert SHOWN.url(text) == shown


@pytest.mark.parametrize("name", CONVENTIONS + OURS)
def test_names_of_the_conventions_and_more_are_secret(name):
    assert SHOWN.url(f"/a?{name}={SECRET}") == f"/a?{name}={REDACTED}"
    assert SHOWN.url(f"/a?{name.upper()}={SECRET}").endswith(REDACTED)


def test_a_query_may_be_dropped_whole():
    dropping = Redaction(Query.DROP)
    assert dropping.url("/a?page=2") == "/a"
    assert dropping.parts("/a?page=2") == ("/a", "")


def test_what_is_kept_is_bounded_and_each_redactions_own():
    text = "/a?token=x"
    one, other = Redaction(), Redaction(Query.DROP)
    for _ in range(2):
        assert (one.url(text), other.url(text)) == ("/a?token=REDACTED", "/a")
    for number in range(2 * KEPT):
        one.url(f"/{number}")
    one.url("/" + "x" * LONGEST_KEPT)
    assert len(one._kept) <= KEPT
    assert max(map(len, one._kept)) <= LONGEST_KEPT


def test_names_may_be_added():
    more = Redaction(secrets=frozenset({name_key("X-Badge")}))
    assert more.url("/a?x_badge=1&page=2") == "/a?x_badge=REDACTED&page=2"
    assert more.value("x-badge", "1") == REDACTED


@pytest.mark.parametrize("name", ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"])
def test_headers_with_credentials_are_not_shown(name):
    assert SHOWN.value(name, SECRET) == REDACTED


def test_a_header_is_shown_without_the_secrets_of_the_url_in_it():
    assert SHOWN.value("referer", "https://host/x?token=abc") == REDACTED
    assert SHOWN.value("referer", "https://host/x?page=2") == "https://host/x?page=2"


ENCODINGS = [
    str,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
]
CARRIERS = ["{}", "https://host/?token={}", '{{"password": "{}"}}', "https://u:{}@host/", "a=1&secret={}", "Bearer {}"]


@given(
    st.sampled_from(CONVENTIONS + OURS),
    st.sampled_from(CARRIERS),
    st.sampled_from(ENCODINGS),
    st.text("/?&=;:%+ab", max_size=12),
)
def test_a_secret_under_a_known_name_is_never_shown(name, carrier, encoded, around):
    value = quote(encoded(carrier.format(SECRET)), safe="%+")
    assert SECRET not in SHOWN.url(f"/x?{name}={value}&b={around}")


@given(st.sampled_from(CARRIERS[1:]), st.sampled_from(ENCODINGS))
def test_a_secret_inside_another_value_is_never_shown(carrier, encoded):
    value = quote(encoded(carrier.format(SECRET)), safe="%+")
    assert SECRET not in SHOWN.url(f"/x?next={value}")


@given(st.text())
def test_any_text_is_taken(text):
    SHOWN.url(text)
    assert bounded(text).isprintable()


@pytest.mark.parametrize("piece", ["a", "eyJ", "//", "Bearer ", "a=", "&", "%25", '{"a":', " a", ";a", "/;", "@//"])
def test_what_a_workload_writes_takes_linear_time(piece):
    """A square of 64 KiB would take minutes; seconds are what a busy machine may need for less."""
    began = time.thread_time()
    SHOWN.url("/x?q=" + piece * (65536 // len(piece)))
    SHOWN.url("/" + piece * (65536 // len(piece)))
    assert time.thread_time() - began < 5


def test_text_is_bounded_and_without_controls():
    assert bounded("a" * 5000) == "a" * 1024
    assert bounded("\x1b[31m\u202e") == "\\x1b[31m\\u202e"
    assert len(bounded("\x00" * 1024)) == 1024
    assert bounded(decoded(b"caf\xc3\xa9 \xff")) == "caf\u00e9 \\udcff"
