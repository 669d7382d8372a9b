"""Spans are what OpenTelemetry's HTTP conventions ask for, and hold nothing that may not be shown."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ended import relayed
from outgate.policy.model import Endpoint
from outgate.policy.telemetry_model import CustomTag, TagKind, TraceRule
from outgate.telemetry.event import Phases, Reached, Trace
from outgate.telemetry.showing import Showing
from outgate.telemetry.span_errors import DENIED, noteworthy
from outgate.telemetry.spans import Drawing, Shape
from outgate.telemetry.urls import Query, Redaction
from telemetry.happenings import CALLER, REACHED, STARTED, TRACE, denial, request, tunnel

PAIR, CLIENT = Drawing(), Drawing(Shape.CLIENT)
FAILED = Reached(("203.0.113.4", 443), error_type="connection_refused", started=STARTED, ended=STARTED + 0.1)


def spans(event, drawing=PAIR):
    ids = count(0xF0)
    return drawing.spans(event, lambda: next(ids))


def test_a_request_is_a_pair():
    server, client = spans(request())
    assert (server.name, server.client, server.failed, server.remote) == ("GET", False, False, True)
    assert (server.span_id, server.parent_id) == (TRACE.server_id, TRACE.parent_id)
    assert (server.start, server.end) == (int(STARTED * 1e9), int((STARTED + 0.25) * 1e9))
    assert server.attributes == {
        "server.address": "api.example",
        "server.port": 443,
        "http.request.method": "GET",
        "client.address": "10.0.0.7",
        "network.peer.address": "10.0.0.7",
        "network.peer.port": 51000,
        "url.scheme": "https",
        "url.path": "/orders",
        "url.query": "page=2",
        "network.protocol.version": "2",
        "user_agent.original": "curl/8.5",
        "http.response.status_code": 200,
        "outgate.verdict": "allow",
        "outgate.code": "registered",
        "outgate.reason": "api.example:443 is registered",
        "outgate.rule": "ServiceEntry default/api (policy/10.yaml:9:9)",
        "outgate.destination": "default/api",
        "outgate.traffic": "registered",
        "outgate.generation": "g7",
        "outgate.request_id": "r-1",
        "outgate.source.namespace": "payments",
        "outgate.source.service_account": "checkout",
        "outgate.source.principal": "cluster.local/ns/payments/sa/checkout",
    }
    assert (client.name, client.client, client.failed, client.remote) == ("GET", True, False, False)
    assert (client.span_id, client.parent_id) == (0xC1, TRACE.server_id)
    assert (client.start, client.end) == (int((STARTED + 0.001) * 1e9), int((STARTED + 0.2) * 1e9))
    assert client.attributes == {
        "server.address": "api.example",
        "server.port": 443,
        "http.request.method": "GET",
        "url.full": "https://api.example/orders?page=2",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "network.peer.address": "203.0.113.5",
        "network.peer.port": 443,
        "tls.protocol.version": "1.3",
        "tls.cipher": "TLS_AES_128_GCM_SHA256",
        "tls.resumed": False,
        "outgate.tls.mutual": True,
        "outgate.connection.reused": False,
        "outgate.phase.queue": 0.001,
        "outgate.phase.resolve": 0.002,
        "outgate.phase.connect": 0.003,
        "outgate.phase.tls": 0.004,
        "outgate.phase.first_byte": 0.05,
    }


def test_both_spans_of_a_relay_are_of_one_region():
    server, _ = spans(relayed(trace=TRACE))
    assert server.attributes["outgate.region"] == "eu"


def test_a_trace_that_begins_here_has_no_parent():
    server, _ = spans(request(trace=replace(TRACE, parent_id=0)))
    assert (server.parent_id, server.remote) == (0, False)


def test_only_the_client_span_where_that_is_asked_for():
    (client,) = spans(request(), CLIENT)
    assert (client.client, client.parent_id, client.remote) == (True, TRACE.parent_id, True)
    assert client.attributes["outgate.verdict"] == "allow"
    assert client.attributes["url.full"] == "https://api.example/orders?page=2"


@pytest.mark.parametrize("drawing", [PAIR, CLIENT])
def test_a_denial_is_one_span(drawing):
    (span,) = spans(denial(), drawing)
    assert span.client is (drawing is CLIENT)
    assert span.attributes["outgate.verdict"] == "deny"
    assert span.attributes["error.type"] == DENIED
    assert span.failed


def test_a_denial_below_500_is_an_answer_and_no_error():
    (span,) = spans(denial(status=403))
    assert (span.failed, span.attributes["error.type"]) == (False, DENIED)


def test_each_time_an_origin_was_asked_is_a_span():
    event = request(reached=(FAILED, REACHED), trace=replace(TRACE, client_ids=(0xC1, 0xC2)))
    server, first, second = spans(event)
    assert [first.span_id, second.span_id] == [0xC1, 0xC2]
    assert {first.parent_id, second.parent_id} == {server.span_id}
    assert first.failed
    assert first.attributes["error.type"] == "connection_refused"
    assert "http.request.resend_count" not in first.attributes
    assert "http.response.status_code" not in first.attributes
    assert second.attributes["http.request.resend_count"] == 1
    assert (second.failed, second.attributes["http.response.status_code"]) == (False, 200)
    assert not server.failed


def test_the_span_that_the_origin_was_told_is_the_last():
    _, first, second = spans(request(reached=(FAILED, REACHED)))
    assert (first.span_id, second.span_id) == (0xF0, 0xC1)


def test_a_status_that_was_tried_again_is_the_attempts_own():
    first = replace(REACHED, error_type="503")
    _, once, again = spans(request(reached=(first, REACHED)))
    assert (once.failed, once.attributes["http.response.status_code"], once.attributes["error.type"]) == (
        True,
        503,
        "503",
    )
    assert again.attributes["http.response.status_code"] == 200


@pytest.mark.parametrize(
    ("status", "more", "server", "client"),
    [
        (200, {}, (False, None), (False, None)),
        (301, {}, (False, None), (False, None)),
        (404, {}, (False, None), (True, "404")),
        (404, {"error_type": "404"}, (False, None), (True, "404")),
        (500, {}, (True, "500"), (True, "500")),
        (503, {"error_type": "503"}, (True, "503"), (True, "503")),
        (504, {"error_type": "timeout", "failure": "no answer", "flags": "UT"}, (True, "timeout"), (True, "timeout")),
        (
            200,
            {"error_type": "connection_reset", "failure": "reset"},
            (True, "connection_reset"),
            (True, "connection_reset"),
        ),
        (0, {"flags": "DC"}, (False, None), (False, None)),
        (0, {"flags": "DC", "failure": "the workload left", "error_type": "x"}, (False, None), (False, None)),
    ],
)
def test_what_counts_as_an_error(status, more, server, client):
    made = spans(request(status=status, **more))
    assert [(span.failed, span.attributes.get("error.type")) for span in made] == [server, client]


def test_a_status_of_the_gates_own_is_not_the_origins():
    server, client = spans(request(status=503, failure="reset", error_type="connection_reset"))
    assert server.attributes["http.response.status_code"] == 503
    assert "http.response.status_code" not in client.attributes
    _, client = spans(request(verdict="deny", status=403))
    assert "http.response.status_code" not in client.attributes
    assert not client.failed


@pytest.mark.parametrize("method", ["BREW", "get", ""])
def test_a_method_that_is_not_known_makes_no_name(method):
    server, _ = spans(request(method=method))
    assert (server.name, server.attributes["http.request.method"]) == ("HTTP", "_OTHER")
    assert server.attributes["http.request.method_original"] == method


def test_methods_that_are_known_may_be_listed():
    server, _ = spans(request(method="BREW"), Drawing(methods=frozenset({"BREW"})))
    assert (server.name, server.attributes["http.request.method"]) == ("BREW", "BREW")


def test_tls_that_the_gate_originates_shows_in_what_was_asked_of_the_origin():
    server, client = spans(request(encrypted=False, port=80, sni=""))
    assert (server.attributes["url.scheme"], server.attributes["server.port"]) == ("http", 80)
    assert (client.attributes["url.full"], client.attributes["server.port"]) == (
        "https://api.example/orders?page=2",
        443,
    )


def test_a_port_that_is_not_the_schemes_is_in_the_url():
    _, client = spans(request(decision=None, port=8443, host="2001:db8::1"))
    assert client.attributes["url.full"] == "https://[2001:db8::1]:8443/orders?page=2"


@pytest.mark.parametrize(("kind", "name"), [("tls", "tls"), ("tcp", "tcp"), ("connection", "connection")])
def test_what_is_no_http_is_a_pair_as_well(kind, name):
    server, client = spans(tunnel(kind=kind))
    assert (server.name, client.name, server.failed, client.failed) == (name, name, False, False)
    assert server.attributes["network.transport"] == client.attributes["network.transport"] == "tcp"
    assert server.attributes["tls.client.server_name"] == "pinned.example"
    assert (server.attributes["outgate.sent"], server.attributes["outgate.received"]) == (1000, 2000)
    assert not any(
        attribute.startswith(("http.", "url.")) for span in (server, client) for attribute in span.attributes
    )


def test_bytes_without_a_name_are_told_of_their_destinations_one_host():
    server, client = spans(relayed(trace=TRACE))
    assert server.attributes["server.address"] == client.attributes["server.address"] == "db.example"


def test_a_tunnel_that_was_refused_is_an_error_without_an_answer():
    (span,) = spans(tunnel(verdict="deny", reached=()))
    assert (span.failed, span.attributes["error.type"]) == (True, DENIED)


TAGS = (
    CustomTag("env", TagKind.LITERAL, "prod"),
    CustomTag("zone", TagKind.ENVIRONMENT, "ZONE"),
    CustomTag("region", TagKind.ENVIRONMENT, "REGION", "eu"),
    CustomTag("none", TagKind.ENVIRONMENT, "REGION"),
    CustomTag("team", TagKind.HEADER, "X-Team"),
    CustomTag("tier", TagKind.HEADER, "x-tier", "gold"),
    CustomTag("who", TagKind.HEADER, "Authorization"),
)


def test_documents_add_tags_to_every_span():
    event = request(trace=replace(TRACE, rule=TraceRule(tags=TAGS)))
    for span in spans(event, Drawing(showing=Showing(environment={"ZONE": "a"}))):
        tags = {name: span.attributes.get(name) for name in ("env", "zone", "region", "none", "team", "tier", "who")}
        assert tags == {
            "env": "prod",
            "zone": "a",
            "region": "eu",
            "none": None,
            "team": "blue",
            "tier": "gold",
            "who": "REDACTED",
        }


def test_queries_are_shown_as_in_every_other_output():
    server, client = spans(request(path="/x?token=abc&page=2"))
    assert server.attributes["url.query"] == "token=REDACTED&page=2"
    assert client.attributes["url.full"].endswith("/x?token=REDACTED&page=2")
    server, client = spans(request(), Drawing(showing=Showing(Redaction(Query.DROP))))
    assert "url.query" not in server.attributes
    assert client.attributes["url.full"] == "https://api.example/orders"


def test_what_addons_say_is_shown_without_secrets():
    server, _ = spans(request(extra={"score": "7", "session_token": "abc"}))
    assert server.attributes["outgate.extra.score"] == "7"
    assert server.attributes["outgate.extra.session_token"] == "REDACTED"


@given(st.text(max_size=3000), st.binary(max_size=3000), st.text(max_size=50))
def test_whatever_was_sent_comes_out_bounded_and_fit_to_be_shown(path, agent, method):
    event = request(path=path, request_fields=((b"user-agent", agent),), method=method, reason=path, failure=path)
    for span in spans(event):
        for value in span.attributes.values():
            assert not isinstance(value, str) or (len(value) <= 1024 and value.isprintable())
            str(value).encode()


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (request(), False),
        (request(status=404), False),
        (request(status=0, flags="DC", failure="the workload left"), False),
        (request(status=503), True),
        (request(error_type="timeout"), True),
        (denial(status=403), True),
        (tunnel(failure="refused"), True),
    ],
)
def test_what_went_wrong_is_kept(event, kept):
    assert noteworthy(event) is kept


def test_the_endpoint_that_was_chosen_is_told_with_its_labels():
    chosen = Endpoint("10.1.2.3", 5432, labels=(("version", "v1"), ("zone", "a")))
    bare = Endpoint("2001:db8::1", 5432)
    _, first, second = spans(tunnel(reached=(replace(REACHED, endpoint=bare), replace(REACHED, endpoint=chosen))))
    assert first.attributes["outgate.endpoint"] == "[2001:db8::1]:5432"
    assert "outgate.endpoint.labels" not in first.attributes
    assert second.attributes["outgate.endpoint"] == "10.1.2.3:5432"
    assert second.attributes["outgate.endpoint.labels"] == "version=v1,zone=a"


def test_an_answer_that_broke_off_has_the_status_that_it_began_with():
    cut = replace(REACHED, error_type="connection_closed")
    unanswered = replace(cut, phases=Phases(0.001, 0.002, 0.003, 0.004))
    broken = {"failure": "upstream_reset: the body breaks off", "error_type": "connection_closed", "flags": "UC"}
    for reached, status, told in ((cut, 200, 200), (unanswered, 503, None), (cut, 502, None)):
        _, client = spans(request(reached=(reached,), status=status, **broken))
        assert client.attributes.get("http.response.status_code") == told
        assert (client.attributes["error.type"], client.failed) == ("connection_closed", True)


def test_nothing_has_to_be_known():
    bare = replace(
        request(), attempt=None, decision=None, caller=replace(CALLER, address=""), path="", reached=(Reached(None),)
    )
    server, client = spans(replace(bare, trace=Trace(1, 2), port=0, sni="", address="", status=0))
    assert "server.address" not in server.attributes
    assert client.attributes["outgate.connection.reused"] is False
