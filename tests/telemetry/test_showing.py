"""Nobody is shown what proves who somebody is, by whatever name it comes."""

from dataclasses import replace

import pytest

from ended import KNOWN, answered
from outgate.policy.model import HeaderInjection
from outgate.telemetry.showing import KEPT, LONGEST, Showing, find, secret
from outgate.telemetry.urls import REDACTED, Query, Redaction

SECRET = (
    "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "apikey", "x-auth-token",
    "x-amz-security-token", "x-vault-token", "x-goog-api-key", "ocp-apim-subscription-key", "x-functions-key",
    "x-access-key", "client-secret", "x-csrf-token", "x-session-id", "x-hub-signature-256", "x-password", "x-jwt",
)  # fmt: skip
PUBLIC = (
    "user-agent", "content-type", ":authority", "x-request-id", "etag", "sec-websocket-key", "host", "x-forwarded-for",
    "idempotency-key", "author", "x-b3-traceid", "www-authenticate",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRET)
def test_a_credential_is_not_shown(name):
    assert secret(name)
    assert Showing().header(answered(), name, b"canary") == REDACTED


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_no_credential_is_shown(name):
    assert not secret(name)
    assert Showing().header(answered(), name, b"a value") == "a value"


@pytest.mark.parametrize("value", [b"Bearer canary", b"basic Y2FuYXJ5", b"x eyJhbGciOiJIUzI1NiJ9.canary"])
def test_a_credential_under_another_name_is_known_by_its_looks(value):
    assert Showing().header(answered(), "x-other", value) == REDACTED


def test_a_header_that_the_gate_sets_is_not_shown():
    decision = answered().decision
    known = replace(KNOWN, headers=(HeaderInjection("X-Partner", "canary"),))
    event = answered(decision=replace(decision, destination=known))
    assert Showing().header(event, "x-partner", b"canary") == REDACTED


def test_urls_in_headers_lose_query_and_user():
    shown = Showing().header(answered(), "referer", b"https://user:canary@a.example/x?token=canary")
    assert shown == "https://REDACTED:REDACTED@a.example/x?token=REDACTED"
    assert Showing(Redaction(Query.DROP)).header(answered(), "referer", b"/x?a=1") == "/x"


def test_a_header_is_found_whatever_its_case_and_the_first_counts():
    assert find(((b"X-A", b"1"), (b"x-a", b"2")), b"x-a") == b"1"
    assert find(((b"X-AB", b"1"),), b"x-a") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_TOKEN", "canary"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20canary"),
        ("UPSTREAM", "https://user:canary@a.example/"),
    ],
)
def test_a_variable_that_holds_a_secret_is_not_shown(name, value):
    assert Showing(environment={name: value}).variable(name) == REDACTED


def test_other_variables_are_shown_as_far_as_there_are_some():
    showing = Showing(environment={"ZONE": "a", "EMPTY": ""})
    assert [showing.variable(name) for name in ("ZONE", "EMPTY", "TOKEN")] == ["a", "", None]


def test_only_what_is_shown_as_it_came_is_remembered_and_not_without_end():
    showing = Showing()
    secrets = [("authorization", b"canary"), ("x-other", b"Bearer canary"), ("referer", b"/x?token=canary")]
    for name, value in [*secrets, ("user-agent", b"curl/8"), ("user-agent", b"a" * (LONGEST + 1))]:
        assert showing.header(answered(), name, value) == showing.header(answered(), name, value)
    assert showing._harmless == {("user-agent", b"curl/8"): "curl/8"}
    for number in range(2 * KEPT):
        assert showing.header(answered(), "user-agent", b"agent-%d" % number) == f"agent-{number}"
    assert len(showing._harmless) <= KEPT


def test_what_was_shown_is_not_where_the_gate_sets_it():
    showing, decision = Showing(), answered().decision
    assert showing.header(answered(), "x-partner", b"canary") == "canary"
    known = replace(KNOWN, headers=(HeaderInjection("X-Partner", "canary"),))
    event = answered(decision=replace(decision, destination=known))
    assert showing.header(event, "x-partner", b"canary") == REDACTED
