"""Access logs as a mesh's documents ask for them, of everything that a workload behind the redirect can try."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from e2e.documents import Document, access, destination, istio, policy
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.raw import EOF_SEEN
from e2e.printed import Printed, in_file, on_stdout
from e2e.workload import Workload, drain, response
from telemetry.receiver import Received, over_grpc, value, values

pytestmark = pytest.mark.netns

SETTINGS = {
    "workload_namespace": "prod",
    "workload_service_account": "web",
    "workload_labels": "app=web,tier=front",
}

GUIDE = """\
# mesh-config.yaml
# Configure the mesh to only allow outbound traffic to registered services
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata:
  name: istio-mesh-config
  namespace: istio-system
spec:
  meshConfig:
    # REGISTRY_ONLY blocks all traffic to services not in the registry
    # ALLOW_ANY (default) allows traffic to any external service
    outboundTrafficPolicy:
      mode: REGISTRY_ONLY
    # Enable access logging for egress traffic monitoring
    accessLogFile: /dev/stdout
    # Configure access log format for better observability
    accessLogFormat: |
      [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"
      %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT%
      %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%
      "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"
      "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"
"""
"""What the Istio egress guide has a mesh log, as it stands there."""
FORM = r"""^\[(?P<time>[0-9T:.Z-]+)\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>\S+)"
(?P<code>\d+) (?P<flags>\S+) (?P<received>\d+) (?P<sent>\d+)
(?P<duration>\d+) (?P<service>\S+)
"(?P<forwarded>[^"]*)" "(?P<agent>[^"]*)"
"(?P<id>[^"]*)" "(?P<authority>[^"]*)" "(?P<upstream>[^"]*)"$"""
ENTRIES = (
    destination("api.example", ports=("80/HTTP", "443/HTTPS", "81/HTTP")),
    destination("pinned.example", ports=("443/TLS",)),
    access("no-admin", action="DENY", rules=[{"to": [{"hosts": ["api.example"], "paths": ["/admin*"]}]}]),
)
DATABASE = istio(
    "ServiceEntry",
    "orders-db",
    {
        "hosts": ["orders.db.example"],
        "location": "MESH_EXTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 7000, "name": "tcp", "protocol": "TCP"}],
        "endpoints": [
            {"address": world.ADDRESSES["tcp"][0], "labels": {"app": "orders", "version": "v1", "zone": "a"}}
        ],
    },
)
POLICY = policy(*ENTRIES, DATABASE) + f"---\n{GUIDE}"
API = world.ADDRESSES["api"]


def mesh(**said: Any) -> Document:
    """A MeshConfig of one field or more."""
    config = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, **said}
    return istio("IstioOperator", "mesh", {"meshConfig": config}, namespace="istio-system") | {
        "apiVersion": "install.istio.io/v1alpha1"
    }


def telemetry(name: str, namespace: str = "istio-system", **spec: Any) -> Document:
    return istio("Telemetry", name, spec, group="telemetry", namespace=namespace)


def providing(*providers: Document, **spec: Any) -> str:
    """The registry, a mesh with these providers, and a Telemetry for everybody."""
    return policy(*ENTRIES, DATABASE, mesh(extensionProviders=list(providers)), telemetry("all", **spec))


@pytest.fixture
def guided(gate: Gate, origins: LabOrigins) -> Printed:
    """Standard output from here on, as the guide has it."""
    return on_stdout(gate, FORM)


# What the guide logs.


@pytest.mark.core
def test_requests_are_logged_as_the_guide_says_on_new_and_on_open_connections(
    workload: Workload, guided: Printed
) -> None:
    """The first goes through the layers and dials, the second the short way."""
    url = "http://api.example/hello?token=hunter2"
    workload.curl(url, "-A", "curl/8 (of a test)", "-d", "abc", url, "--next", "-sS")
    first, second = guided.wait(2)
    assert (first["method"], second["method"]) == ("POST", "GET")
    assert (first["received"], second["received"]) == ("3", "0")
    for entry in (first, second):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
        assert (entry["path"], entry["protocol"]) == ("/hello?token=REDACTED", "HTTP/1.1")
        assert (entry["code"], entry["flags"], entry["authority"]) == ("200", "-", "api.example")
        assert entry["upstream"] in (f"{API[0]}:80", f"[{API[1]}]:80")
        assert int(entry["service"]) <= int(entry["duration"]) + 1
        assert uuid.UUID(entry["id"])
    assert first["id"] != second["id"]
    assert first["agent"] == "curl/8 (of a test)"
    assert first["forwarded"] == "-"
    assert int(first["sent"]) > 0


@pytest.mark.core
def test_what_stands_in_lines_alone_is_not_sent(workload: Workload, guided: Printed, origins: LabOrigins) -> None:
    answer = workload.curl("https://api.example/hello")
    guided.one()
    (seen,) = origins.records.wait(bool, "request", "api")
    names = {name.lower() for name, _ in seen["headers"]} | {name.lower() for name, _ in answer.headers}
    assert {"x-request-id", "x-envoy-original-path", "x-envoy-upstream-service-time"}.isdisjoint(names)


def test_a_workloads_own_number_is_kept(workload: Workload, guided: Printed) -> None:
    workload.curl("http://api.example/hello", "-H", "X-Request-Id: mine-7", "-H", "X-Forwarded-For: 10.1.2.3")
    entry = guided.one()
    assert (entry["id"], entry["forwarded"]) == ("mine-7", "10.1.2.3")


def test_decrypted_requests_and_those_of_http2_are_logged(workload: Workload, guided: Printed) -> None:
    workload.curl("https://api.example/hello", "--http1.1")
    workload.curl("https://api.example/hello", "--http2")
    one, two = guided.wait(2)
    assert (one["protocol"], two["protocol"]) == ("HTTP/1.1", "HTTP/2")
    assert one["authority"] == two["authority"] == "api.example"
    assert {entry["upstream"].rpartition(":")[2] for entry in (one, two)} == {"443"}


@pytest.mark.core
@pytest.mark.parametrize(
    ("url", "code", "flags", "body"),
    [
        ("http://forbidden.example/", "502", "UAEX", "unregistered"),
        ("https://api.example/admin/users", "403", "UAEX", "refused_by_rule"),
        ("http://api.example:81/hello", "503", "UF", "connect_failed"),
    ],
)
def test_denials_and_failures_are_logged(
    workload: Workload, guided: Printed, url: str, code: str, flags: str, body: str
) -> None:
    assert workload.curl(url).denial["code"] == body
    entry = guided.one()
    assert (entry["code"], entry["flags"], entry["service"], entry["upstream"]) == (code, flags, "-", "-")
    assert uuid.UUID(entry["id"])


@pytest.mark.core
def test_bytes_are_logged_too(workload: Workload, guided: Printed) -> None:
    with workload.dial("tcp.example", 7000) as client:
        client.sendall(b"\x00ping")
        assert client.recv(100) == b"\x00ping"
    entry = guided.one()
    assert (entry["method"], entry["path"], entry["protocol"], entry["id"]) == ("-",) * 4
    assert (entry["code"], entry["received"], entry["sent"]) == ("0", "5", str(5 + len(EOF_SEEN)))
    assert entry["upstream"] == f"{world.ADDRESSES['tcp'][0]}:7000"


# What else a mesh may say.


def test_json_has_the_types_of_its_values(workload: Workload, gate: Gate, under: Callable[[str], object]) -> None:
    shape = {"at": {"code": "%RESPONSE_CODE%", "text": "is %RESPONSE_CODE%"}, "none": "%REQ(X-NONE)%"}
    under(
        policy(*ENTRIES, mesh(accessLogFile="/dev/stdout", accessLogEncoding="JSON", accessLogFormat=json.dumps(shape)))
    )
    printed = on_stdout(gate, r"^(?P<line>\{.*\})$")
    workload.curl("http://api.example/hello")
    assert json.loads(printed.one()["line"]) == {"at": {"code": 200, "text": "is 200"}, "none": None}


def test_json_without_a_format_has_istios_fields(
    workload: Workload, gate: Gate, under: Callable[[str], object]
) -> None:
    under(policy(*ENTRIES, mesh(accessLogFile="/dev/stdout", accessLogEncoding="JSON")))
    printed = on_stdout(gate, r"^(?P<line>\{.*\})$")
    workload.curl("https://api.example/hello")
    line = json.loads(printed.one()["line"])
    assert (line["authority"], line["response_code"], line["protocol"]) == ("api.example", 200, "HTTP/2")
    assert (line["requested_server_name"], line["upstream_cluster"]) == ("api.example", "outbound|443||api.example")
    assert line["downstream_local_address"] in (f"{API[0]}:443", f"[{API[1]}]:443")
    assert uuid.UUID(line["request_id"])


def test_a_mesh_without_a_format_has_istios_line(
    workload: Workload, gate: Gate, under: Callable[[str], object]
) -> None:
    under(policy(*ENTRIES, mesh(accessLogFile="/dev/stdout")))
    printed = on_stdout(gate, r"^(?P<line>\[.*)$")
    workload.curl("http://api.example/hello")
    line = printed.one()["line"]
    assert ' "GET /hello HTTP/1.1" 200 - via_upstream - "-" 0 ' in line
    assert " outbound|80||api.example " in line


@pytest.fixture
def folder(gate: Gate) -> Path:
    """Where the gate's own user may write."""
    return gate.policy.parent


def file_log(path: object, text: str, name: str = "file") -> Document:
    return {"name": name, "envoyFileAccessLog": {"path": str(path), "logFormat": {"text": text}}}


def test_providers_write_where_they_say_and_what_they_say(
    workload: Workload, gate: Gate, under: Callable[[str], object], folder: Path
) -> None:
    path = folder / "all.log"
    under(
        providing(
            file_log(path, "file %REQ(:PATH)%\n"),
            {
                "name": "out",
                "envoyFileAccessLog": {"path": "/dev/stdout", "logFormat": {"labels": {"p": "%REQ(:PATH)%"}}},
            },
            accessLogging=[{"providers": [{"name": "file"}, {"name": "out"}]}],
        )
    )
    written, printed = in_file(path, r"^file (?P<path>\S+)$"), on_stdout(gate, r'^\{"p":"(?P<path>\S+)"\}$')
    workload.curl("http://api.example/hello")
    assert written.one()["path"] == printed.one()["path"] == "/hello"
    assert path.read_text() == "file /hello\n"


def test_a_filter_keeps_failures_alone(workload: Workload, under: Callable[[str], object], folder: Path) -> None:
    path = folder / "failures.log"
    filtered = {"providers": [{"name": "file"}], "filter": {"expression": "response.code >= 400"}}
    under(providing(file_log(path, "%RESPONSE_CODE%"), accessLogging=[filtered]))
    written = in_file(path, r"^(?P<code>\d+)$")
    for url in ("http://api.example/hello", "http://api.example/status/404", "http://forbidden.example/"):
        workload.curl(url)
    assert [entry["code"] for entry in written.wait(2)] == ["404", "502"]


@contextmanager
def collecting(lab: Lab) -> Iterator[Received]:
    """A collector on the pod's loopback, where the gate may dial and the workload's redirect does not reach."""
    with lab.enter(lab.pod):
        collector = over_grpc()
        received = collector.__enter__()
    try:
        yield received
    finally:
        collector.__exit__(None, None, None)


def test_lines_go_to_a_collector_with_their_attributes(
    workload: Workload, lab: Lab, under: Callable[[str], object]
) -> None:
    with collecting(lab) as received:
        host, port = received.endpoint.removeprefix("http://").split(":")
        form = {"text": "%REQ(:METHOD)% %RESPONSE_CODE%", "labels": {"host": "%REQ(:AUTHORITY)%"}}
        otel = {"name": "otel", "envoyOtelAls": {"service": host, "port": int(port), "logFormat": form}}
        under(providing(otel, accessLogging=[{"providers": [{"name": "otel"}]}]))
        workload.curl("http://api.example/hello")
        workload.curl("http://forbidden.example/")
        received.wait(lambda: len(received.records()) == 2)
    assert [value(record.body) for record in received.records()] == ["GET 200", "GET 502"]
    assert [values(record.attributes) for record in received.records()] == [
        {"host": "api.example"},
        {"host": "forbidden.example"},
    ]


def test_a_workload_whose_labels_say_so_is_not_logged(
    workload: Workload, gate: Gate, under: Callable[[str], object]
) -> None:
    quiet = {"selector": {"matchLabels": {"app": "web"}}, "accessLogging": [{"disabled": True}]}
    logged = mesh(accessLogFile="/dev/stdout", accessLogFormat="%REQ(:PATH)%\n")
    under(policy(*ENTRIES, logged, telemetry("quiet", "prod", **quiet)))
    printed = on_stdout(gate, r"^(?P<path>/\S+)$")
    workload.curl("http://api.example/hello")
    workload.curl("http://forbidden.example/")
    printed.none()
    quiet["selector"] = {"matchLabels": {"app": "other"}}
    under(policy(*ENTRIES, logged, telemetry("quiet", "prod", **quiet)))
    workload.curl("http://api.example/heard")
    assert printed.one()["path"] == "/heard"


# What is known of an attempt.


@pytest.fixture
def knowing(gate: Gate, under: Callable[[str], object]) -> Callable[..., Callable[[], dict[str, Any]]]:
    """Puts the gate under a format of these operators; what is returned waits for one line of theirs."""

    def asked(*operators: str) -> Callable[[], dict[str, Any]]:
        shape = {name: f"%{name}%" for name in operators}
        said = {"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON", "accessLogFormat": json.dumps(shape)}
        under(policy(*ENTRIES, DATABASE, mesh(**said)))
        printed = on_stdout(gate, r"^(?P<line>\{.*\})$")
        return lambda: dict(json.loads(printed.one()["line"]))

    return asked


def test_both_ends_of_both_connections_are_known(
    workload: Workload, knowing: Callable[..., Callable[[], dict[str, Any]]], origins: LabOrigins
) -> None:
    sides = ("DOWNSTREAM_REMOTE", "DOWNSTREAM_LOCAL", "DOWNSTREAM_DIRECT_LOCAL", "UPSTREAM_REMOTE", "UPSTREAM_LOCAL")
    line_of = knowing(*(f"{side}_ADDRESS" for side in sides), "CONNECTION_ID", "UPSTREAM_CONNECTION_ID")
    with workload.dial("api.example", 80) as client:
        client.sendall(b"GET /hello HTTP/1.1\r\nHost: api.example\r\n\r\n")
        response(client)
        own = "{}:{}".format(*client.getsockname())
    line = line_of()
    (seen,) = origins.records.wait(bool, "connection", "api-plain")
    assert line["DOWNSTREAM_REMOTE_ADDRESS"] == own
    assert line["DOWNSTREAM_LOCAL_ADDRESS"] == f"{API[0]}:80", "where the workload meant to go"
    assert line["DOWNSTREAM_DIRECT_LOCAL_ADDRESS"].endswith(":15001"), "where the redirect led it"
    assert line["UPSTREAM_REMOTE_ADDRESS"] in (f"{API[0]}:80", f"[{API[1]}]:80")
    assert line["UPSTREAM_LOCAL_ADDRESS"].rpartition(":")[2] == str(seen["peer"][1])
    assert line["CONNECTION_ID"] > 0
    assert line["UPSTREAM_CONNECTION_ID"] > 0


def test_a_connection_has_one_number_and_its_streams_have_their_own(
    workload: Workload, knowing: Callable[..., object], gate: Gate
) -> None:
    knowing("CONNECTION_ID", "STREAM_ID", "UPSTREAM_CONNECTION_ID")
    printed = on_stdout(gate, r'^\{"CONNECTION_ID":(?P<own>\d+),"STREAM_ID":"(?P<stream>\S+?)",.*:(?P<origin>\d+)\}$')
    url = "http://api.example/hello"
    workload.curl(url, url, "--next", "-sS", url)
    first, second, third = printed.wait(3)
    assert first["own"] == second["own"] == third["own"]
    assert first["origin"] == second["origin"] == third["origin"]
    assert len({first["stream"], second["stream"], third["stream"]}) == 3


def test_it_is_known_when_a_request_was_whole(
    workload: Workload, knowing: Callable[..., Callable[[], dict[str, Any]]]
) -> None:
    points = ("DS_RX_BEG:DS_RX_END", "DS_RX_BEG:US_TX_END", "US_TX_BEG:US_RX_BEG", "US_CX_BEG:US_CX_END")
    line_of = knowing(
        "REQUEST_DURATION", "RESPONSE_DURATION", "DURATION", *(f"COMMON_DURATION({each}:us)" for each in points)
    )
    with workload.dial("api.example", 80) as client:
        client.sendall(b"POST /upload HTTP/1.1\r\nHost: api.example\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.2)
        client.sendall(b"cd")
        response(client, "POST")
    line = line_of()
    assert 190 <= line["REQUEST_DURATION"] <= line["RESPONSE_DURATION"] <= line["DURATION"]
    assert 190_000 <= line["COMMON_DURATION(DS_RX_BEG:DS_RX_END:us)"] <= line["COMMON_DURATION(DS_RX_BEG:US_TX_END:us)"]
    assert line["COMMON_DURATION(US_TX_BEG:US_RX_BEG:us)"] > 0
    assert line["COMMON_DURATION(US_CX_BEG:US_CX_END:us)"] > 0


TLS = ("TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT", "DOWNSTREAM_TLS_VERSION", "UPSTREAM_TLS_VERSION")
CERTIFICATE = (
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PEER_DNS_SAN",
    "UPSTREAM_PEER_FINGERPRINT_256",
    "UPSTREAM_SERVER_NAME",
)


def test_tls_is_known_on_either_side(
    workload: Workload, knowing: Callable[..., Callable[[], dict[str, Any]]], origin_pki: world.OriginPki
) -> None:
    line_of = knowing(*TLS, *CERTIFICATE, "REQUESTED_SERVER_NAME", "DOWNSTREAM_PEER_SUBJECT")
    with workload.secure("api.example", tls="TLSv1_2") as client:
        client.sendall(b"GET /hello HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
        drain(client)
    line = line_of()
    assert re.fullmatch(r"[0-9a-f]{32}", line["TLS_JA3_FINGERPRINT"])
    assert re.fullmatch(r"t12d\d{4}h1_[0-9a-f]{12}_[0-9a-f]{12}", line["TLS_JA4_FINGERPRINT"])
    assert (line["DOWNSTREAM_TLS_VERSION"], line["UPSTREAM_TLS_VERSION"]) == ("TLSv1.2", "TLSv1.3")
    assert line["REQUESTED_SERVER_NAME"] == line["UPSTREAM_SERVER_NAME"] == "api.example"
    shown = x509.load_pem_x509_certificate(origin_pki.servers["api"].cert.read_bytes())
    assert line["UPSTREAM_PEER_FINGERPRINT_256"] == shown.fingerprint(SHA256()).hex()
    assert "api.example" in line["UPSTREAM_PEER_DNS_SAN"]
    assert line["DOWNSTREAM_PEER_SUBJECT"] is None, "workloads are not asked for one"


def test_a_tunnels_hello_is_known_and_its_tls_is_the_workloads(
    workload: Workload, knowing: Callable[..., Callable[[], dict[str, Any]]], origin_pki: world.OriginPki
) -> None:
    line_of = knowing(*TLS, "REQUESTED_SERVER_NAME", "UPSTREAM_CLUSTER", "BYTES_SENT")
    workload.curl("https://pinned.example/hello", trust=origin_pki.second_ca.cert)
    line = line_of()
    assert re.fullmatch(r"t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}", line["TLS_JA4_FINGERPRINT"])
    assert (line["REQUESTED_SERVER_NAME"], line["UPSTREAM_CLUSTER"]) == (
        "pinned.example",
        "outbound|443||pinned.example",
    )
    assert line["DOWNSTREAM_TLS_VERSION"] is line["UPSTREAM_TLS_VERSION"] is None
    assert line["BYTES_SENT"] > 0


def test_a_tls_failure_says_what_it_failed_at(workload: Workload, gate: Gate, under: Callable[[str], object]) -> None:
    shape = {name: f"%{name}%" for name in ("RESPONSE_CODE", "RESPONSE_FLAGS", "UPSTREAM_TRANSPORT_FAILURE_REASON")}
    said = {"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON", "accessLogFormat": json.dumps(shape)}
    under(policy(destination("wrong.example", ports=("443/HTTPS",)), mesh(**said)))
    printed = on_stdout(gate, r"^(?P<line>\{.*\})$")
    workload.curl("https://wrong.example/")
    line = json.loads(printed.one()["line"])
    assert (line["RESPONSE_CODE"], line["RESPONSE_FLAGS"]) == (502, "UF")
    assert "somebody-else.example" in line["UPSTREAM_TRANSPORT_FAILURE_REASON"]


# Which database instance.


def test_a_registered_connection_is_logged_traced_and_counted_with_its_endpoint(
    workload: Workload, gate: Gate, lab: Lab, under: Callable[[str], object]
) -> None:
    place = f"{world.ADDRESSES['tcp'][0]}:7000"
    with collecting(lab) as received:
        host, port = received.endpoint.removeprefix("http://").split(":")
        shown = " ".join(f"%DYNAMIC_METADATA(outgate:{name})%" for name in ("host", "endpoint", "endpoint_labels"))
        under(
            providing(
                {"name": "otel", "opentelemetry": {"service": host, "port": int(port)}},
                {"name": "out", "envoyFileAccessLog": {"logFormat": {"text": shown}}},
                accessLogging=[{"providers": [{"name": "out"}]}],
                tracing=[{"providers": [{"name": "otel"}], "randomSamplingPercentage": 100}],
                metrics=[
                    {
                        "providers": [{"name": "prometheus"}],
                        "overrides": [
                            {
                                "match": {"metric": "TCP_SENT_BYTES"},
                                "tagOverrides": {"instance_address": {"value": "outgate.endpoint"}},
                            }
                        ],
                    }
                ],
            )
        )
        printed = on_stdout(gate, r"^(?P<host>\S+) (?P<endpoint>\S+) (?P<labels>\S+)$")
        with workload.dial("tcp.example", 7000) as client:
            client.sendall(b"\x00write")
            assert client.recv(100) == b"\x00write"
        assert printed.one() == {
            "host": "orders.db.example",
            "endpoint": place,
            "labels": "app=orders,version=v1,zone=a",
        }
        received.wait(lambda: len(received.spans()) == 2)
    _, client_span = sorted(received.spans(), key=lambda span: span.kind)
    told = values(client_span.attributes)
    assert (told["server.address"], told["outgate.endpoint"]) == ("orders.db.example", place)
    assert told["outgate.endpoint.labels"] == "app=orders,version=v1,zone=a"
    (counted,) = [line for line in gate.asked("/metrics").splitlines() if "instance_address=" in line]
    for label, expected in {
        "source_workload": "web",
        "destination_service": "orders.db.example",
        "destination_app": "orders",
        "destination_version": "v1",
        "instance_address": place,
    }.items():
        assert f'{label}="{expected}"' in counted
