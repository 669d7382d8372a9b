"""TLS that a workload starts: decrypted under a leaf that it trusts, tunnelled untouched, or closed."""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from e2e.documents import defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import ADDONS, OUTGATE
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.pki import Certified
from e2e.scene import Scene, scene
from e2e.workload import Workload, drain, parsed
from proxy.openings import Hello, block, client_hello, extension, handmade, server_names

pytestmark = pytest.mark.netns

REGISTRY = (
    destination("api.example", "wrong.example", ports=("443/HTTPS", "80/HTTP")),
    destination("pinned.example", ports=("443/TLS",)),
)
POLICY = policy(defaults(mode="REGISTRY_ONLY"), *REGISTRY)
FORBIDDEN = world.ADDRESSES["forbidden"]
PINNED = world.ADDRESSES["pinned"]
GET = b"GET /tls HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"


def fingerprint(client: ssl.SSLSocket) -> str:
    return hashlib.sha256(client.getpeercert(binary_form=True) or b"").hexdigest()


def issuer(client: ssl.SSLSocket) -> str:
    names = (client.getpeercert() or {})["issuer"]
    return str(dict(pair for group in names for pair in group)["commonName"])  # type: ignore[misc, union-attr]


# Decrypted.


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_https_is_decrypted_under_a_leaf_that_validates(
    workload: Workload, origins: LabOrigins, journal: Journal, http: str, tls: str, version: int
) -> None:
    flags = (http, f"-{version}", f"--tlsv{tls}", "--tls-max", tls)
    answer = workload.curl("https://api.example/decrypted?secret=1", *flags)
    assert answer.status == 200, answer
    assert answer.version == {"--http1.1": "HTTP/1.1", "--http2": "HTTP/2"}[http]
    assert answer.json["server"] == "api"
    assert answer.json["tls"]["sni"] == "api.example"
    entry = journal.one(path="/decrypted")
    assert (entry["code"], entry["scheme"], entry["sni"]) == ("registered", "https", "api.example")
    assert entry["upstream_tls"].startswith("TLSv1.")
    assert "client_certificate" not in entry


def test_the_leaf_is_the_gates_and_the_origin_is_verified_behind_it(workload: Workload, origins: LabOrigins) -> None:
    with workload.secure("api.example") as client:
        assert issuer(client) == "gate-ca"
        client.sendall(GET % b"api.example")
        assert parsed(drain(client)).status == 200


@pytest.mark.core
@pytest.mark.parametrize(("host", "code"), [("wrong.example", "identity_failed"), ("pinned.example", "tls_failed")])
def test_an_origin_that_cannot_prove_itself_gets_no_request(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal, host: str, code: str
) -> None:
    """One shows a certificate for another name, one a certificate of a CA that the gate does not know."""
    under(policy(defaults(mode="REGISTRY_ONLY"), destination(host, ports=("443/HTTPS",))))
    answer = workload.curl(f"https://{host}/unproven", "-H", "authorization: Bearer secret")
    assert (answer.status, answer.denial["code"]) == (502, code), answer
    assert not origins.records("request")
    assert journal.one(path="/unproven")["failure"]


# Tunnelled.


@pytest.mark.core
@pytest.mark.parametrize("tls", ["TLSv1_2", "TLSv1_3"])
def test_a_tunnel_keeps_the_origins_own_certificate(
    workload: Workload, origins: LabOrigins, journal: Journal, tls: str
) -> None:
    with workload.secure("pinned.example", trust=workload.pki.second_ca.cert, tls=tls) as client:
        assert fingerprint(client) == workload.pki.servers["pinned"].fingerprint
        client.sendall(GET % b"pinned.example")
        assert parsed(drain(client)).json["server"] == "pinned"
    entry = journal.one(kind="tls")
    assert (entry["verdict"], entry["code"], entry["host"]) == ("allow", "registered", "pinned.example")
    assert entry["sent"] > 200
    assert entry["received"] > 200
    assert "path" not in entry


@pytest.mark.core
@pytest.mark.parametrize("version", [0, 1], ids=["ipv4", "ipv6"])
def test_a_tunnel_leads_to_the_name_and_not_to_the_address_that_was_dialled(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal, version: int
) -> None:
    trust = workload.pki.second_ca.cert
    to_pinned = workload.secure(FORBIDDEN[version], name="pinned.example", trust=trust)
    with untouched(counting, *FORBIDDEN), to_pinned as client:
        assert fingerprint(client) == workload.pki.servers["pinned"].fingerprint
        client.sendall(GET % b"pinned.example")
        assert parsed(drain(client)).json["server"] == "pinned"
    entry = journal.one(kind="tls")
    assert entry["address"] == FORBIDDEN[version]
    assert entry["upstream"] in (f"{PINNED[0]}:443", f"[{PINNED[1]}]:443")


@pytest.mark.core
def test_decrypted_traffic_leads_to_the_name_too(workload: Workload, counting: Lab, origins: LabOrigins) -> None:
    with untouched(counting, *FORBIDDEN), workload.secure(FORBIDDEN[0], name="api.example") as client:
        client.sendall(GET % b"api.example")
        assert parsed(drain(client)).json["server"] == "api"


def test_allow_any_tunnels_what_is_not_registered(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal
) -> None:
    under(policy(defaults(mode="ALLOW_ANY"), *REGISTRY))
    with workload.secure("forbidden.example", trust=workload.pki.origin_ca.cert) as client:
        assert fingerprint(client) == workload.pki.servers["forbidden"].fingerprint
    assert journal.one(kind="tls")["code"] == "allow_any"


def test_allow_any_decrypts_what_is_not_registered_where_it_is_told_to(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal
) -> None:
    under(policy(defaults(mode="ALLOW_ANY", unregisteredTLS="DECRYPT"), *REGISTRY))
    with workload.secure("forbidden.example") as client:
        assert issuer(client) == "gate-ca"
        client.sendall(GET % b"forbidden.example")
        assert parsed(drain(client)).json["server"] == "forbidden"
    assert journal.one(path="/tls")["code"] == "allow_any"


# Denied.


@pytest.mark.core
@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_a_denied_host_is_told_why_where_the_leaf_validates(
    workload: Workload, counting: Lab, journal: Journal, http: str, version: int
) -> None:
    with untouched(counting, *FORBIDDEN):
        answer = workload.curl("https://forbidden.example/denied", http, f"-{version}")
    assert (answer.exit, answer.status, answer.denial["code"]) == (0, 502, "unregistered")
    assert journal.one(path="/denied")["code"] == "unregistered"


@pytest.mark.core
@pytest.mark.parametrize("host", ["forbidden.example", "api.example"])
def test_a_workload_that_does_not_trust_the_gate_is_closed_and_told_what_would_help(
    workload: Workload, counting: Lab, journal: Journal, host: str
) -> None:
    with untouched(counting, *FORBIDDEN, *world.ADDRESSES["api"]):
        answer = workload.curl(f"https://{host}/", trust=workload.pki.origin_ca.cert)
    assert (answer.exit, answer.status) == (60, 0), answer
    entry = journal.one(host=host)
    assert (entry["verdict"], entry["code"]) == ("deny", "client_tls_failed")
    assert f"register {host} with protocol TLS" in entry["help"]


@pytest.fixture(scope="module")
def constrained(lab: Lab, origin_pki: world.OriginPki) -> Iterator[Scene]:
    """A gate whose CA may sign for api.example alone."""
    folder = origin_pki.folder / "constrained"
    made = [*OUTGATE, "certs", "init", "--dir", str(folder), "--permit", "api.example"]
    subprocess.run(made, check=True, env={**os.environ, "PYTHONPATH": ADDONS}, capture_output=True)
    certificate, key = folder / "outgate-ca.crt", folder / "outgate-ca.key"
    folder.chmod(0o755)
    with scene(replace(origin_pki, gate_ca=Certified(certificate, key, certificate)), POLICY) as standing:
        yield standing


def test_a_name_constrained_ca_signs_what_it_may(constrained: Scene) -> None:
    answer = constrained.workload.curl("https://api.example/")
    assert (answer.status, answer.json["server"]) == (200, "api"), answer


@pytest.mark.parametrize(("host", "code"), [("forbidden.example", "unregistered"), ("wrong.example", "policy_failure")])
def test_a_name_constrained_ca_closes_what_it_may_not_sign_for(
    counting: Lab, constrained: Scene, host: str, code: str
) -> None:
    """Registered or not: there is no leaf to tell it under."""
    journal, addresses = constrained.journal(), world.ADDRESSES[host.split(".")[0]]
    with untouched(constrained.lab, *addresses):
        answer = constrained.workload.curl(f"https://{host}/")
    assert (answer.exit, answer.status) == (35, 0), answer
    entry = journal.one(host=host)
    assert (entry["verdict"], entry["code"], entry["kind"]) == ("deny", code, "tls")


# First bytes.


def with_ech(hello: bytes) -> bytes:
    """The same ClientHello with an offer of encrypted client hello behind its other extensions."""
    extra = extension(0xFE0D, bytes([0, 0, 1, 0, 1, 7]) + block(2, b"") + block(2, bytes(64)))
    session = hello[43]
    ciphers = 44 + session
    compression = ciphers + 2 + int.from_bytes(hello[ciphers : ciphers + 2], "big")
    start = compression + 1 + hello[compression]
    extensions = block(2, hello[start + 2 :] + extra)
    body = hello[9:start] + extensions
    return hello[:3] + block(2, hello[5:6] + block(3, body))


def answer_to(workload: Workload, host: str, data: bytes) -> bytes:
    """What comes back to first bytes, until the end or until it is clear that something does."""
    with workload.dial(host, 443) as client:
        client.sendall(data)
        try:
            return client.recv(65536)
        except ConnectionError:
            return b""


@pytest.mark.core
def test_ech_is_refused_where_a_tunnel_would_be_judged_by_the_outer_name(
    workload: Workload, counting: Lab, journal: Journal
) -> None:
    with untouched(counting, *PINNED):
        assert answer_to(workload, "pinned.example", with_ech(client_hello(Hello("pinned.example")))) == b""
    entry = journal.one(verdict="deny")
    assert (entry["code"], entry["sni"]) == ("ech_refused", "pinned.example")


@pytest.mark.core
def test_ech_does_not_hinder_what_is_decrypted(workload: Workload, origins: LabOrigins, journal: Journal) -> None:
    """Browsers offer it to everybody; a server that does not know it answers all the same."""
    received = answer_to(workload, "api.example", with_ech(client_hello(Hello("api.example"))))
    assert (received[0], received[5]) == (22, 2), "a ServerHello is expected"
    assert journal.one(sni="api.example")["code"] == "client_tls_failed", "nobody went on with the handshake"


def test_without_ech_the_same_hello_passes(workload: Workload, origins: LabOrigins) -> None:
    received = answer_to(workload, "pinned.example", client_hello(Hello("pinned.example")))
    assert (received[0], received[5]) == (22, 2)


GARBAGE = {
    "a record of noise": b"\x16\x03\x01\x00\x20" + bytes(range(32)),
    "a hello that contradicts its lengths": handmade(server_names(b"api.example"), claimed=20),
    "two server names": handmade(server_names(b"api.example", b"forbidden.example")),
    "two server name extensions": handmade(server_names(b"api.example") + server_names(b"forbidden.example")),
    "a ServerHello": handmade(server_names(b"api.example"), kind=2),
    "another record in between": b"\x16\x03\x01\x00\x04\x01\x00\x00\x20\x17\x03\x03\x00\x01x",
}


@pytest.mark.core
@pytest.mark.parametrize("case", GARBAGE)
def test_what_only_begins_like_tls_is_closed(workload: Workload, counting: Lab, journal: Journal, case: str) -> None:
    with untouched(counting, *world.ADDRESSES["api"], *PINNED, *FORBIDDEN):
        assert answer_to(workload, "api.example", GARBAGE[case]) == b""
    assert journal.one(verdict="deny")["code"] == "request_malformed"


@pytest.mark.core
@pytest.mark.parametrize("sni", [b"api_v1.example", b"api..example", b"user@api.example", b"127.1", b"*.example"])
def test_an_sni_that_is_no_name_is_closed(workload: Workload, counting: Lab, journal: Journal, sni: bytes) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        assert answer_to(workload, "api.example", handmade(server_names(sni))) == b""
    assert journal.one(verdict="deny")["code"] == "name_malformed"


# Names that are missing.


def nameless(workload: Workload, host: str, asked: bytes) -> bytes:
    """A request inside TLS whose ClientHello names nobody."""
    context = ssl.create_default_context(cafile=str(workload.pki.gate_ca.cert))
    context.check_hostname = False
    with workload.dial(host, 443) as plain, context.wrap_socket(plain) as client:
        client.sendall(GET % asked)
        return drain(client)


@pytest.mark.core
def test_without_sni_the_host_of_the_request_is_judged(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    assert parsed(nameless(workload, "api.example", b"api.example")).json["server"] == "api"
    with untouched(counting, *FORBIDDEN):
        denied = parsed(nameless(workload, "api.example", b"forbidden.example"))
    assert (denied.status, denied.denial["code"]) == (502, "unregistered")


@pytest.mark.core
def test_without_sni_nothing_is_tunnelled(workload: Workload, counting: Lab, journal: Journal) -> None:
    with untouched(counting, *PINNED):
        denied = parsed(nameless(workload, "pinned.example", b"pinned.example"))
    assert (denied.status, denied.denial["code"]) == (502, "protocol_mismatch")


@pytest.mark.core
def test_plain_http_to_an_https_port_is_denied(workload: Workload, counting: Lab, journal: Journal) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        answer = workload.get("api.example", b"GET / HTTP/1.1\r\nHost: api.example:443", port=443)
    assert (answer.status, answer.denial["code"]) == (502, "protocol_mismatch")


@pytest.mark.core
def test_https_to_a_plain_http_port_is_denied(workload: Workload, counting: Lab, journal: Journal) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        answer = workload.curl("https://api.example:80/")
    assert (answer.status, answer.denial["code"]) == (502, "protocol_mismatch")
