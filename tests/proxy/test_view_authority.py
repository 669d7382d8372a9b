"""Rules see the authority as it was sent, and see it in the canonical form."""

import pytest

from proxy.requests import attempt, facts, get, http2


@pytest.mark.parametrize(
    ("request_", "known", "seen"),
    [
        (get("Host: Api.example."), facts(8080), "api.example"),
        (get("Host: api.example:8080"), facts(8080), "api.example:8080"),
        (get("Host: api.example:80"), facts(80), "api.example"),
        (http2("api.example"), facts(8443, sni="api.example"), "api.example"),
        (http2("api.example:8443"), facts(8443, sni="api.example"), "api.example:8443"),
        (get(line="GET / HTTP/1.0"), facts(8443, sni="api.example"), "api.example:8443"),
    ],
)
def test_rules_see_whether_a_port_was_sent_in_the_canonical_name(request_, known, seen):
    assert attempt(request_, known).headers["host"] == seen
