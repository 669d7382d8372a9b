"""What is over is counted where dashboards look for it."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from outgate.policy.model import Code, Endpoint, Gate, Identity
from outgate.telemetry import names
from outgate.telemetry.event import Phases, Reached, Tls
from outgate.telemetry.istio_labels import Reporter
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.span_errors import server_error
from telemetry.counted import only, series, total
from telemetry.events import CALLER, DENIED, PARTNER, allowed, destination, event, reached
from upstream.authorities import Authority


@pytest.fixture
def metrics():
    made = Metrics()
    made.follow([PARTNER])
    return made


def test_a_request_has_istios_labels(metrics):
    metrics.observe(event())
    assert only(metrics, names.REQUESTS) == (
        {
            "reporter": "source",
            "source_workload": "cart",
            "source_workload_namespace": "shop",
            "source_principal": "spiffe://cluster.local/ns/shop/sa/cart",
            "source_app": "cart",
            "source_version": "v7",
            "source_canonical_service": "cart",
            "source_canonical_revision": "v7",
            "source_cluster": "Kubernetes",
            "destination_workload": "unknown",
            "destination_workload_namespace": "unknown",
            "destination_principal": "unknown",
            "destination_app": "unknown",
            "destination_version": "unknown",
            "destination_service": "api.partner.example",
            "destination_service_name": "api.partner.example",
            "destination_service_namespace": "unknown",
            "destination_canonical_service": "unknown",
            "destination_canonical_revision": "latest",
            "destination_cluster": "unknown",
            "request_protocol": "http",
            "response_flags": "-",
            "connection_security_policy": "unknown",
            "response_code": "200",
            "grpc_response_status": "",
        },
        1,
    )


def test_a_request_is_measured_once_in_each_histogram(metrics):
    metrics.observe(event())
    assert only(metrics, names.REQUEST_DURATION)[1] == [*(0,) * 7, 1, *(0,) * 12, 250.0]
    assert only(metrics, names.REQUEST_BYTES)[1] == [*(0,) * 6, 1, *(0,) * 13, 100]
    assert only(metrics, names.RESPONSE_BYTES)[1] == [*(0,) * 11, 1, *(0,) * 8, 3000]
    labels, value = only(metrics, names.SERVER_DURATION)
    assert labels == {
        "http.request.method": "GET",
        "url.scheme": "https",
        "http.response.status_code": "200",
        "error.type": "",
        "network.protocol.version": "1.1",
    }
    assert value == [*(0,) * 6, 1, *(0,) * 8, 0.25]
    assert only(metrics, names.SERVER_REQUEST_SIZE)[1] == [0, 1, *(0,) * 10, 100]
    assert only(metrics, names.SERVER_RESPONSE_SIZE)[1] == [0, 0, 0, 1, *(0,) * 8, 3000]
    assert only(metrics, names.DECISIONS) == (
        {"kind": "http", "verdict": "allow", "code": "registered", "would": ""},
        1,
    )


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (event(decision=DENIED, status=403), "outgate_denied"),
        (event(status=500), "500"),
        (event(status=404), ""),
        (event(status=503, error_type="connect_timeout"), "connect_timeout"),
        (event(status=0, flags="DC", failure="the client went away"), ""),
    ],
)
def test_errors_of_requests_are_named_as_on_their_spans(metrics, made, error):
    metrics.observe(made)
    labels, _ = only(metrics, names.SERVER_DURATION)
    assert labels["error.type"] == error == server_error(made)


def test_two_that_are_alike_are_one_series(metrics):
    metrics.observe(event())
    metrics.observe(event(duration=0.001))
    assert only(metrics, names.REQUESTS)[1] == 2
    assert only(metrics, names.REQUEST_DURATION)[1][-1] == 251.0


@pytest.mark.parametrize(
    ("made", "service", "name"),
    [
        (event("evil.example", DENIED), "evil.example", "BlackHoleCluster"),
        (event("else.example", allowed(None)), "else.example", "PassthroughCluster"),
        (event("a.b.example", allowed(destination("*.b.example"))), "a.b.example", "*.b.example"),
        (event("192.0.2.7", allowed(destination("192.0.2.7"))), "192.0.2.7", "partner"),
        (event(None, allowed(), kind="tcp"), "api.partner.example", "api.partner.example"),
        (event(None, allowed(destination("*.b.example")), kind="tcp"), "unknown", "partner"),
        (event(None, allowed(destination("a.example", "b.example")), kind="tcp"), "unknown", "partner"),
        (event(None, allowed(destination("192.0.2.7")), kind="tcp"), "192.0.2.7", "partner"),
        (event(None, DENIED, kind="tcp"), "unknown", "BlackHoleCluster"),
    ],
)
def test_the_destination_is_named_as_kiali_draws_it(made, service, name):
    metrics = Metrics()
    metrics.observe(made)
    labels, _ = only(metrics, names.REQUESTS if made.kind == "http" else names.TCP_CLOSED)
    assert (labels["destination_service"], labels["destination_service_name"]) == (service, name)


def test_the_labels_of_the_chosen_endpoint_are_told(metrics):
    blue = Endpoint("192.0.2.7", 5432, labels=(("app", "db"), ("version", "blue"), ("zone", "a")))
    green = Endpoint("192.0.2.8", 5432, labels=(("version", "green"),))
    for endpoint in (blue, green, Endpoint("192.0.2.9", 5432), blue):
        metrics.observe(event(None, kind="tcp", reached=(reached(endpoint=endpoint),)))
    found = [
        (labels["destination_service"], labels["destination_app"], labels["destination_version"], count)
        for labels, count in series(metrics, names.TCP_OPENED)
    ]
    host = "api.partner.example"
    assert found == [(host, "db", "blue", 2), (host, "unknown", "green", 1), (host, "unknown", "unknown", 1)]


def test_a_connection_without_a_name_is_its_destinations_at_the_origin_too(metrics):
    metrics.observe(event(None, kind="tcp", reached=(reached(),)))
    assert only(metrics, names.ORIGIN_ATTEMPTS)[0]["server.address"] == "api.partner.example"


def test_what_never_became_an_attempt_is_counted(metrics):
    made = event(kind="tcp", decision=DENIED)
    made.kind, made.attempt, made.decision, made.code = "connection", None, None, "name_malformed"
    made.name = "api.partner.example"
    metrics.observe(made)
    labels, count = only(metrics, names.TCP_OPENED)
    assert (labels["destination_service"], labels["destination_service_name"]) == ("unknown", "BlackHoleCluster")
    assert (labels["request_protocol"], count) == ("tcp", 1)
    assert only(metrics, names.DECISIONS)[0]["code"] == "name_malformed"


def test_tunnels_and_tcp_are_counted_from_the_gates_side(metrics):
    metrics.observe(event(kind="tls"))
    labels, received = only(metrics, names.TCP_RECEIVED)
    assert (received, only(metrics, names.TCP_SENT)[1]) == (100, 3000)
    assert only(metrics, names.TCP_OPENED)[1] == only(metrics, names.TCP_CLOSED)[1] == 1
    assert "response_code" not in labels
    assert "grpc_response_status" not in labels
    assert series(metrics, names.REQUESTS) == []


def test_the_status_of_grpc_is_told(metrics):
    metrics.observe(event(grpc=True, trailer_fields=((b"Grpc-Status", b"14"),)))
    metrics.observe(event(grpc=True, response_fields=((b"grpc-status", b"7"),)))
    metrics.observe(event(grpc=True, trailer_fields=((b"grpc-status", b"made up"),)))
    found = [
        (labels["request_protocol"], labels["grpc_response_status"]) for labels, _ in series(metrics, names.REQUESTS)
    ]
    assert found == [("grpc", "14"), ("grpc", "7"), ("grpc", "")]


def test_messages_of_grpc_are_counted_and_those_of_nothing_else(metrics):
    metrics.observe(event(grpc=True, sent_messages=3, received_messages=5))
    metrics.observe(event(grpc=True, sent_messages=1))
    metrics.observe(event())
    labels, sent = only(metrics, names.REQUEST_MESSAGES)
    assert (labels["request_protocol"], sent) == ("grpc", 4)
    assert only(metrics, names.RESPONSE_MESSAGES) == (labels, 5)
    assert total(metrics, names.REQUESTS) == 3


@pytest.mark.parametrize(
    ("status", "flags", "code", "shown"),
    [(0, "DC", "0", "DC"), (7, "", "0", "-"), (503, "UF,made up,URX", "503", "UF,URX"), (12345, '"\n', "0", "-")],
)
def test_status_and_flags_are_such_as_there_are(metrics, status, flags, code, shown):
    metrics.observe(event(status=status, flags=flags))
    labels, _ = only(metrics, names.REQUESTS)
    assert (labels["response_code"], labels["response_flags"]) == (code, shown)


def test_an_unknown_caller_is_the_gate_as_an_egress_gateway_has_it():
    gate = Gate("istio-egressgateway", "istio-system", (("app", "egress"),))
    for reporter, caller in ((Reporter(gate), Identity()), (Reporter(gate, always=True), CALLER)):
        metrics = Metrics(reporter)
        metrics.observe(event(caller=caller))
        labels, _ = only(metrics, names.REQUESTS)
        assert labels["source_workload"] == "istio-egressgateway"
        assert labels["source_workload_namespace"] == "istio-system"
        assert labels["source_canonical_service"] == labels["source_app"] == "egress"


def test_a_caller_without_labels_is_its_service_account():
    labels = Reporter().labels(Identity("shop", "cart"))
    assert dict(zip(names.CALLER, labels, strict=True)) == {
        "source_workload": "cart",
        "source_workload_namespace": "shop",
        "source_principal": "unknown",
        "source_app": "unknown",
        "source_version": "unknown",
        "source_canonical_service": "cart",
        "source_canonical_revision": "latest",
        "source_cluster": "Kubernetes",
    }


# Origins.


def test_a_request_to_an_origin_has_the_labels_of_the_conventions(metrics):
    metrics.observe(event(reached=(reached(),)))
    assert only(metrics, names.CLIENT_DURATION) == (
        {
            "http.request.method": "GET",
            "server.address": "api.partner.example",
            "server.port": "443",
            "http.response.status_code": "200",
            "error.type": "",
            "network.protocol.version": "1.1",
        },
        [*(0,) * 6, 1, *(0,) * 8, pytest.approx(0.2)],
    )
    assert only(metrics, names.CLIENT_RESPONSE_SIZE)[1][-1] == 3000
    assert series(metrics, names.DNS_DURATION) == series(metrics, names.CONNECT_DURATION) == []


def test_each_time_it_was_tried_counts(metrics):
    metrics.observe(event(status=404, reached=(reached(error_type="connection_reset"), reached())))
    found = [
        (labels["http.response.status_code"], labels["error.type"])
        for labels, _ in series(metrics, names.CLIENT_DURATION)
    ]
    assert found == [("", "connection_reset"), ("404", "404")]
    assert total(metrics, names.ORIGIN_ATTEMPTS) == 2
    assert sum(sum(value[:-1]) for _, value in series(metrics, names.CLIENT_RESPONSE_SIZE)) == 1


def test_an_answer_that_broke_off_has_the_status_that_it_began_with(metrics):
    cut = reached(error_type="connection_closed", phases=Phases(0, first_byte=0.1))
    metrics.observe(event(failure="upstream_reset", error_type="connection_closed", reached=(cut,)))
    labels, _ = only(metrics, names.CLIENT_DURATION)
    assert (labels["http.response.status_code"], labels["error.type"]) == ("200", "connection_closed")


def test_the_version_of_tls_is_a_number(metrics):
    made = reached(reused=False, local=("10.0.0.9", 40000), phases=Phases(tls=0.1), tls=Tls("TLSv1.2"))
    metrics.observe(event(reached=(made,)))
    assert only(metrics, names.TLS_DURATION)[0]["tls.protocol.version"] == "1.2"


def connected(**more):
    return reached(reused=False, local=("10.0.0.9", 40000), phases=Phases(0, 0.1, 0.1, 0.1), **more)


@pytest.mark.parametrize(
    ("made", "dns", "connect", "tls"),
    [
        (Reached(None, phases=Phases(resolve=0.1), error_type="host_not_found"), "host_not_found", None, None),
        (reached(reused=False, phases=Phases(0, 0.1, 0.1), error_type="connect_timeout"), "", "connect_timeout", None),
        (reached(reused=False, phases=Phases(0, 0.1, 0.1, 0.1), error_type="tls_handshake"), "", "", "tls_handshake"),
        (
            reached(reused=False, phases=Phases(0, 0.1, 0.1, 0.1), error_type="connect_timeout"),
            "",
            "",
            "connect_timeout",
        ),
        (connected(error_type="connection_reset"), "", "", ""),
        (connected(error_type="tls_handshake"), "", "", ""),
        (connected(), "", "", ""),
    ],
)
def test_a_failure_is_told_of_the_phase_that_failed(metrics, made, dns, connect, tls):
    metrics.observe(event(kind="tls", reached=(made,)))
    for spec, expected in ((names.DNS_DURATION, dns), (names.CONNECT_DURATION, connect), (names.TLS_DURATION, tls)):
        found = [labels["error.type"] for labels, _ in series(metrics, spec)]
        assert found == ([] if expected is None else [expected])


def test_when_the_certificate_of_a_registered_origin_expires_is_told(metrics, tmp_path):
    made = Authority(tmp_path, "origins")
    shown = reached(reused=False, tls=Tls("TLSv1.3", peer=made.cert.public_bytes(Encoding.DER)))
    broken = reached(reused=False, tls=Tls("TLSv1.3", peer=b"no certificate"))
    metrics.observe(event(reached=(shown,)))
    metrics.observe(event(reached=(broken,)))
    metrics.observe(event("else.example", allowed(None), reached=(shown,)))
    place = {"server.address": "api.partner.example", "server.port": "443"}
    expires = made.cert.not_valid_after_utc.timestamp()
    assert only(metrics, names.ORIGIN_CERTIFICATE) == (place, expires)


def test_connections_to_origins_are_active_idle_and_closed(metrics):
    one, two = metrics.origin("api.partner.example", 443), metrics.origin("api.partner.example", 443)
    one.idle()

    def states():
        return {labels["http.connection.state"]: value for labels, value in series(metrics, names.CLIENT_OPEN)}

    assert states() == {"active": 1, "idle": 1}
    one.active()
    assert states() == {"active": 2, "idle": 0}
    one.closed()
    two.closed()
    assert states() == {"active": 0, "idle": 0}
    assert sum(only(metrics, names.CLIENT_LIFETIME)[1][:-1]) == 2


def test_connections_and_handshakes_of_workloads_are_counted(metrics):
    metrics.connected()
    metrics.disconnected(3.0)
    metrics.shook_hands(0.02, "TLSv1.3")
    assert only(metrics, names.CONNECTIONS) == ({}, 1)
    assert only(metrics, names.CONNECTION_LIFETIME)[1][-1] == 3.0
    assert only(metrics, names.CLIENT_HANDSHAKES)[0] == {"tls.protocol.version": "1.3", "error.type": ""}


def test_others_count_and_are_read(metrics):
    found = metrics.count(names.REDACTIONS, "email")
    found.value += 3
    metrics.read(names.ORIGINS_IDLE, lambda: 4)
    assert only(metrics, names.REDACTIONS) == ({"detector": "email"}, 3)
    assert only(metrics, names.ORIGINS_IDLE) == ({}, 4)
    metrics.read_all(names.INLINE, lambda: {("cards", "mask"): 2})
    assert only(metrics, names.INLINE) == ({"rule": "cards", "action": "mask"}, 2)


def test_what_would_be_denied_is_told(metrics):
    metrics.observe(event(decision=allowed(None, would=DENIED)))
    assert only(metrics, names.DECISIONS)[0]["would"] == Code.UNREGISTERED.value
