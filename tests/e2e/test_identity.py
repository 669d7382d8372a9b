"""The client certificate: presented to the one destination that it is for, once that has proved itself, and nowhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import Document, defaults, destination, native, policy
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.streams import Tls
from e2e.lab.upstreams import Server
from e2e.workload import Answer, Workload

pytestmark = pytest.mark.netns

ASKING = ("93.184.216.30", "2606:2800:220:1::30")
"""Where servers live that ask for a client certificate, take any and none, and are not the partner."""
POLICY = policy(defaults(mode="REGISTRY_ONLY"))


@pytest.fixture(scope="module")
def asking(lab: Lab, origin_pki: world.OriginPki) -> Iterator[LabOrigins]:
    """`partner.example` on another port, and `ok.example`; each asks for a certificate, and records what it gets."""
    lab.address(*ASKING)
    good = origin_pki.origin_ca.server("ok.example", ["ok.example"])

    def server(name: str, place: str, files: Any) -> Server:
        taken = Tls(str(files.chain), str(files.key), ("http/1.1",), "optional", str(origin_pki.any_client_ca))
        return Server(name, "http", (place,), taken)

    servers = [
        server("elsewhere", f"{world.ADDRESSES['partner'][0]}:8443", origin_pki.servers["partner"]),
        server("ok", f"{ASKING[0]}:443", good),
        server("impostor", f"{ASKING[0]}:8443", origin_pki.servers["wrong"]),
    ]
    with LabOrigins(lab, servers) as running:
        yield running


@pytest.fixture
def askers(asking: LabOrigins) -> LabOrigins:
    asking.records.forget()
    return asking


def mutual(pki: world.OriginPki, **more: Any) -> Document:
    """The `tls` block with the workload's certificate."""
    files = {"clientCertificate": str(pki.client.cert), "privateKey": str(pki.client.key)}
    return {"mode": "MUTUAL", **files, "caCertificates": str(pki.origin_ca.cert), **more}


def originating(host: str, tls: Document, to: int = 443, port: int = 80) -> Document:
    """HTTP from the workload, TLS from the gate."""
    written = {"number": port, "protocol": "HTTP", "upstream": {"port": to, "tls": tls}}
    return native("EgressDestination", f"{host}-{port}".replace(".", "-"), {"hosts": [host], "ports": [written]})


def certificates(origins: LabOrigins, server: str = "") -> list[str | None]:
    """Fingerprints of what completed handshakes with a server presented."""
    return [seen["client"] and seen["client"]["fingerprint"] for seen in origins.records("tls", server)]


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("speech", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
def test_plain_http_becomes_mutual_tls_at_the_partner(
    workload: Workload,
    under: Callable[[str], object],
    origins: LabOrigins,
    journal: Journal,
    version: int,
    speech: str,
    tls: str,
) -> None:
    block = mutual(workload.pki, minVersion=tls, maxVersion=tls)
    under(policy(defaults(mode="REGISTRY_ONLY"), originating("partner.example", block)))
    answer = workload.curl("http://partner.example/mutual?a=1", speech, f"-{version}")
    assert answer.status == 200, answer
    seen = answer.json["tls"]
    assert seen["client"]["fingerprint"] == workload.pki.client.fingerprint
    assert (seen["version"].replace(".", ""), seen["sni"]) == (tls.replace(".", ""), "partner.example")
    assert answer.json["line"].startswith("GET /mutual?a=1 ")
    entry = journal.one(path="/mutual")
    assert (entry["client_certificate"], entry["upstream_tls"]) == (True, tls)


def test_without_its_certificate_the_partner_is_not_reached(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    """The control: the partner does demand it."""
    under(policy(destination("partner.example", ports=("443/HTTPS",))))
    answer = workload.curl("https://partner.example/")
    assert answer.status in (502, 503), answer
    assert origins.records("tls_failed", "partner")
    assert not origins.records("request")


def test_the_certificate_is_not_offered_to_other_hosts_or_ports_that_ask(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, askers: LabOrigins
) -> None:
    pki, plain = workload.pki, {"mode": "SIMPLE", "caCertificates": str(workload.pki.origin_ca.cert)}
    under(
        policy(
            originating("partner.example", mutual(pki)),
            originating("partner.example", plain, to=8443, port=8080),
            originating("curious.example", plain),
            destination("curious.example", name="curious-tls", ports=("443/HTTPS",)),
        )
    )
    for _ in range(2):
        assert workload.curl("http://partner.example/").status == 200
        assert workload.curl("http://partner.example:8080/").json["server"] == "elsewhere"
        for url in ("http://curious.example/", "https://curious.example/"):
            assert workload.curl(url).json["server"] == "curious"
    assert set(certificates(origins, "partner")) == {pki.client.fingerprint}
    assert set(certificates(origins, "curious")) == {None}
    assert set(certificates(askers, "elsewhere")) == {None}


def test_allow_any_offers_no_certificate(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    open_to_all = defaults(mode="ALLOW_ANY", unregisteredTLS="DECRYPT")
    under(policy(open_to_all, originating("partner.example", mutual(workload.pki))))
    assert workload.curl("http://partner.example/").status == 200
    assert workload.curl("https://curious.example/").status == 200
    assert set(certificates(origins, "curious")) == {None}


@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
def test_a_server_whose_name_is_wrong_sees_no_certificate(
    workload: Workload,
    under: Callable[[str], object],
    askers: LabOrigins,
    named: Callable[..., None],
    journal: Journal,
    tls: str,
) -> None:
    """It asks, and it is of the right CA: only its name is another's. No handshake with it completes."""
    named("impostor.example", *ASKING[:1])
    block = mutual(workload.pki, minVersion=tls, maxVersion=tls)
    under(policy(originating("impostor.example", block, to=8443)))
    answer = workload.curl("http://impostor.example/wrong")
    assert (answer.status, answer.denial["code"]) == (502, "identity_failed"), answer
    askers.records.wait(bool, "tls_failed", "impostor")
    assert not askers.records("tls")
    assert not askers.records("request")
    assert journal.one(path="/wrong")["failure"]


@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
def test_a_session_is_not_resumed_under_another_name(
    workload: Workload, under: Callable[[str], object], askers: LabOrigins, named: Callable[..., None], tls: str
) -> None:
    """Both names lead to one server, certified for the first: its sessions are worth nothing for the second."""
    named("ok.example", *ASKING[:1])
    named("other.example", *ASKING[:1])
    block = mutual(workload.pki, minVersion=tls, maxVersion=tls)
    under(policy(originating("ok.example", block), originating("other.example", block)))
    for count in (2, 6):
        assert {answer.status for answer in at_once(workload, "http://ok.example/slow?s=0.2", count)} == {200}
    proper = askers.records("tls", "ok")
    assert any(seen["resumed"] for seen in proper), "the control: sessions are resumed at all"
    answer = workload.curl("http://other.example/")
    assert (answer.status, answer.denial["code"]) == (502, "identity_failed"), answer
    askers.records.wait(bool, "tls_failed", "ok")
    assert {seen["sni"] for seen in askers.records("tls", "ok")} == {"ok.example"}
    assert set(certificates(askers, "ok")) == {workload.pki.client.fingerprint}


def at_once(workload: Workload, url: str, count: int) -> list[Answer]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(workload.curl, [url] * count))


@pytest.fixture
def mounted(gate: Gate, origin_pki: world.OriginPki) -> Iterator[Path]:
    """A directory with the workload's certificate, as a Secret is mounted."""
    folder = origin_pki.folder / "mounted"
    folder.mkdir()
    put(folder, origin_pki.client)
    yield folder
    shutil.rmtree(folder)


def put(folder: Path, files: Any) -> None:
    """Each file in one step."""
    for name, path in (("tls.crt", files.cert), ("tls.key", files.key)):
        shutil.copy(path, folder / "new")
        (folder / "new").replace(folder / name)


def until(done: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"not within {within:g} s"
        time.sleep(0.1)


def test_a_certificate_that_is_replaced_is_picked_up(
    workload: Workload, under: Callable[[str], object], mounted: Path
) -> None:
    pki = workload.pki
    files = {"clientCertificate": str(mounted / "tls.crt"), "privateKey": str(mounted / "tls.key")}
    under(policy(originating("partner.example", mutual(pki, **files))))

    def presented() -> str:
        fingerprint: str = workload.curl("http://partner.example/").json["tls"]["client"]["fingerprint"]
        return fingerprint

    assert presented() == pki.client.fingerprint
    put(mounted, pki.spiffe)
    until(lambda: presented() == pki.spiffe.fingerprint)
    (mounted / "tls.key").write_text("half written")
    for _ in range(3):
        time.sleep(0.5)
        assert presented() == pki.spiffe.fingerprint
    put(mounted, pki.client)
    until(lambda: presented() == pki.client.fingerprint)
