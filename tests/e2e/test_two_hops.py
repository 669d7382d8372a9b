"""App, sidecar, gateway and origin on real sockets, mutual TLS on the hop between: who calls is who the certificate
says, each policy acts once, one replica stands in for another, and nothing ever goes straight."""

from __future__ import annotations

import shutil
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e import two_hops
from e2e.documents import access, defaults, destination, native, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import POD4, Lab
from e2e.lab.origins import LabOrigins
from e2e.two_hops import Caller, GatewayGate, HopPki
from e2e.workload import Workload, drain, response

pytestmark = pytest.mark.netns

GET = b"GET %s HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
FEW = 3


def documents(key: Path) -> str:
    """The same for both hops. Only the gateway can read `key`."""
    mutual = {"mode": "MUTUAL", "clientCertificate": str(key.with_suffix(".crt")), "privateKey": str(key)}
    partner = {"number": 80, "protocol": "HTTP", "upstream": {"port": 443, "tls": mutual}}
    one = {"address": world.ADDRESSES["one"][0], "port": 8080}
    return policy(
        defaults(mode="REGISTRY_ONLY", forwarding=[{"hosts": ["curious.example"], "via": "DIRECT"}]),
        destination("api.example", ports=("80/HTTP", "443/HTTPS")),
        destination("curious.example", ports=("443/HTTPS",)),
        destination("pinned.example", ports=("443/TLS",)),
        destination("grpc.example", ports=("80/GRPC",)),
        destination(name="tcp", addresses=[f"{world.ADDRESSES['tcp'][0]}/32"], ports=("7000/TCP", "7001/TCP")),
        destination("few.example", ports=("80/HTTP",), endpoints=[one]),
        destination("flaky.example", ports=("80/HTTP",), endpoints=[one]),
        native("EgressDestination", "partner", {"hosts": ["partner.example"], "ports": [partner]}),
        native(
            "EgressTraffic",
            "few",
            {"destination": "few-example", "rateLimits": [{"name": "few", "tokens": FEW, "interval": "1h"}]},
        ),
        native(
            "EgressTraffic",
            "flaky",
            {
                "destination": "flaky-example",
                "retries": {"attempts": 2, "on": ["5xx"]},
                "requestHeaders": {"add": {"x-once": "yes"}},
            },
        ),
        access("web-alone", action="ALLOW", sources=[{"serviceAccounts": ["prod/web"]}]),
    )


@pytest.fixture(scope="module")
def hop(tmp_path_factory: pytest.TempPathFactory) -> HopPki:
    folder = tmp_path_factory.mktemp("hop")
    for above in (folder, *list(folder.parents)[:2]):
        above.chmod(0o755)
    return two_hops.make_pki(folder)


@pytest.fixture(scope="module")
def text(hop: HopPki, origin_pki: world.OriginPki) -> str:
    key = hop.folder / "secret" / "partner.key"
    key.parent.mkdir(mode=0o700)
    shutil.copy(origin_pki.client.key, key)
    shutil.copy(origin_pki.client.cert, key.with_suffix(".crt"))
    return documents(key)


@pytest.fixture(scope="module")
def gateway(lab: Lab, hop: HopPki, text: str, origin_pki: world.OriginPki) -> Iterator[GatewayGate]:
    """The first of two replicas; the second is not there yet."""
    with GatewayGate(lab, text, origin_pki, hop, settings={"idle_timeout": 600}) as running:
        yield running


@pytest.fixture(scope="module")
def gate(
    gateway: GatewayGate, standing_origins: LabOrigins, lab: Lab, hop: HopPki, text: str, origin_pki: world.OriginPki
) -> Iterator[Gate]:
    """The sidecar, whose pod says of itself that it is `prod/web`."""
    folder = hop.folder / "sidecar"
    folder.mkdir(mode=0o755)
    lab.name("few.example", *world.ADDRESSES["one"])
    lab.name("flaky.example", *world.ADDRESSES["one"])
    own = {"workload_namespace": "prod", "workload_service_account": "web", **two_hops.forwarding(hop, folder)}
    with Gate(lab, text, origin_pki, settings=own) as running:
        yield running


@pytest.fixture
def caller(gateway: GatewayGate, lab: Lab, hop: HopPki) -> Caller:
    return Caller(lab, hop)


def straight(origins: LabOrigins) -> list[str]:
    """Servers that were connected to from the pod, and not by a gateway."""
    return [seen["server"] for seen in origins.records("connection") if seen["peer"][0] == POD4]


@pytest.mark.parametrize("speech", ["--http1.1", "--http2"])
@pytest.mark.parametrize("url", ["http://api.example/hello", "https://api.example/hello"])
def test_http_goes_through_both_gates(
    workload: Workload, origins: LabOrigins, gateway: GatewayGate, journal: Journal, url: str, speech: str
) -> None:
    there = Journal(gateway)
    answer = workload.curl(url, speech)
    assert answer.status == 200, answer
    entry = there.one(path="/hello")
    assert (entry["namespace"], entry["service_account"]) == ("prod", "web")
    assert journal.one(path="/hello")["verdict"] == "allow"
    assert straight(origins) == []


def test_tunnelled_tls_stays_the_workload_s_own(workload: Workload, origins: LabOrigins, gateway: GatewayGate) -> None:
    there = Journal(gateway)
    with workload.secure("pinned.example", trust=workload.pki.second_ca.cert) as made:
        made.sendall(GET.replace(b"api", b"pinned") % b"/hello")
        assert drain(made).startswith(b"HTTP/1.1 200")
    assert there.one(kind="tls")["service_account"] == "web"
    assert straight(origins) == []


def test_bytes_pass_whoever_speaks_first(workload: Workload, origins: LabOrigins) -> None:
    with workload.dial("tcp.example", 7000) as made:
        made.sendall(b"\x00 no protocol")
        assert made.recv(64) == b"\x00 no protocol"
    with workload.dial("tcp.example", 7001) as made:
        assert made.recv(64)
    assert straight(origins) == []


def test_the_gateway_s_client_key_is_the_gateway_s_alone(workload: Workload, origins: LabOrigins, hop: HopPki) -> None:
    answer = workload.curl("http://partner.example/hello")
    assert answer.status == 200, answer
    assert answer.json["tls"]["client"]["fingerprint"] == workload.pki.client.fingerprint


def test_what_a_rule_sends_straight_goes_straight(workload: Workload, origins: LabOrigins) -> None:
    assert workload.curl("https://curious.example/hello").status == 200
    assert straight(origins) == ["curious"]


def test_retries_are_not_squared_and_headers_are_added_once(workload: Workload, origins: LabOrigins) -> None:
    answer = workload.curl("http://flaky.example/flaky?key=squared&fail=99&how=503")
    assert answer.status == 503
    asked = origins.records("request")
    assert len(asked) == 3
    assert [name for seen in asked for name, _ in seen["headers"] if name.lower() == "x-once"] == ["x-once"] * 3


def test_limits_are_not_multiplied(workload: Workload, origins: LabOrigins) -> None:
    statuses = [workload.curl("http://few.example/hello").status for _ in range(FEW + 2)]
    assert statuses == [200] * FEW + [429] * 2
    assert len(origins.records("request")) == FEW


def test_a_gateway_that_is_less_patient_is_warned_of(gate: Gate, workload: Workload) -> None:
    workload.curl("http://api.example/hello")
    warned = [line for line in gate.stderr().splitlines() if "the gateway's" in line]
    assert len(warned) == 1
    assert "idle_timeout is 600 s, below the 3600 s of this gate" in warned[0]


def test_a_rule_bites_on_the_verified_identity(caller: Caller, origins: LabOrigins) -> None:
    def status(who: str, *fields: str) -> bytes:
        return caller.ask(who, "api.example:80", GET % b"/hello", fields).rpartition(b"HTTP/1.1 ")[2][:3]

    claim = f"x-forwarded-client-cert: URI={two_hops.WEB}"
    assert status("web") == b"200"
    assert status("other") == status("other", claim) == b"403"
    assert len(origins.records("request")) == 1


@pytest.mark.parametrize(
    "who",
    ["", "expired", "forged", "foreign", "nameless", "twofold", "elsewhere", "server"],
    ids=lambda who: who or "none",
)
def test_who_does_not_prove_who_he_is_is_refused(
    caller: Caller, origins: LabOrigins, gateway: GatewayGate, who: str
) -> None:
    there = Journal(gateway)
    said = caller.ask(who, "api.example:80", GET % b"/hello", [f"x-forwarded-client-cert: URI={two_hops.WEB}"])
    assert b"200" not in said
    assert there.one(code="caller_unproven")["verdict"] == "deny"
    assert origins.records("connection") == []


@pytest.mark.parametrize(
    ("target", "inner", "code"),
    [
        ("unknown.example:443", b"", "unregistered"),
        ("api.example:80", GET.replace(b"api.example", b"forbidden.example") % b"/", "names_disagree"),
        ("api.example:443", GET % b"/hello", "protocol_mismatch"),
    ],
    ids=["unregistered", "another name", "no TLS"],
)
def test_a_caller_is_judged_again(
    caller: Caller, origins: LabOrigins, gateway: GatewayGate, target: str, inner: bytes, code: str
) -> None:
    there = Journal(gateway)
    inner = inner or GET.replace(b"api.example", b"unknown.example") % b"/"
    assert b" 200 OK" not in caller.ask("web", target, inner)
    assert there.one(code=code)["verdict"] == "deny"
    assert origins.records("connection") == []


def test_opened_tls_that_holds_no_http_goes_nowhere(caller: Caller, origins: LabOrigins, gateway: GatewayGate) -> None:
    there = Journal(gateway)
    caller.ask("web", "api.example:443", b"\x00 no protocol", ["x-outgate-opened: tls"])
    assert there.one(code="protocol_unknown")
    assert origins.records("connection") == []


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"CONNECT api.example:80 HTTP/1.0", b"CONNECT a@b:80 HTTP/1.1"])
def test_a_gateway_is_asked_by_connect_alone(caller: Caller, origins: LabOrigins, line: bytes) -> None:
    with caller.secure("web") as made:
        made.sendall(line + b"\r\nHost: api.example\r\n\r\n")
        assert drain(made).startswith(b"HTTP/1.1 400")
    assert origins.records("connection") == []


def test_a_replaced_certificate_is_another_identity(workload: Workload, hop: HopPki, origins: LabOrigins) -> None:
    """The sidecar's files change while it runs; no connection is used under the name before, idle or shared."""
    folder = hop.folder / "sidecar"
    assert workload.curl("http://api.example/hello").status == 200
    try:
        with workload.dial("api.example", 80) as made:
            client, asked = Client(made), request("api.example", "/hello")
            assert client.ask(asked).status == 200
            two_hops.copied(hop.callers["other"], folder)
            assert _until(lambda: client.ask(asked).status == 403)
        assert workload.curl("http://api.example/hello").status == 403
        two_hops.copied(hop.callers["expired"], folder)
        assert _until(lambda: workload.curl("http://api.example/hello").status == 503)
    finally:
        two_hops.copied(hop.callers["web"], folder)
    assert _until(lambda: workload.curl("http://api.example/hello").status == 200)
    assert straight(origins) == []


def test_a_killed_replica_is_hardly_noticed_and_without_any_nothing_leaves(
    workload: Workload, origins: LabOrigins, gateway: GatewayGate, lab: Lab, hop: HopPki, text: str
) -> None:
    total, failed, lock = 400, 0, threading.Lock()
    half = threading.Event()

    def ask(number: int) -> None:
        nonlocal failed
        if number == total // 2:
            half.set()
        with workload.dial("api.example", 80) as made:
            made.sendall(GET % b"/hello")
            well = response(made)[0].status == 200
        with lock:
            failed += not well

    with GatewayGate(lab, text, workload.pki, hop, 1) as second:
        time.sleep(1.2)  # the sidecar asks again who was not there
        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(ask, number) for number in range(total)]
            assert half.wait(30)
            gateway.stop(signal.SIGKILL)
            failed += sum(each.exception() is not None for each in asking)
        assert failed < total / 100  # what was under way at the moment is lost, and no more
        assert Journal(second)(verdict="allow") == []
        second.stop(signal.SIGKILL)
        before = len(origins.records("connection"))
        for url in ("http://api.example/hello", "https://api.example/hello"):
            assert workload.curl(url).status == 503
        with pytest.raises((ssl.SSLError, ConnectionError)), workload.secure("pinned.example"):
            pass
        assert workload.say("tcp.example", b"\x00 no protocol", 7000) == b""
        assert len(origins.records("connection")) == before
        assert straight(origins) == []


def _until(done: object, within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while not (happened := done()) and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.2)
    return bool(happened)
