"""A guide to egress control with Istio, step by step on real traffic: each step comes to what the guide expects."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from e2e import guide
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.streams import Tls
from e2e.lab.upstreams import Server
from e2e.workload import UID, Workload, response

pytestmark = pytest.mark.netns

POLICY = guide.MESH
SETTINGS = {"gate_labels": "istio=egressgateway", "gate_namespace": "istio-system"}
GITHUB, EXTERNAL, PARTNER = "93.184.216.40", "93.184.216.41", "93.184.216.42"
NAMES = {
    "api.github.com": GITHUB,
    "api.stripe.com": GITHUB,
    "api.external-service.com": EXTERNAL,
    "secure-api.partner.com": PARTNER,
}


@pytest.fixture(scope="module")
def far(lab: Lab, origin_pki: world.OriginPki) -> Iterator[LabOrigins]:
    """The guide's hosts; the partner demands a client certificate."""
    for host, address in NAMES.items():
        lab.name(host, address)

    def server(name: str, address: str, client: str = "no") -> Server:
        files = origin_pki.origin_ca.server(name, [name])
        asks = str(origin_pki.client_ca.cert) if client != "no" else ""
        return Server(
            name, "http", (f"{address}:443",), Tls(str(files.chain), str(files.key), world.BOTH, client, asks)
        )

    servers = [
        server("api.github.com", GITHUB),
        server("api.external-service.com", EXTERNAL),
        server("secure-api.partner.com", PARTNER, "required"),
    ]
    with LabOrigins(lab, servers) as running:
        yield running
    for host in NAMES:
        lab.name(host)


@pytest.fixture(autouse=True)
def asked(far: LabOrigins) -> LabOrigins:
    far.records.forget()
    return far


def test_step_2_what_is_not_registered_is_blocked(workload: Workload, asked: LabOrigins):
    assert workload.curl("http://api.external-service.com/").status == 502
    assert workload.curl("https://api.github.com/").status == 502  # where the workload accepts the gate's own word
    assert not asked.records("request")


@pytest.mark.parametrize("more", ["", guide.THROUGH_THE_GATEWAY], ids=["step 3", "step 4"])
def test_steps_3_and_4_what_is_registered_is_reached(under: Callable, workload: Workload, asked: LabOrigins, more: str):
    under(guide.MESH + guide.REGISTERED + more)
    answer = workload.curl("https://api.github.com/", trust=workload.pki.origin_ca.cert)
    assert (answer.status, answer.exit) == (200, 0)
    assert workload.curl("https://api.stripe.com/").status == 502
    assert len(asked.records("request")) == 1


def test_step_5_the_gateway_starts_tls(under: Callable, workload: Workload, asked: LabOrigins):
    under(guide.MESH + guide.ORIGINATION + guide.RULE)
    assert workload.curl("http://api.external-service.com/").status == 200
    assert len(asked.records("request", "api.external-service.com")) == 1
    assert {seen["sni"] for seen in asked.records("tls")} == {"api.external-service.com"}


def test_step_6_the_gateway_shows_its_certificate(
    under: Callable, workload: Workload, asked: LabOrigins, origin_pki: world.OriginPki
):
    files = {"certificate": origin_pki.client.chain, "key": origin_pki.client.key, "ca": origin_pki.origin_ca.cert}
    under(guide.MESH + guide.PARTNER.format(**files))
    assert workload.curl("http://secure-api.partner.com/").status == 200
    assert len(asked.records("request", "secure-api.partner.com")) == 1
    (seen,) = asked.records("tls")
    assert (seen["client"]["fingerprint"], seen["sni"]) == (origin_pki.client.fingerprint, "secure-api.partner.com")


def test_step_7_the_service_account_decides(
    under: Callable, workload: Workload, lab: Lab, asked: LabOrigins, journal: Journal
):
    under(guide.MESH + guide.REGISTERED + guide.THROUGH_THE_GATEWAY + guide.CALLERS + guide.ACCESS)
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(workload.pki.origin_ca.cert)]
    codes = [lab.run_in(lab.pod, [*command, "https://api.github.com/"], uid).stdout for uid in (UID, UID + 1)]
    assert codes == ["200", "000"]
    refused = journal.one(verdict="deny")
    assert (refused["service_account"], refused["code"]) == ("processor", "refused_by_rule")
    assert len(asked.records("request")) == 1


def test_step_9_some_of_150_requests_are_limited(under: Callable, workload: Workload, asked: LabOrigins):
    under(guide.MESH + guide.ORIGINATION + guide.RULE + guide.LIMIT)
    began, statuses, refused = time.monotonic(), Counter[int](), ""
    with workload.dial("api.external-service.com", 80) as made:
        for _ in range(150):
            made.sendall(b"GET /test HTTP/1.1\r\nHost: api.external-service.com\r\n\r\n")
            answer, _ = response(made)
            statuses[answer.status] += 1
            refused = refused or (answer.headers["x-rate-limited"] or "")
    took = time.monotonic() - began
    assert set(statuses) <= {200, 404, 429}
    passed = 150 - statuses[429]
    assert 100 <= passed <= 100 + 10 * (1 + took)
    assert len(asked.records("request")) == passed
    if passed < 150:  # in fifteen seconds of a busy machine there is a token for each
        assert refused == "true"


def test_step_10_a_failing_host_is_taken_out_and_comes_back(under: Callable, workload: Workload, asked: LabOrigins):
    under(guide.MESH + guide.ORIGINATION + guide.BREAKING)

    def ask(path: str) -> int:
        with workload.dial("api.external-service.com", 80) as made:
            made.sendall(f"GET {path} HTTP/1.1\r\nHost: api.external-service.com\r\n\r\n".encode())
            answer, _ = response(made)
            return answer.status

    assert [ask("/status/500") for _ in range(5)] == [500] * 5
    ejected, reached = time.monotonic(), len(asked.records("request"))
    assert ask("/") == 503
    assert len(asked.records("request")) == reached
    while (status := ask("/")) == 503 and time.monotonic() < ejected + 20:
        time.sleep(0.1)
    assert status == 200
    assert time.monotonic() - ejected >= 2.0
