"""Every operator has its value, and every one that is refused says what to write instead."""

import re
import uuid
from dataclasses import replace

import pytest

from ended import API, START, WEB, answered, denied, relayed
from outgate.telemetry import certificates
from outgate.telemetry.event import Reached
from outgate.telemetry.operators import OPERATORS, compiled
from outgate.telemetry.operators.refused import REFUSED
from outgate.telemetry.showing import Showing

SHOWING = Showing(
    hostname="gate-0",
    environment={"POD": "web-1", "API_TOKEN": "canary"},
)


def value(name, argument=None, event=None, length=None):
    return compiled(name, argument, length, SHOWING)(event or answered())


VALUES = {
    "START_TIME": "2023-11-14T22:13:20.123Z",
    "DURATION": 70,
    "REQUEST_DURATION": 20,
    "REQUEST_TX_DURATION": 20,
    "RESPONSE_DURATION": 50,
    "RESPONSE_TX_DURATION": 20,
    "PROTOCOL": "HTTP/2",
    "UPSTREAM_PROTOCOL": "HTTP/2",
    "RESPONSE_CODE": 200,
    "RESPONSE_CODE_DETAILS": "via_upstream",
    "RESPONSE_FLAGS": None,
    "RESPONSE_FLAGS_LONG": None,
    "CONNECTION_TERMINATION_DETAILS": None,
    "BYTES_RECEIVED": 10,
    "BYTES_SENT": 20,
    "UPSTREAM_HOST": "93.184.216.34:443",
    "UPSTREAM_HOST_NAME": "api.example:443",
    "UPSTREAM_HOST_NAME_WITHOUT_PORT": "api.example",
    "UPSTREAM_HOSTS_ATTEMPTED": "93.184.216.34:443",
    "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT": "93.184.216.34",
    "UPSTREAM_HOST_NAMES_ATTEMPTED": "93.184.216.34:443",
    "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT": "93.184.216.34",
    "UPSTREAM_CLUSTER": "outbound|443||api.example",
    "UPSTREAM_CLUSTER_RAW": "outbound|443||api.example",
    "UPSTREAM_REMOTE_ADDRESS": "93.184.216.34:443",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": "93.184.216.34",
    "UPSTREAM_REMOTE_PORT": 443,
    "UPSTREAM_LOCAL_ADDRESS": "10.0.0.1:50000",
    "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": "10.0.0.1",
    "UPSTREAM_LOCAL_PORT": 50000,
    "UPSTREAM_TRANSPORT_FAILURE_REASON": None,
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON": None,
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": 1,
    "DOWNSTREAM_REMOTE_ADDRESS": "10.0.0.9:40000",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": "10.0.0.9",
    "DOWNSTREAM_REMOTE_PORT": 40000,
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": "10.0.0.9:40000",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": "10.0.0.9",
    "DOWNSTREAM_DIRECT_REMOTE_PORT": 40000,
    "DOWNSTREAM_LOCAL_ADDRESS": "192.0.2.1:443",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": "192.0.2.1",
    "DOWNSTREAM_LOCAL_PORT": 443,
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS": "127.0.0.1:15001",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT": "127.0.0.1",
    "DOWNSTREAM_DIRECT_LOCAL_PORT": 15001,
    "REQUESTED_SERVER_NAME": "api.example",
    "UPSTREAM_SERVER_NAME": "api.example",
    "ROUTE_NAME": "d-1",
    "HOSTNAME": "gate-0",
    "TRACE_ID": "000000000000000000000000000000ab",
    "SPAN_ID": "00000000000000cd",
    "STREAM_ID": "4fd2-1",
    "CONNECTION_ID": 7,
    "UPSTREAM_CONNECTION_ID": 8,
    "UPSTREAM_CONNECTION_IDS_ATTEMPTED": "8",
    "PATH": "/v1?q=1&token=REDACTED",
    "QUERY_PARAMS": "q=1&token=REDACTED",
    "CUSTOM_FLAGS": "team",
    "ACCESS_LOG_TYPE": "DownstreamEnd",
    "LOCAL_REPLY_BODY": None,
    "GRPC_STATUS": "InvalidArgument",
    "GRPC_STATUS_NUMBER": 3,
    "DOWNSTREAM_TLS_VERSION": "TLSv1.2",
    "DOWNSTREAM_TLS_CIPHER": "ECDHE-RSA-AES128-GCM-SHA256",
    "UPSTREAM_TLS_VERSION": "TLSv1.3",
    "UPSTREAM_TLS_CIPHER": "TLS_AES_256_GCM_SHA384",
    "TLS_JA3_FINGERPRINT": "3a",
    "TLS_JA4_FINGERPRINT": "4a",
    "DOWNSTREAM_PEER_SUBJECT": "CN=web,O=Ours",
    "DOWNSTREAM_PEER_ISSUER": "CN=web,O=Ours",
    "DOWNSTREAM_PEER_SERIAL": "abc",
    "DOWNSTREAM_PEER_URI_SAN": "spiffe://cluster.local/ns/prod/sa/web",
    "DOWNSTREAM_PEER_DNS_SAN": "web",
    "DOWNSTREAM_PEER_IP_SAN": None,
    "DOWNSTREAM_PEER_EMAIL_SAN": None,
    "DOWNSTREAM_PEER_FINGERPRINT_256": certificates.read(WEB).sha256,
    "DOWNSTREAM_PEER_FINGERPRINT_1": certificates.read(WEB).sha1,
    "DOWNSTREAM_PEER_CERT_V_START": "2024-01-01T00:00:00.000Z",
    "DOWNSTREAM_PEER_CERT_V_END": "2024-04-10T00:00:00.000Z",
    "UPSTREAM_PEER_SUBJECT": "CN=api.example,O=Ours",
    "UPSTREAM_PEER_ISSUER": "CN=api.example,O=Ours",
    "UPSTREAM_PEER_SERIAL": "abc",
    "UPSTREAM_PEER_URI_SAN": "spiffe://cluster.local/ns/prod/sa/api.example",
    "UPSTREAM_PEER_DNS_SAN": "api.example",
    "UPSTREAM_PEER_IP_SAN": None,
    "UPSTREAM_PEER_EMAIL_SAN": None,
    "UPSTREAM_PEER_FINGERPRINT_256": certificates.read(API).sha256,
    "UPSTREAM_PEER_FINGERPRINT_1": certificates.read(API).sha1,
    "UPSTREAM_PEER_CERT_V_START": "2024-01-01T00:00:00.000Z",
    "UPSTREAM_PEER_CERT_V_END": "2024-04-10T00:00:00.000Z",
    "REQUEST_HEADERS_BYTES": 91,
    "RESPONSE_HEADERS_BYTES": 48,
    "RESPONSE_TRAILERS_BYTES": 18,
    "DOWNSTREAM_WIRE_BYTES_RECEIVED": 160,
    "DOWNSTREAM_WIRE_BYTES_SENT": 121,
    "DOWNSTREAM_HEADER_BYTES_RECEIVED": 150,
    "DOWNSTREAM_HEADER_BYTES_SENT": 73,
    "UPSTREAM_WIRE_BYTES_SENT": 160,
    "UPSTREAM_WIRE_BYTES_RECEIVED": 121,
    "UPSTREAM_HEADER_BYTES_SENT": 150,
    "UPSTREAM_HEADER_BYTES_RECEIVED": 73,
    "UPSTREAM_LOCAL_CLOSE_REASON": None,
    "DOWNSTREAM_LOCAL_CLOSE_REASON": None,
}
"""Of a request that was answered."""

ARGUMENTS = {
    ("START_TIME", "%Y/%m/%dT%H:%M:%S%z %s"): "2023/11/14T22:13:20+0000 1700000000",
    ("START_TIME", "%s.%3f %1f %6f %9f %f %%"): "1700000000.123 1 123400 123400000 123400000 %",
    ("REQ", ":METHOD"): "POST",
    ("REQ", ":PATH"): "/v1?q=1&token=REDACTED",
    ("REQ", ":AUTHORITY"): "api.example",
    ("REQ", ":SCHEME"): "https",
    ("REQ", "X-ENVOY-ORIGINAL-PATH?:PATH"): "/v1?q=1&token=REDACTED",
    ("REQ", "X-REQUEST-ID"): "4fd2-1",
    ("REQ", "X-FORWARDED-FOR"): "10.9.9.9",
    ("REQ", "X-ONE?X-TWO"): "second",
    ("REQ", "X-ONE"): None,
    ("REQ", "Authorization"): "REDACTED",
    ("REQUEST_HEADER", "user-agent"): "curl/8",
    ("RESP", "X-ENVOY-UPSTREAM-SERVICE-TIME"): "40",
    ("RESP", ":STATUS"): "200",
    ("RESP", "Set-Cookie"): "REDACTED",
    ("RESPONSE_HEADER", "content-type"): "application/grpc",
    ("TRAILER", "X-T"): "end",
    ("RESPONSE_TRAILER", "X-T"): "end",
    ("PATH", "NQ"): "/v1",
    ("PATH", "WQ:PATH"): "/v1?q=1&token=REDACTED",
    ("QUERY_PARAM", "q"): "1",
    ("QUERY_PARAM", "none"): None,
    ("QUERY_PARAM", "token"): "REDACTED",
    ("QUERY_PARAMS", "DECODED"): "q=1&token=REDACTED",
    ("ENVIRONMENT", "POD"): "web-1",
    ("ENVIRONMENT", "API_TOKEN"): "REDACTED",
    ("ENVIRONMENT", "NONE"): None,
    ("DYNAMIC_METADATA", "outgate:code"): "registered",
    ("DYNAMIC_METADATA", "outgate:port"): 443,
    ("DYNAMIC_METADATA", "outgate.addons:team"): "blue",
    ("DYNAMIC_METADATA", "outgate.addons"): {"team": "blue"},
    ("RESPONSE_CODE_DETAILS", "ALLOW_WHITESPACES"): "via_upstream",
    ("GRPC_STATUS", "SNAKE_STRING"): "INVALID_ARGUMENT",
    ("GRPC_STATUS", "NUMBER"): 3,
    ("REQUESTED_SERVER_NAME", "HOST_FIRST:HOST"): "api.example",
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "16"): "10.0.0.0/16",
    ("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "64"): "93.184.216.34",
    ("COMMON_DURATION", "DS_RX_BEG:DS_RX_END:us"): 20_000,
    ("COMMON_DURATION", "US_CX_BEG:US_CX_END:us"): 3_000,
    ("COMMON_DURATION", "US_CX_END:US_HS_END:ms"): 4,
    ("COMMON_DURATION", "US_TX_BEG:US_RX_BEG:ms"): 40,
    ("COMMON_DURATION", "DS_CX_BEG:DS_CX_END:ns"): 70_500_000,
    ("COMMON_DURATION", "DS_TX_BEG:DS_TX_END:ms"): 20,
    ("COALESCE", '{"operators": [{"command": "REQ", "param": "x-one"}, "REQUESTED_SERVER_NAME"]}'): "api.example",
    ("COALESCE", '{"operators": [{"command": "REQ", "param": "x-two", "max_length": 3}]}'): "sec",
}


@pytest.mark.parametrize("name", VALUES)
def test_an_operator_has_its_value(name):
    assert value(name) == VALUES[name]


@pytest.mark.parametrize(("name", "argument", "expected"), [(*key, found) for key, found in ARGUMENTS.items()])
def test_an_argument_is_understood(name, argument, expected):
    assert value(name, argument) == expected


def test_every_operator_is_tested():
    assert OPERATORS.keys() - VALUES.keys() - {name for name, _ in ARGUMENTS} == {"EMIT_TIME", "UNIQUE_ID"}


def test_what_is_made_anew_for_every_line():
    assert value("EMIT_TIME") > value("START_TIME")
    assert value("EMIT_TIME", "%Y") >= "2024"
    assert uuid.UUID(value("UNIQUE_ID")) != uuid.UUID(value("UNIQUE_ID"))


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("RESPONSE_CODE", None, 502),
        ("RESPONSE_CODE_DETAILS", None, "unregistered"),
        ("RESPONSE_FLAGS", None, "UAEX"),
        ("RESPONSE_FLAGS_LONG", None, "UnauthorizedExternalService"),
        ("UPSTREAM_HOST", None, None),
        ("UPSTREAM_CLUSTER", None, "BlackHoleCluster"),
        ("UPSTREAM_REQUEST_ATTEMPT_COUNT", None, 0),
        ("UPSTREAM_WIRE_BYTES_SENT", None, 0),
        ("ROUTE_NAME", None, "block_all"),
        ("RESP", "X-ENVOY-UPSTREAM-SERVICE-TIME", None),
        ("LOCAL_REPLY_BODY", None, "evil.example:80 is not registered"),
        ("REQ", ":AUTHORITY", "evil.example"),
        ("REQUESTED_SERVER_NAME", "SNI_FIRST", "evil.example"),
        ("TRACE_ID", None, None),
        ("DOWNSTREAM_TLS_VERSION", None, None),
    ],
)
def test_a_denial_has_its_values(name, argument, expected):
    assert value(name, argument, denied()) == expected


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("REQ", ":METHOD", None),
        ("PROTOCOL", None, None),
        ("RESPONSE_CODE", None, 0),
        ("BYTES_RECEIVED", None, 1033),
        ("UPSTREAM_HOST", None, "93.184.216.34:3306"),
        ("UPSTREAM_CLUSTER", None, "outbound|3306||db.example"),
        ("DYNAMIC_METADATA", "outgate:host", "db.example"),
        ("DYNAMIC_METADATA", "outgate:endpoint", "93.184.216.34:3306"),
        ("DYNAMIC_METADATA", "outgate:endpoint_labels", "version=v1,zone=a"),
        ("DYNAMIC_METADATA", "outgate:region", "eu"),
        ("ACCESS_LOG_TYPE", None, "TcpConnectionEnd"),
        ("STREAM_ID", None, "9"),
        ("DURATION", None, 2500),
        ("REQUEST_DURATION", None, None),
    ],
)
def test_a_relay_has_its_values(name, argument, expected):
    assert value(name, argument, relayed()) == expected


def test_what_tls_failed_at_is_told():
    failed = answered(
        error_type="tls_handshake", failure="tls_failed: no protocol in common", status=503, flags="UF,URX"
    )
    assert value("UPSTREAM_TRANSPORT_FAILURE_REASON", None, failed) == failed.failure
    assert value("RESPONSE_CODE_DETAILS", None, failed) == "tls_handshake"
    assert value("RESPONSE_FLAGS_LONG", None, failed) == "UpstreamConnectionFailure,UpstreamRetryLimitExceeded"


def test_a_client_that_refuses_the_leaf_has_its_reason():
    refused = relayed(kind="tls", verdict="deny", code="client_tls_failed", help="unknown ca")
    assert value("DOWNSTREAM_TRANSPORT_FAILURE_REASON", None, refused) == "unknown ca"
    assert value("CONNECTION_TERMINATION_DETAILS", None, refused) == "client_tls_failed"
    assert value("DOWNSTREAM_LOCAL_CLOSE_REASON", None, refused) == "client_tls_failed"


def test_every_try_is_listed():
    tries = (Reached(("192.0.2.9", 443), connection_id=3), *answered().reached)
    event = answered(reached=tries)
    assert value("UPSTREAM_HOSTS_ATTEMPTED", None, event) == "192.0.2.9:443,93.184.216.34:443"
    assert value("UPSTREAM_CONNECTION_IDS_ATTEMPTED", None, event) == "3,8"
    assert value("UPSTREAM_REQUEST_ATTEMPT_COUNT", None, event) == 2


def test_a_reused_connection_has_no_time_of_connecting():
    phases = answered().last.phases._replace(resolve=None, connect=None, tls=None)
    event = answered(reached=(replace(answered().last, phases=phases),))
    assert value("COMMON_DURATION", "US_CX_BEG:US_CX_END:ms", event) is None
    assert value("RESP", "x-envoy-upstream-service-time", event) == "49"


def test_ipv6_is_in_brackets_with_its_port_and_masked_without():
    event = answered(caller=replace(answered().caller, address="2001:db8:1::5"))
    assert value("DOWNSTREAM_REMOTE_ADDRESS", None, event) == "[2001:db8:1::5]:40000"
    assert value("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "64", event) == "2001:db8:1::/64"


def test_a_certificate_that_cannot_be_read_says_nothing():
    event = answered(downstream_tls=replace(answered().downstream_tls, peer=b"\x30\x00"))
    assert value("DOWNSTREAM_PEER_SUBJECT", None, event) is None


def test_a_requests_own_number_counts_before_the_gates():
    event = answered(request_fields=((b"X-Request-Id", b"mine-7"),))
    assert value("REQ", "x-request-id", event) == "mine-7"
    assert value("STREAM_ID", None, event) == "4fd2-1"
    assert value("REQ", "x-request-id", answered(request_id="")) is None


def test_what_addons_say_is_shown_without_secrets():
    event = answered(extra={"team": "blue", "api_key": "canary", "at": "https://h/?token=canary"})
    shown = {"team": "blue", "api_key": "REDACTED", "at": "REDACTED"}
    assert value("DYNAMIC_METADATA", "outgate.addons", event) == shown
    assert value("DYNAMIC_METADATA", "outgate.addons:api_key", event) == "REDACTED"
    assert value("DYNAMIC_METADATA", "outgate.addons:none", event) is None
    assert value("DYNAMIC_METADATA", "outgate.addons", answered(extra={})) is None


def test_a_value_is_cut():
    assert value("REQ", "user-agent", length=4) == "curl"


def test_a_time_before_a_leap_of_the_clock_is_still_a_time():
    assert value("START_TIME", None, answered(started=0.0)) == "1970-01-01T00:00:00.000Z"
    assert value("START_TIME", "%s", answered(started=START)) == "1700000000"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_write(name):
    with pytest.raises(ValueError, match=r"is not supported: .*; (write|leave|outgate)") as caught:
        compiled(name, "X", None, SHOWING)
    assert name not in OPERATORS
    for suggested in re.findall(r"write ([A-Z_0-9]{4,})", str(caught.value)):
        assert suggested in OPERATORS


@pytest.mark.parametrize(
    ("name", "argument", "length", "said"),
    [
        ("REQQ", None, None, "did you mean REQ"),
        ("ZZZZZZZ", None, None, "docs/telemetry.md lists them"),
        ("REQ", None, None, "needs an argument; write the name of a header"),
        ("REQ", "a?b?c", None, "write a header, or two as X[?]Y"),
        ("PROTOCOL", "x", None, 'takes no argument; leave "[(]x[)]" out'),
        ("HOSTNAME", "x", None, "takes no argument"),
        ("PROTOCOL", None, 5, 'takes no length; leave ":5" out'),
        ("PATH", "XQ", None, "write WQ or NQ"),
        ("PATH", "WQ:XY", None, "write ORIG_OR_PATH"),
        ("QUERY_PARAMS", "X", None, "write ORIG or DECODED"),
        ("GRPC_STATUS", "X", None, "write CAMEL_STRING"),
        ("START_TIME", "%Q", None, "%Q, which is no part of a time"),
        ("START_TIME", "%H%", None, "write %%"),
        ("COMMON_DURATION", "DS_RX_BEG:ms", None, "write START:END:ms"),
        ("COMMON_DURATION", "DS_RX_BEGG:DS_TX_END:ms", None, "write DS_RX_BEG"),
        ("COMMON_DURATION", "DS_RX_BEG:DS_TX_END:s", None, "write ms, us, ns"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "129", None, "0 to 128"),
        ("REQUESTED_SERVER_NAME", "FIRST", None, "write SNI_ONLY"),
        ("DYNAMIC_METADATA", "envoy.rbac:x", None, "write outgate or outgate.addons"),
        ("DYNAMIC_METADATA", "outgate:nothing", None, "write one of time, kind"),
        ("COALESCE", "[]", None, "needs a JSON object"),
        ("COALESCE", '{"operators": []}', None, "has no operators"),
        ("COALESCE", '{"operators": [7]}', None, "needs a JSON object"),
        ("COALESCE", '{"operators": ["METADATA"]}', None, "is not supported"),
    ],
)
def test_what_is_wrong_is_said(name, argument, length, said):
    with pytest.raises(ValueError, match=said):
        compiled(name, argument, length, SHOWING)


@pytest.mark.parametrize("argument", ["outgate.addons", "outgate.addons:api_key", "outgate.addons:note"])
def test_what_addons_say_is_shown_as_spans_show_it(argument):
    said = answered(extra={"api_key": "canary", "note": "Bearer canary"})
    assert "canary" not in str(value("DYNAMIC_METADATA", argument, said))
    assert "REDACTED" in str(value("DYNAMIC_METADATA", argument, said))
