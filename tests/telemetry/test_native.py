"""One JSON line for each event, whatever it holds: bounded, and of plain characters."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ended import answered, denied, relayed
from outgate.telemetry import native
from outgate.telemetry.event import Event
from outgate.telemetry.native import render
from outgate.telemetry.text import MAX_TEXT
from outgate.telemetry.urls import Redaction


def test_every_field_of_a_request_in_its_order():
    line = json.loads(render(answered()))
    assert line == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "kind": "http",
        "verdict": "allow",
        "code": "registered",
        "reason": "api.example:443 is registered",
        "rule": "EgressDestination default/d (policy.yaml:3:1)",
        "destination": "d-1",
        "traffic": "registered",
        "method": "POST",
        "scheme": "https",
        "host": "api.example",
        "port": 443,
        "path": "/v1",
        "status": 200,
        "protocol": "HTTP/2.0",
        "source": "10.0.0.9",
        "namespace": "prod",
        "service_account": "web",
        "address": "192.0.2.1",
        "sni": "api.example",
        "upstream": "93.184.216.34:443",
        "upstream_tls": "TLSv1.3",
        "upstream_protocol": "HTTP/2.0",
        "client_certificate": True,
        "reused": True,
        "duration_ms": 70.5,
        "sent": 10,
        "received": 20,
        "generation": "0123",
    }
    assert list(line) == [name for name in native.NAMES if name in line]


def test_what_is_empty_is_left_out_but_for_status_and_sizes_of_http():
    line = json.loads(render(denied(status=0, received=0, flags="")))
    assert (line["status"], line["sent"], line["received"]) == (0, 0, 0)
    assert line.keys().isdisjoint({"upstream", "reused", "sni", "flags", "endpoint"})
    bare = Event("connection", 0.0, 0.0, "deny", "ech_refused", "", answered().caller)
    assert json.loads(render(bare)).keys() == {
        "time", "kind", "verdict", "code", "source", "namespace", "service_account"
    }  # fmt: skip


def test_a_relay_has_its_host_and_where_it_went():
    line = json.loads(render(relayed()))
    assert (line["host"], line["endpoint"], line["endpoint_labels"], line["region"]) == (
        "db.example",
        "93.184.216.34:3306",
        "version=v1,zone=a",
        "eu",
    )
    assert "scheme" not in line


def test_a_name_that_never_became_an_attempt_is_shown():
    assert json.loads(render(denied(attempt=None, name="evil.example")))["host"] == "evil.example"


def test_a_long_value_is_cut():
    assert len(json.loads(render(answered(path="/" * 5000)))["path"]) == 1024


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a;jsessionid=canary;v=1/b?q=canary", "/a;jsessionid=REDACTED/b"),
        ("/token=canary/b", "/token=REDACTED/b"),
        ("http://user:canary@api.example/a", "http://REDACTED:REDACTED@api.example/a"),
        ("/a;v=1/x=2", "/a;v=1/x=2"),
    ],
)
def test_a_path_shows_no_secret_that_is_known_as_one(path, shown):
    assert json.loads(render(answered(path=path)))["path"] == shown


def test_names_that_somebody_calls_secret_are_too():
    assert b"canary" not in render(answered(path="/a;sesame=canary"), Redaction(secrets=frozenset({"sesame"})))


def test_the_time_is_rfc_3339_in_utc():
    assert datetime.fromisoformat(json.loads(render(answered()))["time"]).utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/b\u00fccher/\u65e5\u672c", "/b\u00fccher/\u65e5\u672c"),
        ('"}\n{"verdict": "allow"', '"}\\n{"verdict": "allow"'),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\udcff"),
        ("\r\x00\x7f", "\\r\\x00\\x7f"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    line = render(answered(path=text))
    assert line.count(b"\n") == 1
    assert json.loads(line)["path"] == shown


@settings(deadline=None)
@given(st.text(), st.binary(), st.text(max_size=3).map(lambda text: text * 1000))
def test_any_text_makes_one_bounded_line_of_plain_characters(text, raw, long):
    event = answered(path=raw.decode("utf-8", "surrogateescape"), reason=long, sni=text)
    line = render(replace(event, attempt=replace(event.attempt, host=text)))
    assert line[:-1].decode().isprintable()
    said = json.loads(line)
    assert len(said.get("reason", "")) <= 10 * MAX_TEXT
    assert len(line) <= 4 * 12 * MAX_TEXT
