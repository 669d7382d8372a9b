"""Access logs of every form that the gate writes tell the same of what was tried."""

import json

import pytest

from outgate.learning.logged import Log
from outgate.learning.seen import Seen, Speech
from outgate.telemetry import formats, native
from outgate.telemetry.defaults import ENVOY, ISTIO, ISTIO_JSON
from outgate.telemetry.showing import Showing
from telemetry import events

SHOWING = Showing(hostname="gate")


def event():
    host = "api.partner.example"
    return events.event(host, sni=host, address="192.0.2.7", request_fields=((b"host", host.encode()),))


def read(*lines):
    log = Log()
    return list(log.read(lines)), log.strange


def own(**fields):
    told = {"time": "2026-01-01T00:00:00+00:00", "kind": "http", "verdict": "allow", "code": "registered"}
    return json.dumps({**told, "scheme": "https", "host": "api.example", "port": 443, **fields}).encode()


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (own(), Seen(Speech.HTTPS, "api.example", 443)),
        (own(scheme="http", port=80), Seen(Speech.HTTP, "api.example", 80)),
        (own(kind="tls"), Seen(Speech.TLS, "api.example", 443)),
        (own(kind="tcp", host="", address="192.0.2.7", port=5432), Seen(Speech.TCP, "192.0.2.7", 5432)),
        (own(namespace="prod", service_account="web"), Seen(Speech.HTTPS, "api.example", 443, "prod/web")),
        (own(namespace="a\nb", service_account="web"), Seen(Speech.HTTPS, "api.example", 443)),
        (own(verdict="deny", code="unregistered"), Seen(Speech.HTTPS, "api.example", 443, denied="unregistered")),
        (own(traffic="internal"), Seen(Speech.HTTPS, "api.example", 443, internal=True)),
        (own(scheme="http", protocol="HTTP/2.0"), Seen(Speech.HTTP, "api.example", 443, http2=True)),
        (
            own(scheme="http", port=80, upstream="192.0.2.7:443", upstream_tls="TLSv1.3", client_certificate=True),
            Seen(Speech.HTTP, "api.example", 80, originated=443, mutual=True),
        ),
        (own(upstream="192.0.2.7:443", upstream_tls="TLSv1.3"), Seen(Speech.HTTPS, "api.example", 443)),
        (own(kind="connection", verdict="deny", code="ech_refused"), None),
    ],
)
def test_lines_of_the_gate(line, seen):
    assert read(line) == ([seen], 0)


def test_what_the_gate_writes_is_read():
    (seen,), strange = read(native.render(event()))
    assert (seen.host, seen.port, strange) == (event().host, event().attempt.port, 0)


FORMS = {
    "istio": lambda one: formats.text(ISTIO, SHOWING)(one).encode(),
    "istio json": lambda one: formats.json(ISTIO_JSON, SHOWING, typed=False)(one).encode(),
    "istio typed json": lambda one: formats.json(ISTIO_JSON, SHOWING, typed=True)(one).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_istio_s_default_formats_tell_the_same(form):
    (mine,), _ = read(native.render(event()))
    (seen,), strange = read(FORMS[form](event()))
    assert (seen.speech, seen.host, seen.port, strange) == (mine.speech, mine.host, mine.port, 0)


def test_envoy_s_default_format_has_the_authority_alone():
    line = formats.text(ENVOY, SHOWING)(event())
    (seen,), strange = read(line.encode())
    assert (seen.speech, seen.host, strange) == (Speech.HTTP, event().host, 0)


TUNNEL = (
    '[2026-01-01T00:00:00.000Z] "- - -" 0 - - - "-" 1 2 3 - "-" "-" "-" "-" "192.0.2.7:443" '
    "outbound|443||login.example 10.0.0.1:1 192.0.2.7:443 10.0.0.1:2 %s -"
)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (TUNNEL % "login.example", Seen(Speech.TLS, "login.example", 443)),
        (TUNNEL % "-", Seen(Speech.TCP, "192.0.2.7", 443)),
        (
            TUNNEL.replace("outbound|443||login.example", "BlackHoleCluster") % "a.b",
            Seen(Speech.TLS, "a.b", 443, denied="denied"),
        ),
    ],
)
def test_tunnels_of_istio(line, seen):
    assert read(line.encode()) == ([seen], 0)


@pytest.mark.parametrize(
    "line",
    [
        b"no log at all",
        b'{"a": 1}',
        b"[1, 2]",
        b'{"kind": "http", "verdict": "perhaps"}',
        own(port=0),
        own(port="no port"),
        own(host=7),
        b"\xff\xfe",
        b'{"kind": ',
    ],
)
def test_a_line_that_is_none_is_counted(line):
    assert read(line, b"\n", own()) == ([Seen(Speech.HTTPS, "api.example", 443)], 1)
