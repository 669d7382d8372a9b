"""What is allowed: hops, tenants, policies that change under load, and requests that are sent once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from e2e.documents import access, defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import METADATA4, Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload

pytestmark = pytest.mark.netns

CLOSED = policy(defaults(mode="REGISTRY_ONLY"))
API = destination("api.example", "a.wild.example", ports=("80/HTTP", "443/HTTPS"))
POLICY = policy(defaults(mode="REGISTRY_ONLY"), API)
FORBIDDEN = world.ADDRESSES["forbidden"]
RELOADS = 30

HOPS = ("http://forbidden.example/", f"http://{METADATA4}/latest/meta-data", "//forbidden.example/", "gopher://x/")


@pytest.mark.core
@pytest.mark.parametrize("hop", HOPS)
def test_p37_the_gate_follows_no_redirect_and_judges_each_hop(
    workload: Workload, counting: Lab, origins: LabOrigins, hop: str
) -> None:
    url = f"http://api.example/redirect?to={hop}"
    with untouched(counting, *FORBIDDEN, METADATA4):
        one = workload.curl(url)
        followed = workload.curl(url, "--location")
    assert (one.status, one.header("location")) == (302, hop)
    assert followed.exit or followed.body.count(b'"deny"') == 1, followed
    assert [seen["server"] for seen in origins.records("request")] == ["api-plain", "api-plain"]


TENANTS = access("own-tenant", action="ALLOW", to=[{"hosts": ["api.example"], "methods": ["PUT"], "paths": ["/own/*"]}])
OTHERS = (
    "PUT /other/x",
    "PUT /owner/x",
    "PUT /OWN/x",
    "PUT /own/../other/x",
    "PUT /own/%2e%2e/other/x",
    "PUT /own%2f..%2fother/x",
    "PUT /own/..%2fother/x",
    "PUT /own//../other",
    "PUT /own/..;/other/x",
    "PUT /own\\..\\other/x",
    "PUT //own/x",
    "DELETE /own/x",
    "POST /own/x",
)


@pytest.mark.core
@pytest.mark.parametrize("line", OTHERS)
def test_p38_another_tenant_of_a_host_is_not_reached(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, line: str
) -> None:
    under(policy(defaults(mode="REGISTRY_ONLY"), API, TENANTS))
    answer = workload.get("api.example", f"{line} HTTP/1.1\r\nHost: api.example\r\nContent-Length: 0".encode())
    with workload.secure("api.example", alpn="h2") as sock:
        method, path = line.split(" ", 1)
        stream = Client(sock).ask(request("api.example", path, method, "https"), b"")
    assert answer.status in (400, 403), answer
    assert stream.status in (0, 400, 403), stream
    assert not origins.records("request")


@pytest.mark.core
def test_p38_the_own_tenant_is(workload: Workload, under: Callable[[str], object], origins: LabOrigins) -> None:
    under(policy(defaults(mode="REGISTRY_ONLY"), API, TENANTS))
    answer = workload.get("api.example", b"PUT /own/x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 0")
    assert answer.status == 200, answer


# Policies that change.


def test_p53_no_reload_lets_through_what_no_policy_allows(
    workload: Workload, gate: Gate, counting: Lab, under: Callable[[str], object], origins: LabOrigins
) -> None:
    """Good ones, empty ones and broken ones in turn, under load: one host is in none of them, the other in some."""
    broken = POLICY.replace('"hosts"', '"hots"')
    with untouched(counting, *FORBIDDEN), asking(workload) as answers:
        for number in range(RELOADS):
            gate.write((POLICY, CLOSED, broken)[number % 3])
            gate.admin("/reload", "POST")
    assert len(answers["forbidden.example"]) > RELOADS
    assert set(answers["forbidden.example"]) <= {502}
    assert {200, 502} == set(answers["api.example"])
    assert gate.admin("/status")["counts"].get("crashes", 0) == 0


@pytest.mark.core
def test_p53_a_registry_that_was_emptied_allows_nothing_and_a_directory_that_was_is_no_policy(
    workload: Workload, gate: Gate, under: Callable[[str], object], counting: Lab, origins: LabOrigins
) -> None:
    under(CLOSED)
    with untouched(counting, *world.ADDRESSES["api"]):
        assert workload.curl("http://api.example/").status == 502
    gate.write({})
    assert gate.admin("/reload", "POST").get("loaded") is not True
    with untouched(counting, *world.ADDRESSES["api"]):
        assert workload.curl("http://api.example/").status == 502


@contextmanager
def asking(workload: Workload) -> Iterator[dict[str, list[int]]]:
    """Asks two hosts over and over, with a connection for each request. Gives the statuses that came."""
    stop, answers = threading.Event(), {"api.example": [], "forbidden.example": []}  # type: dict[str, list[int]]

    def ask(host: str) -> None:
        while not stop.is_set():
            with suppress(OSError):
                answers[host].append(workload.get(host, f"GET / HTTP/1.1\r\nHost: {host}".encode()).status)

    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in answers]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


# Once.


@pytest.mark.core
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_p60_what_changes_something_is_sent_once(
    workload: Workload, origins: LabOrigins, journal: Journal, method: str
) -> None:
    """The connection is one that was idle, which is when a retry would seem harmless; the origin breaks off."""
    assert workload.curl("http://api.example/").status == 200
    answer = workload.curl("http://api.example/close", "-X", method, "--data-binary", "@-", data=b"once")
    assert answer.status == 503, answer
    assert journal.one(path="/close")["reused"] is True
    lines = [seen["line"] for seen in origins.records("request")]
    assert lines.count(f"{method} /close HTTP/1.1") == 1, lines
