"""One line for each attempt, with what happened and nothing that was confided."""

import io
import json
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest
from mitmproxy import flow
from mitmproxy.http import Headers, HTTPFlow
from mitmproxy.test import tflow

from outgate.policy.decide import decide
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Decision,
    Defaults,
    Identity,
    Mode,
    ShadowVerdict,
    Source,
    Upstream,
    UpstreamTLS,
    Verdict,
)
from outgate.policy.snapshot import Policy
from outgate.problems import Where
from outgate.proxy import answers, view
from outgate.proxy.exchange import Exchange, Facts, attach, exchange_of
from outgate.proxy.recorder import Recorder
from outgate.proxy.tries import Try
from outgate.settings import ListenMode
from outgate.telemetry.accesslogs import AccessLogs
from outgate.telemetry.event import Trace
from outgate.telemetry.renderers import Wanted
from outgate.telemetry.sinks import StreamSink
from outgate.upstream.connection import Connection, Timings, TLSFacts
from outgate.upstream.key import Key
from outgate.upstream.target import target_of
from policy.building import destination, tcp

CALLER = Identity("prod", "web", address="10.0.0.9")
FACTS = Facts(ListenMode.TRANSPARENT, CALLER, 443, "192.0.2.1", None, "api.example", True)
SOURCE = Source(Where("rules.yaml", 7, 1), "AuthorizationPolicy", "only-get", "prod")
KNOWN = destination("api.example")
SECRETS = ("hunter2", "c00kie", "b0dy", "qu3ry", "answ3r")


class Lines:
    """A recorder, and what it wrote."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.log = AccessLogs(StreamSink(self.stream))
        self.recorder = Recorder(self.log.observe)

    def one(self) -> dict:
        self.log.close()
        lines = self.stream.getvalue().splitlines()
        assert len(lines) == 1, lines
        assert not [secret for secret in SECRETS if secret.encode() in lines[0]]
        return json.loads(lines[0])


@pytest.fixture
def lines():
    return Lines()


def received(facts: Facts = FACTS) -> HTTPFlow:
    """A flow full of what must not be logged, which nobody has judged yet."""
    made = tflow.tflow()
    made.request.data.authority, made.request.data.path = b"", b"/v1/items?token=qu3ry"
    made.request.headers = Headers(Host="api.example", Authorization="Bearer hunter2", Cookie="c00kie")
    made.request.content = b"b0dy"
    attach(made, Exchange(facts))
    return made


def judged(known=KNOWN, mode: Mode = Mode.REGISTRY_ONLY) -> HTTPFlow:
    made = received()
    exchange = exchange_of(made)
    exchange.policy = Policy("0123456789ab", Defaults(mode=mode), destinations=(known,))
    attempt = view.attempt_of(made.request, FACTS, "")
    assert isinstance(attempt, Attempt), attempt
    exchange.attempt, exchange.decision = attempt, decide(exchange.policy, attempt)
    if exchange.decision.allowed:
        exchange.target = target_of(exchange.decision, attempt, "0123456789ab", ())
    return made


def answered(made: HTTPFlow) -> HTTPFlow:
    """The flow, having been to its origin."""
    exchange_of(made).tries.append(Try(origin=origin("93.184.216.34", 443, "TLSv1.3"), reused=True))
    made.response = tflow.tresp(headers=Headers(set_cookie="answ3r"), content=b"answ3r")
    exchange_of(made).sent_bytes, exchange_of(made).received_bytes = 4, 7
    exchange_of(made).answered("HTTP/1.1")
    return made


def origin(address: str, port: int, version: str = "") -> Connection:
    """A connection to an origin, as far as it is told of."""
    key = Key("d-1", address, port, "", "", (), (), "", "x")
    tls = TLSFacts(version, "", None, (), None, resumed=False) if version else None
    return Connection(key, None, None, (address, port), ("10.0.0.1", 40000), Timings(0.1, 0.2, 0.3), tls)


def test_an_exchange_says_who_what_where_and_how_it_ended(lines):
    lines.recorder.outgate_exchange(answered(judged()))
    line = lines.one()
    assert line.pop("duration_ms") >= 0
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "kind": "http",
        "verdict": "allow",
        "code": "registered",
        "reason": "api.example:443 is registered",
        "rule": "EgressDestination default/d (policy.yaml:1:1)",
        "destination": "d-1",
        "traffic": "registered",
        "method": "GET",
        "scheme": "https",
        "host": "api.example",
        "port": 443,
        "path": "/v1/items",
        "status": 200,
        "protocol": "HTTP/1.1",
        "source": "10.0.0.9",
        "namespace": "prod",
        "service_account": "web",
        "address": "192.0.2.1",
        "sni": "api.example",
        "upstream": "93.184.216.34:443",
        "upstream_tls": "TLSv1.3",
        "upstream_protocol": "HTTP/1.1",
        "reused": True,
        "sent": 4,
        "received": 7,
        "generation": "0123456789ab",
    }


@pytest.mark.parametrize("mutual", [True, False])
def test_a_client_certificate_is_noted_where_one_was_shown(lines, mutual):
    tls = UpstreamTLS(client_certificate="/certs/a.crt", private_key="/certs/a.key") if mutual else UpstreamTLS()
    port = replace(KNOWN.ports[0], upstream=Upstream(443, tls=tls))
    lines.recorder.outgate_exchange(answered(judged(replace(KNOWN, ports=(port,)))))
    assert lines.one().get("client_certificate", False) is mutual


def test_what_was_denied_has_a_verdict_and_no_upstream(lines):
    made = judged(destination("other.example"))
    made.response = answers.denial(exchange_of(made).decision, "api.example")
    lines.recorder.outgate_exchange(made)
    line = lines.one()
    assert (line["verdict"], line["code"], line["status"], line["traffic"]) == (
        "deny",
        "unregistered",
        502,
        "blackhole",
    )
    assert not {"upstream", "upstream_tls", "client_certificate", "reused"} & line.keys()


def test_what_would_have_been_denied_and_what_rules_noted_is_said(lines):
    made = judged(destination("other.example"), Mode.OBSERVE)
    exchange = exchange_of(made)
    shadow = ShadowVerdict(Verdict.DENY, SOURCE)
    exchange.decision = replace(exchange.decision, shadows=(shadow,), audited=(SOURCE, SOURCE))
    lines.recorder.outgate_exchange(answered(made))
    line = lines.one()
    assert (line["verdict"], line["code"], line["would"]) == ("allow", "observed", "unregistered")
    assert line["shadow"] == f"deny by {SOURCE}"
    assert line["audited"] == f"{SOURCE}, {SOURCE}"


def test_a_request_that_was_none_is_malformed(lines):
    made = received()
    made.error = flow.Error("Invalid request\x1b[31m")
    lines.recorder.outgate_exchange(made)
    line = lines.one()
    assert (line["verdict"], line["code"], line["status"]) == ("deny", "request_malformed", 400)
    assert line["reason"] == "Invalid request?[31m"


def test_one_that_nobody_decided_is_a_denial(lines):
    lines.recorder.outgate_exchange(received())
    line = lines.one()
    assert (line["verdict"], line["code"]) == ("deny", "policy_failure")


def test_a_failure_is_said_with_its_code_beside_the_verdict(lines):
    made = judged()
    exchange_of(made).failure, exchange_of(made).error_code = "nobody listens", "connect_failed"
    made.response = answers.failure(503, "connect_failed", "nobody listens", "api.example", "UF")
    lines.recorder.outgate_exchange(made)
    line = lines.one()
    assert (line["verdict"], line["failure"], line["flags"]) == ("allow", "connect_failed: nobody listens", "UF")


def test_a_failing_addon_is_a_denial(lines):
    made = judged()
    exchange_of(made).failure, exchange_of(made).error_code = "addon failed in request: ValueError", "policy_failure"
    lines.recorder.outgate_exchange(made)
    line = lines.one()
    assert (line["verdict"], line["code"]) == ("deny", "policy_failure")
    assert "ValueError" in line["failure"]


def test_a_client_that_left_is_flagged(lines):
    made = judged()
    exchange_of(made).failure, exchange_of(made).error_code = "the client went away", "client_disconnected"
    lines.recorder.outgate_exchange(made)
    assert lines.one()["flags"] == "DC"


def test_an_origin_cannot_flag_what_went_well(lines):
    made = answered(judged())
    made.response.headers["x-outgate-flags"] = "UF"
    lines.recorder.outgate_exchange(made)
    assert "flags" not in lines.one()


RELAYED = Facts(ListenMode.TRANSPARENT, CALLER, 5432, "2001:db8::9")


@pytest.mark.parametrize("tls", ["", "TLSv1.3"], ids=["plain", "tls"])
def test_a_relay_says_how_much_went_each_way(lines, tls):
    attempt = tcp("2001:db8::9", 5432)
    policy = Policy("x", Defaults(mode=Mode.ALLOW_ANY))
    relay = SimpleNamespace(
        attempt=attempt,
        facts=RELAYED,
        decision=decide(policy, attempt),
        sent_bytes=3,
        received_bytes=5,
        failure="idle",
        code="relay_idle",
    )
    lines.recorder.relayed(relay, [Try(origin=origin("2001:db8::9", 5432, tls))], 1_700_000_000.0)
    line = lines.one()
    assert (line["kind"], line["sent"], line["received"], line["failure"]) == ("tcp", 3, 5, "idle")
    assert (line["upstream"], line["address"]) == ("[2001:db8::9]:5432", "2001:db8::9")
    assert line.get("upstream_tls", "") == tls
    assert line["duration_ms"] > 1000


def test_a_closed_connection_has_its_decision(lines):
    attempt = tcp("192.0.2.1", 5432)
    decision: Decision = decide(Policy("x"), attempt)
    lines.recorder.in_force = lambda: "0123456789ab"
    lines.recorder.closed(RELAYED, attempt, decision, 1_700_000_000.0)
    line = lines.one()
    assert line["generation"] == "0123456789ab"
    assert (line["kind"], line["verdict"], line["code"], line["port"]) == ("tcp", "deny", "unregistered", 5432)
    assert line["duration_ms"] > 0
    assert "status" not in line


def test_bytes_are_traced_as_documents_say_of_their_caller(lines):
    events, trace = [], Trace(1, 2, (3,))
    lines.recorder.outputs.append(events.append)
    lines.recorder.traced = {CALLER: trace}.get
    attempt = tcp("192.0.2.1", 5432)
    lines.recorder.closed(RELAYED, attempt, decide(Policy("x"), attempt), 0.0)
    lines.recorder.rejected(RELAYED, Code.LOOP, "it is no attempt")
    assert [event.trace for event in events] == [trace, None]


def test_what_never_became_an_attempt_is_rejected_with_a_code(lines):
    lines.recorder.rejected(FACTS, Code.LOOP, "the gate itself\n\x9b")
    line = lines.one()
    assert (line["kind"], line["verdict"], line["code"]) == ("connection", "deny", "loop")
    assert line["reason"] == "the gate itself??"


def test_a_refused_leaf_comes_with_help(lines):
    lines.recorder.client_refused_leaf(FACTS, "api.example", "make it trust the CA")
    line = lines.one()
    assert (line["verdict"], line["code"], line["host"]) == ("deny", "client_tls_failed", "api.example")
    assert line["help"] == "make it trust the CA"


# What is known beside the gate's own line.


@pytest.fixture
def events():
    return []


def test_an_event_has_what_its_connections_have(events):
    facts = replace(FACTS, caller_port=4711, number=9, listener=("127.0.0.1", 15001), ja3="3a", ja4="4a")
    Recorder(events.append).closed(facts, tcp("192.0.2.1", 5432), decide(Policy("x"), tcp("192.0.2.1", 5432)), 0.0)
    (event,) = events
    assert (event.caller_port, event.connection_id, event.listener) == (4711, 9, ("127.0.0.1", 15001))
    assert (event.ja3, event.ja4) == ("3a", "4a")


def test_connections_to_origins_have_numbers(events):
    recorder = Recorder(events.append)
    for _ in range(2):
        recorder.outgate_exchange(answered(judged()))
    one, two = (event.last.connection_id for event in events)
    assert 0 < one < two


def test_it_is_known_when_a_request_was_whole(events):
    recorder, whole, part = Recorder(events.append), answered(judged()), answered(judged())
    whole.request.timestamp_end = exchange_of(whole).started + 0.25
    part.request.timestamp_end = None
    for made in (whole, part):
        recorder.outgate_exchange(made)
    assert events[0].request_end == pytest.approx(0.25)
    assert events[1].request_end is None


def test_what_addons_noted_is_told(events):
    made = answered(judged())
    exchange_of(made).notes["team"] = "blue"
    Recorder(events.append).outgate_exchange(made)
    assert events[0].extra == {"team": "blue"}


def test_a_request_has_a_number_where_somebody_shows_it(events):
    recorder = Recorder(events.append)
    recorder.outgate_exchange(answered(judged()))
    recorder.wanted = lambda: Wanted(identifiers=True)
    recorder.outgate_exchange(answered(judged()))
    recorder.outgate_exchange(answered(judged()))
    recorder.rejected(FACTS, Code.LOOP, "the gate itself")
    none, one, two, connection = (event.request_id for event in events)
    assert (none, connection) == ("", "")
    assert uuid.UUID(one) != uuid.UUID(two)


# What is used, and what is denied.


def closed(lines, decision):
    attempt = Attempt(AttemptKind.TLS, CALLER, 443, "api.example")
    lines.recorder.closed(FACTS, attempt, decision, 0.0)


def test_what_is_allowed_is_in_use_and_what_is_denied_is_counted(lines):
    policy = Policy("g", destinations=(KNOWN,))
    allowed = decide(policy, Attempt(AttemptKind.HTTP, CALLER, 443, "api.example", encrypted=True))
    denied = decide(policy, Attempt(AttemptKind.TLS, CALLER, 443, "other.example"))
    refused = replace(allowed, verdict=Verdict.DENY, code=Code.REFUSED_BY_RULE)
    assert (allowed.allowed, denied.allowed) == (True, False)
    closed(lines, denied)
    closed(lines, refused)
    lines.recorder.rejected(FACTS, Code.NAME_MALFORMED, "no name")
    assert lines.recorder.used == {}
    assert lines.recorder.counts == {"denied_unregistered": 1, "denied_refused_by_rule": 1, "denied_name_malformed": 1}
    closed(lines, allowed)
    assert list(lines.recorder.used) == [KNOWN.key]
    assert sum(lines.recorder.counts.values()) == 3
