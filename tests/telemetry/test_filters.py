"""Which events a line is written for, said in CEL over Envoy's attributes."""

import pytest

from ended import answered, denied, relayed
from outgate.telemetry.attributes import ATTRIBUTES
from outgate.telemetry.filters import FilterError, compiled


@pytest.mark.parametrize(
    ("source", "event", "passes"),
    [
        ("response.code >= 400", denied(), True),
        ("response.code >= 400", answered(), False),
        ("response.code >= 400 || connection.mtls == false", answered(), False),
        ("response.code >= 400 || connection.mtls == false", relayed(), True),
        ("response.flags > 0", denied(), True),
        ("response.code_details == 'via_upstream'", answered(), True),
        ("response.grpc_status == 3", answered(), True),
        ("request.url_path == '/v1'", answered(), True),
        ("request.path.contains('q=1')", answered(), True),
        ("request.query.startsWith('q')", answered(), True),
        ("request.method == 'POST' && request.scheme == 'https'", answered(), True),
        ("request.host == 'api.example' && request.protocol == 'HTTP/2'", answered(), True),
        ("request.headers['x-two'] == 'second'", answered(), True),
        ("'x-two' in request.headers", denied(), False),
        ("request['method'] == 'POST'", answered(), True),
        ("request.useragent.matches('^curl/[0-9]+$')", answered(), True),
        ("request.id == '4fd2-1' && request.size == 10", answered(), True),
        ("request.duration > duration('50ms')", answered(), True),
        ("request.time > timestamp('2023-11-14T22:13:20Z')", answered(), True),
        ("response.headers['content-type'] == 'application/grpc'", answered(), True),
        ("response.trailers['x-t'] == 'end'", answered(), True),
        ("response.size == 20 && response.total_size > 20", answered(), True),
        ("source.address == '10.0.0.9:40000' && source.port == 40000", answered(), True),
        ("destination.address == '192.0.2.1:443' && destination.port == 443", answered(), True),
        ("upstream.local_address.startsWith('10.0.0.1:')", answered(), True),
        ("outgate.host == 'db.example' && outgate.endpoint == '93.184.216.34:3306'", relayed(), True),
        ("outgate.endpoint_labels.contains('zone=a')", relayed(), True),
        ("outgate.region == 'eu'", relayed(), True),
        ("outgate.region == 'eu'", denied(), False),
        ("connection.requested_server_name.endsWith('.example')", answered(), True),
        ("connection.tls_version == 'TLSv1.2' && connection.id == 7", answered(), True),
        ("connection.uri_san_peer_certificate.startsWith('spiffe://')", answered(), True),
        ("upstream.address == '93.184.216.34:443' && upstream.port == 443", answered(), True),
        ("upstream.dns_san_peer_certificate == 'api.example'", answered(), True),
        ("upstream.request_attempt_count == 0", denied(), True),
        ("xds.cluster_name == 'BlackHoleCluster'", denied(), True),
        ("outgate.verdict == 'deny' && outgate.namespace == 'prod'", denied(), True),
        ("!has(request.method)", relayed(), True),
        ("has(upstream.address)", denied(), False),
        ("['a', 'b'].exists(each, each == 'a')", answered(), True),
        ("request.method == 'a // \"request.nothing\"'", answered(), False),
        ("true", answered(), True),
    ],
)
def test_attributes_are_compared(source, event, passes):
    assert compiled(source)(event) is passes


@pytest.mark.parametrize(
    "source", ["request.headers['x-none'] == 'a'", "upstream.address == 'a'", "response.code", "1 / 0 > 1"]
)
def test_an_error_or_another_answer_is_no_line_and_counted(source):
    made = compiled(source)
    assert made(denied()) is False
    assert made.failed == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("response.code >=", "column 17: .*is no CEL expression|is no CEL expression: column 17"),
        ("response.cod >= 400", 'there is no attribute "response.cod"; did you mean response.code?'),
        ("responses.code >= 400", 'there is no attribute "responses"; did you mean response?'),
        ("metadata.x == 1", 'there is no attribute "metadata"; write one of request'),
        ("(" * 10000, "write at most 4096"),
    ],
)
def test_a_mistake_is_said(source, said):
    with pytest.raises(FilterError, match=said):
        compiled(source)


def test_only_what_is_named_is_read():
    made = compiled("response.code >= 400 && request.method == 'GET'")
    assert {root: set(names) for root, names in made.shown.items()} == {"response": {"code"}, "request": {"method"}}
    assert compiled("request['path'] == 'b'").shown["request"] == ATTRIBUTES["request"]


@pytest.mark.parametrize("event", [answered(), denied(), relayed()], ids=lambda event: event.kind + event.verdict)
def test_every_attribute_can_be_asked_for(event):
    for root, names in ATTRIBUTES.items():
        for name in names:
            made = compiled(f"has({root}.{name}) || true")
            assert made(event) is True, (root, name)


def test_a_value_that_is_no_text_is_no_crash():
    event = answered(request_fields=((b"x-h", b"\xff\xfe"),), path="/\udcff", method="\udcff")
    assert compiled("request.headers['x-h'] != ''")(event) is True
    assert compiled("request.method == 'a' || request.path == 'b'")(event) is False
