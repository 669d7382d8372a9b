"""Kuma's documents on real traffic: mutual TLS that the gate starts, who may, how often, and trouble on purpose.

All rows stand in one policy, each a service of its own, so that the gate is told once.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from e2e.documents import Document, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Answer, Workload

pytestmark = pytest.mark.netns

SETTINGS = {
    "workload_namespace": "curl",
    "workload_service_account": "curl",
    "workload_labels": "kuma.io/service=curl,version=v1",
    "kuma_dialect": "kuma-madr062",
}
API, PARTNER, TCP = (world.ADDRESSES[name][0] for name in ("api", "partner", "tcp"))
PLAIN, ECHO, GREETING = 80, 7000, 7001
MESH = {"type": "Mesh", "name": "default", "networking": {"outbound": {"passthrough": False}}}
FORBIDDING = {**MESH, "routing": {"defaultForbidMeshExternalServiceAccess": True}}
POLICY = policy(MESH)


# Documents.


def kuma(kind: str, name: str, **spec: Any) -> Document:
    return {"type": kind, "name": name, "mesh": "default", "spec": spec}


def service(name: str, host: str, port: int = PLAIN, protocol: str = "http", **tls: Any) -> Document:
    """A MeshExternalService; `tls` is what is verified and shown, where TLS starts at the gate."""
    spec: Document = {"match": {"type": "HostnameGenerator", "port": port, "protocol": protocol}}
    spec["endpoints"] = [{"address": host, "port": port if protocol == "tcp" else 443}]
    if protocol != "tcp":
        spec["tls"] = {"enabled": True, "verification": tls}
    return kuma("MeshExternalService", name, **spec)


def at_egress(kind: str, about: str, *items: tuple[str, Document]) -> Document:
    """What an egress does for callers of a service: `*` is everybody, anything else the name of a service."""
    top = {"kind": "MeshExternalService", "name": about, "proxyType": ["egress"]}
    callers = ({"kind": "Mesh"} if who == "*" else {"kind": "MeshService", "name": who} for who, _ in items)
    said = [{"targetRef": who, "default": conf} for who, (_, conf) in zip(callers, items, strict=True)]
    return kuma(kind, f"{kind}-{about}".lower(), targetRef=top, **{"from": said})


def requests(number: int, **answer: Any) -> Document:
    return {"local": {"http": {"requestRate": {"num": number, "interval": "1h"}, "onRateLimit": answer}}}


def fault(kind: str, **what: Any) -> Document:
    return {"http": [{kind: {**what, "percentage": 100}}]}


def shown(pki: world.OriginPki) -> Document:
    """The client's certificate, within the document in both of Kuma's spellings."""
    key = base64.b64encode(pki.client.key.read_bytes()).decode()
    return {"clientCert": {"inlineString": pki.client.cert.read_text()}, "clientKey": {"inline": key}}


def trusting(pki: world.OriginPki) -> Document:
    return {"caCert": {"inlineString": pki.origin_ca.cert.read_text()}}


SAN = {"type": "Exact", "value": "somebody-else.example"}
ALLOWED, DENIED = {"action": "Allow"}, {"action": "Deny"}
CONNECTIONS = {"local": {"tcp": {"connectionRate": {"num": 1, "interval": "1h"}}}}
INBOUND = [
    at_egress("MeshTrafficPermission", "closed", ("other", ALLOWED), ("*", DENIED)),
    at_egress("MeshTrafficPermission", "opened", ("*", DENIED), ("curl", ALLOWED)),
    at_egress("MeshTrafficPermission", "bytes", ("curl", ALLOWED)),
    at_egress("MeshTrafficPermission", "greeting", ("other", ALLOWED)),
    at_egress("MeshRateLimit", "limited", ("*", requests(1000)), ("curl", requests(1, status=423, headers={
        "add": [{"name": "x-over", "value": "yes"}]}))),
    at_egress("MeshRateLimit", "others-limited", ("other", requests(1))),
    at_egress("MeshRateLimit", "bytes", ("*", CONNECTIONS)),
    at_egress("MeshFaultInjection", "aborted", ("curl", fault("abort", httpStatus=418))),
    at_egress("MeshFaultInjection", "others-aborted", ("other", fault("abort", httpStatus=418))),
    at_egress("MeshFaultInjection", "delayed", ("*", fault("delay", value="300ms"))),
    at_egress("MeshFaultInjection", "narrow", ("*", fault("responseBandwidth", limit="8 kbps"))),
]  # fmt: skip
TO_API = ("closed", "opened", "limited", "others-limited", "aborted", "others-aborted", "delayed", "narrow")


def rows(pki: world.OriginPki, mesh: Document = MESH) -> str:
    known, client = trusting(pki), shown(pki)
    return policy(
        mesh,
        *(service(name, "api.example", **known) for name in TO_API),
        service("bytes", "tcp.example", ECHO, "tcp"),
        service("greeting", "tcp.example", GREETING, "tcp"),
        service("partner", "partner.example", **known, **client),
        service("nobody", "partner.example", **known),
        service("curious", "curious.example", **known, **client),
        service("misnamed", "curious.example", subjectAltNames=[SAN], **known, **client),
        service("untrusted", "curious.example", caCert={"inlineString": pki.second_ca.cert.read_text()}, **client),
        *INBOUND,
    )


@pytest.fixture
def told(under: Callable[[str], object], workload: Workload) -> None:
    under(rows(workload.pki))


def ask(workload: Workload, name: str, path: str = "/", *flags: str) -> Answer:
    """As a workload that knows the mesh's name of it and nothing else; what that resolves to does not count."""
    host = f"{name}.extsvc.mesh.local"
    return workload.curl(f"http://{host}{path}", "--resolve", f"{host}:80:{API}", *flags)


def say(workload: Workload, port: int, data: bytes) -> bytes:
    """What comes back of bytes, until a moment after the gate or the origin had its say."""
    try:
        with workload.dial(TCP, port) as client:
            client.sendall(data)
            return client.recv(100)
    except ConnectionError:
        return b""


# Mutual TLS.


@pytest.mark.parametrize("speech", ["--http1.1", "--http2-prior-knowledge"])
def test_plain_http_becomes_mutual_tls_where_a_service_shows_a_certificate(
    workload: Workload, told: None, origins: LabOrigins, journal: Journal, speech: str
) -> None:
    answer = ask(workload, "partner", "/mutual", speech)
    assert answer.status == 200, answer
    seen = answer.json["tls"]
    assert (seen["client"]["fingerprint"], seen["sni"]) == (workload.pki.client.fingerprint, "partner.example")
    assert journal.one(path="/mutual")["client_certificate"] is True


def test_without_the_certificate_it_is_not_reached(
    workload: Workload, told: None, origins: LabOrigins, journal: Journal
) -> None:
    """The control: the origin does demand it."""
    assert ask(workload, "nobody").status in (502, 503)
    assert origins.records("tls_failed", "partner")
    assert not origins.records("request", "partner")


@pytest.mark.parametrize("name", ["misnamed", "untrusted"])
def test_the_certificate_stays_where_the_server_is_another_one(
    workload: Workload, told: None, origins: LabOrigins, journal: Journal, name: str
) -> None:
    """The server asks for one, and would take it."""
    assert ask(workload, "curious").json["tls"]["client"]["fingerprint"] == workload.pki.client.fingerprint
    origins.records.forget()
    assert ask(workload, name, f"/{name}").status == 502
    assert journal.one(path=f"/{name}")["failure"].startswith(("identity_failed", "tls_failed"))
    assert not [seen for seen in origins.records("tls", "curious") if seen["client"]]
    assert not origins.records("request", "curious")


def test_what_a_document_holds_of_keys_is_nowhere_shown(workload: Workload, told: None, gate: Gate) -> None:
    key = workload.pki.client.key.read_text().splitlines()[1]
    encoded = base64.b64encode(workload.pki.client.key.read_bytes()).decode()
    shown = gate.asked("/config") + gate.asked("/destinations") + gate.stdout() + gate.stderr()
    assert "partner.example" in shown
    assert key not in shown
    assert encoded[:60] not in shown


def test_the_origins_own_name_is_not_known(workload: Workload, told: None, counting: Lab, origins: LabOrigins) -> None:
    with untouched(counting, API):
        answer = workload.curl("http://api.example/")
    assert (answer.status, answer.denial["code"]) == (502, "unregistered")


# Who may.


def test_permission_is_by_the_callers_service(
    workload: Workload, told: None, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    assert ask(workload, "opened").status == 200
    with untouched(counting, API, TCP):
        answer = ask(workload, "closed", "/closed")
        assert (answer.status, answer.denial["code"]) == (403, "refused_by_rule")
        assert say(workload, GREETING, b"") == b""
    assert "MeshTrafficPermission" in answer.denial["rule"]
    assert "meshtrafficpermission-closed" in journal.one(path="/closed")["rule"]
    assert journal.one(kind="tcp")["code"] == "refused_by_rule"


def test_a_mesh_may_forbid_what_nobody_permits(
    workload: Workload, under: Callable[[str], object], counting: Lab, origins: LabOrigins
) -> None:
    under(rows(workload.pki, FORBIDDING))
    assert ask(workload, "opened").status == 200
    with untouched(counting, PARTNER):
        assert ask(workload, "partner").status == 403


# How often, and trouble on purpose.


def test_requests_are_counted_by_caller(workload: Workload, told: None, origins: LabOrigins, journal: Journal) -> None:
    first, second = ask(workload, "limited"), ask(workload, "limited", "/second")
    assert (first.status, second.status, second.header("x-over")) == (200, 423, "yes")
    assert journal.one(path="/second")["flags"] == "RL"
    assert [ask(workload, "others-limited").status for _ in range(2)] == [200, 200]
    assert len(origins.records("request")) == 3


def test_connections_are_counted(workload: Workload, told: None, origins: LabOrigins, journal: Journal) -> None:
    assert say(workload, ECHO, b"first") == b"first"
    assert say(workload, ECHO, b"second") == b""
    assert "rate limit" in journal.one(kind="tcp", flags="RL")["failure"]


def test_faults_are_made_for_those_who_are_meant(
    workload: Workload, told: None, origins: LabOrigins, journal: Journal
) -> None:
    assert ask(workload, "aborted", "/aborted").status == 418
    assert journal.one(path="/aborted")["flags"] == "FI"
    assert not origins.records("request")
    assert ask(workload, "others-aborted").status == 200


@pytest.mark.parametrize(("name", "path", "least"), [("delayed", "/", 0.3), ("narrow", "/stream?mb=0.001", 0.5)])
def test_an_answer_takes_as_long_as_a_fault_has_it(
    workload: Workload, told: None, origins: LabOrigins, name: str, path: str, least: float
) -> None:
    """1000 bytes a second, where 1048 are asked for."""
    began = time.monotonic()
    assert ask(workload, name, path).status == 200
    assert time.monotonic() - began >= least
