"""The gate as a process beside its workload: what it holds, what it says, and who may touch it."""

from __future__ import annotations

import http.client
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import UID, Workload, parsed

pytestmark = pytest.mark.netns

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    destination("partner.example", "nobody.example", ports=("443/HTTPS",)),
    destination("pinned.example", ports=("443/TLS",)),
)
NUMBERS = itertools.count()

MOVES = {
    "a signal": "kill -HUP {pid}",
    "its environment": "cat /proc/{pid}/environ",
    "its memory": "head -c 1 /proc/{pid}/mem",
    "its descriptors": "ls /proc/{pid}/fd/",
    "its limits": "prlimit --pid {pid} --nofile=8",
    "its namespaces": "nsenter --target {pid} --mount true",
    "its policy": "echo >>{folder}/policy/policy.yaml",
    "a policy more": "touch {folder}/policy/more.yaml",
    "a policy instead": "ln -sfn /tmp {folder}/policy",
    "its CA's key": "cat {folder}/gate-ca.key",
    "its home": "touch {folder}/.mitmproxy",
    "its rules": "iptables -F || iptables-legacy -F",
    "its redirect": "iptables -t nat -F || iptables-legacy -t nat -F",
}
"""What could change the gate or give it away, as shell commands."""


@pytest.mark.parametrize("move", MOVES)
def test_p29_a_workload_writes_nothing_that_the_gate_reads_and_holds_no_handle_of_it(
    gate: Gate, workload: Workload, lab: Lab, move: str
) -> None:
    assert gate.process is not None
    command = MOVES[move].format(pid=gate.process.pid, folder=gate.policy.parent)
    done = lab.run_in(lab.pod, ["sh", "-c", command], UID)
    assert done.returncode != 0, done
    assert done.stdout == ""
    assert all(line.startswith("ok ") for line in gate.iptables("verify").splitlines())


def test_p29_the_moves_are_ones_that_root_could_make(gate: Gate, lab: Lab) -> None:
    """The control, for those that do no harm."""
    assert gate.process is not None
    for move in ("a signal", "its environment", "its descriptors", "its CA's key"):
        command = MOVES[move].format(pid=gate.process.pid, folder=gate.policy.parent)
        assert lab.run_in(lab.pod, ["sh", "-c", command]).returncode == 0, move


@pytest.mark.core
def test_p48_a_workload_reads_no_key_and_the_handed_out_bundle_has_none(
    gate: Gate, lab: Lab, origin_pki: world.OriginPki
) -> None:
    key = gate.policy.parent / origin_pki.gate_ca.key.name
    assert key.stat().st_mode & 0o077 == 0
    assert lab.run_in(lab.pod, ["cat", str(key)], UID).returncode != 0
    assert "PRIVATE" not in Path(origin_pki.gate_ca.cert).read_text()


CANARIES = ("canary-query", "canary-header", "canary-cookie", "canary-body", "canary-credential", "canary-user")


@pytest.mark.core
def test_p49_secrets_stand_in_no_log_no_error_and_no_page_of_the_admin(
    gate: Gate, workload: Workload, origins: LabOrigins, origin_pki: world.OriginPki, under: Callable[[str], object]
) -> None:
    """In requests that are allowed, denied, malformed and failing, in both versions of HTTP."""
    credential = origin_pki.folder / f"canary-{next(NUMBERS)}"
    credential.write_text("canary-credential\n")
    headers = {"setFromFile": [{"name": "x-credential", "file": str(credential)}]}
    under(POLICY + "---\n" + policy(destination("one.example", ports=("8080/HTTP",), headers=headers)))
    fields = ["-H", "authorization: Bearer canary-header", "-H", "cookie: sid=canary-cookie", "--data-binary", "@-"]
    hosts = ("api.example", "forbidden.example", "partner.example", "nobody.example", "one.example:8080")
    for scheme, host in itertools.product(("http", "https"), hosts):
        for speech in ("--http1.1", "--http2"):
            workload.curl(f"{scheme}://{host}/path?token=canary-query", speech, *fields, data=b"canary-body")
    for line in (b"GET http://canary-user@api.example/?canary-query", b"canary-query /", b"GET /?canary-query\x01"):
        workload.say("api.example", line + b" HTTP/1.1\r\nHost: api.example\r\nX canary-header\r\n\r\n")
    with workload.dial("api.example", 80) as sock:
        Client(sock).ask([*request("api.example", "/?canary-query"), ("connection", "canary-header")])
    told = json.dumps([gate.log(), gate.stderr(), *(gate.admin(page) for page in ("/config", "/status"))])
    assert len(gate.log()) > 10
    assert [canary for canary in CANARIES if canary in told] == []
    assert origins.records("request", "one-plain")


@pytest.mark.core
def test_p51_a_workload_writes_one_line_of_plain_text_for_each_thing_it_does(
    gate: Gate, workload: Workload, journal: Journal
) -> None:
    forged, before = '{"verdict":"allow"}', len(gate.log())
    paths = ("/a%0d%0a" + forged, "/\x1b[31mred", "/\u202egnp.exe", "/" + "x" * 5000, "/\x7f\x9b", '/"},' + forged)
    for path in paths:
        workload.get("api.example", f"GET {path} HTTP/1.1\r\nHost: forbidden.example".encode())
    hosts = ("a\x1b[2J", "a\\n" + forged, "x" * 3000, "\u202e.example")
    for host in hosts:
        workload.get("api.example", f"GET / HTTP/1.1\r\nHost: {host}".encode())
    gate.log(at_least=before + len(paths) + len(hosts))
    raw = gate._lines["stdout"][-len(gate.log()) :]  # mitmproxy itself begins with a line of its own
    assert all(json.loads(line) for line in raw)
    assert all(line.isprintable() and line.isascii() and len(line) < 8000 for line in raw)
    assert {entry["verdict"] for entry in journal()} == {"deny"}


@pytest.mark.core
def test_p51_what_is_counted_does_not_grow_with_what_is_asked_for(gate: Gate, workload: Workload) -> None:
    workload.get("api.example", b"GET / HTTP/1.1\r\nHost: forbidden.example")
    before = set(gate.admin("/status")["counts"])
    with workload.dial("api.example", 80) as sock:
        client = Client(sock)
        for number in range(300):
            assert client.ask(request(f"h{number}.forbidden.example")).status == 502
    assert set(gate.admin("/status")["counts"]) == before


FOREIGN = ("evil.example", "evil.example:15000", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]:15000", "")


@pytest.mark.core
@pytest.mark.parametrize("host", FOREIGN)
def test_p62_a_page_that_made_its_name_point_here_is_told_nothing(gate: Gate, lab: Lab, host: str) -> None:
    """Asked as root, who would be told everything under a name that is this machine's."""
    for path in ("/config", "/reload"):
        with lab.enter(lab.pod):
            asking = http.client.HTTPConnection(*gate.admin_address, timeout=5)
            asking.putrequest("POST" if path == "/reload" else "GET", path, skip_host=True)
            asking.putheader("Host", host)
            asking.endheaders()
            answer = asking.getresponse()
            assert answer.status in (400, 403), answer.read()
            asking.close()


@pytest.mark.core
def test_p62_a_request_of_a_page_is_refused_under_whatever_name(gate: Gate, lab: Lab) -> None:
    with lab.enter(lab.pod):
        asking = http.client.HTTPConnection(*gate.admin_address, timeout=5)
        asking.request("POST", "/reload", headers={"Origin": "http://localhost:15000"})
        assert asking.getresponse().status == 403
        asking.close()


@pytest.mark.core
def test_p30_a_workload_asks_the_admin_endpoint_on_no_way(gate: Gate, workload: Workload) -> None:
    """Not on loopback, and not through the gate, whose own connection it would seem to be."""
    told = parsed(workload.say("127.0.0.1", b"GET /config HTTP/1.0\r\nHost: localhost\r\n\r\n", 15000))
    assert os.geteuid() == 0
    assert told.status == 200, "the tests are root, who is told"
    curl = ["curl", "-s", "--max-time", "5", "-w", "%{http_code}", "-o", "/dev/null"]
    for url in ("http://127.0.0.1:15000/config", "http://localhost:15000/status"):
        assert workload.lab.run_in(workload.lab.pod, [*curl, url], UID).stdout == "403"
    inside = workload.get("api.example", b"GET /config HTTP/1.1\r\nHost: 127.0.0.1:15000")
    assert inside.status in (421, 502)
