"""Plain HTTP from a workload: what is registered is reached, as it was asked for, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from e2e.documents import defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Answer, Workload, drain, parsed

pytestmark = pytest.mark.netns

ONE, TWO, FORBIDDEN = (world.ADDRESSES[name] for name in ("one", "two", "forbidden"))
NOWHERE = ("93.184.216.40", "2606:2800:220:1::40")
"""Where the workload believes `list.example` to be; nothing listens there."""

REGISTRY = (
    destination("api.example", ports=("80/HTTP",)),
    destination("*.wild.example", ports=("80/HTTP",)),
    destination(name="network", addresses=["93.184.216.18/31", "2606:2800:220:1::18/127"], ports=("8080/HTTP",)),
    destination(
        "list.example",
        ports=("80/HTTP",),
        resolution="STATIC",
        endpoints=[{"address": ONE[0], "port": 8080}, {"address": TWO[1], "port": 8080}],
    ),
)
POLICY = policy(defaults(mode="REGISTRY_ONLY"), *REGISTRY)

FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
SPEECH = {"http/1.1": "--http1.1", "h2c": "--http2-prior-knowledge"}
VERSIONS = pytest.mark.parametrize("speech", SPEECH)


@FAMILIES
@VERSIONS
def test_a_registered_host_is_reached(
    workload: Workload, origins: LabOrigins, journal: Journal, version: int, speech: str
) -> None:
    answer = workload.curl("http://api.example/reached?secret=1", SPEECH[speech], f"-{version}")
    assert answer.status == 200, answer
    assert answer.json["line"].startswith("GET /reached?secret=1 HTTP/")
    entry = journal.one(path="/reached")
    assert (entry["verdict"], entry["code"], entry["status"]) == ("allow", "registered", 200)
    assert entry["address"] == workload.address("api.example", version)
    assert entry["protocol"] == {"http/1.1": "HTTP/1.1", "h2c": "HTTP/2.0"}[speech]


@FAMILIES
@VERSIONS
def test_a_host_that_is_not_registered_is_denied_and_nothing_connects(
    workload: Workload, counting: Lab, journal: Journal, version: int, speech: str
) -> None:
    with untouched(counting, *FORBIDDEN):
        answer = workload.curl("http://forbidden.example/x?token=1", SPEECH[speech], f"-{version}")
    assert answer.status == 502, answer
    assert answer.header("content-type") == "application/json"
    told = answer.denial
    assert (told["verdict"], told["code"], told["host"]) == ("deny", "unregistered", "forbidden.example")
    assert "forbidden.example:80" in told["reason"]
    assert "forbidden.example" in told["help"]
    entry = journal.one(host="forbidden.example")
    assert (entry["verdict"], entry["code"], entry["status"]) == ("deny", "unregistered", 502)
    assert "upstream" not in entry


def test_the_packets_that_denials_do_not_cause_would_have_been_seen(workload: Workload, counting: Lab) -> None:
    """The control: were the counter blind, the zeroes above would mean nothing."""
    before = counting.packets(world.ADDRESSES["api"][0])
    assert workload.get("api.example", b"GET / HTTP/1.1\r\nHost: api.example").status == 200
    assert counting.packets(world.ADDRESSES["api"][0]) > before


def test_the_status_of_a_denial_is_configurable(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    under(policy(defaults(denyStatus=403), *REGISTRY))
    answer = workload.curl("http://forbidden.example/")
    assert (answer.status, answer.denial["code"]) == (403, "unregistered")


@FAMILIES
def test_allow_any_lets_the_unregistered_pass_to_where_the_workload_was_going(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal, version: int
) -> None:
    under(policy(defaults(mode="ALLOW_ANY"), *REGISTRY))
    answer = workload.curl("http://forbidden.example/any", f"-{version}")
    assert (answer.status, answer.json["server"]) == (200, "forbidden-plain")
    entry = journal.one(path="/any")
    assert (entry["verdict"], entry["code"], entry["traffic"]) == ("allow", "allow_any", "passthrough")


@pytest.mark.parametrize(("host", "status"), [("a.wild.example", 200), ("deep.b.wild.example", 200)])
def test_a_wildcard_covers_one_label_and_more(workload: Workload, origins: LabOrigins, host: str, status: int) -> None:
    answer = workload.curl(f"http://{host}/")
    assert answer.status == status, answer
    assert ["Host", host] in answer.json["headers"]


def test_a_wildcard_does_not_cover_its_own_apex(workload: Workload, named: Callable[..., None]) -> None:
    named("wild.example", world.ADDRESSES["api"][0])
    answer = workload.curl("http://wild.example/")
    assert (answer.status, answer.denial["code"]) == (502, "unregistered")


@FAMILIES
@pytest.mark.parametrize("name", ["one", "two"])
def test_an_entry_by_network_is_reached_by_address(
    workload: Workload, origins: LabOrigins, journal: Journal, name: str, version: int
) -> None:
    address = world.ADDRESSES[name][version == 6]
    literal = f"[{address}]" if version == 6 else address
    answer = workload.curl(f"http://{literal}:8080/network")
    assert (answer.status, answer.json["server"]) == (200, f"{name}-plain")
    assert answer.json["local"][0] == address
    assert journal.one(path="/network")["destination"].endswith("/network")


def test_an_address_outside_the_network_is_denied(workload: Workload, counting: Lab) -> None:
    with untouched(counting, *FORBIDDEN):
        answer = workload.curl(f"http://{FORBIDDEN[0]}:8080/")
    assert (answer.status, answer.denial["code"]) == (502, "unregistered")


def test_a_list_of_endpoints_is_dialled_at_its_own_addresses_and_ports(
    workload: Workload, counting: Lab, origins: LabOrigins, named: Callable[..., None]
) -> None:
    named("list.example", *NOWHERE)
    with untouched(counting, *NOWHERE):
        answers = at_once(workload, "list.example", 16)
    assert {answer.status for answer in answers} == {200}
    reached = {tuple(seen["local"]) for seen in origins.records("connection")}
    assert reached == {(ONE[0], 8080), (TWO[1], 8080)}
    assert {dict(seen["headers"])["Host"] for seen in origins.records("request")} == {"list.example"}


def at_once(workload: Workload, host: str, count: int) -> list[Answer]:
    """So many requests under way together, so that none takes the connection of another."""
    with ExitStack() as stack:
        clients = [stack.enter_context(workload.dial(host, 80)) for _ in range(count)]
        for client in clients:
            client.sendall(f"GET /slow?s=0.2 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return [parsed(drain(client)) for client in clients]


def test_a_port_that_is_not_registered_is_denied_and_says_which_is(workload: Workload, counting: Lab) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        answer = workload.curl("http://api.example:8081/")
    assert (answer.status, answer.denial["code"]) == (502, "port_unregistered")
    assert "80" in answer.denial["reason"]


def test_clients_share_the_connection_to_an_origin_one_after_another(
    workload: Workload, origins: LabOrigins, journal: Journal
) -> None:
    for number in range(3):
        assert workload.curl(f"http://api.example/shared/{number}", "--http1.1").status == 200
    requests = origins.records("request", "api-plain")
    assert len(requests) == 3
    assert len({request["connection"] for request in requests}) == 1
    assert journal.one(path="/shared/2")["reused"] is True


TARGETS = (
    "/a/../b/./c//d",
    "/%2e%2e/%2F%5c/%zz?",
    "/;v=1/,(@)!$&'*+=:~|^`{}[]\"<>\\",
    "/%E2%82%AC/\u00e9\u00ff?q=\u00a3",
    "/?",
    "/?a=1&&b=%20+&a=2;c=//x?y&url=http://user:pw@forbidden.example:81/#",
)


@pytest.mark.parametrize("target", TARGETS)
def test_path_and_query_reach_the_origin_byte_by_byte(workload: Workload, origins: LabOrigins, target: str) -> None:
    head = f"GET {target} HTTP/1.1\r\nHost: api.example".encode("latin-1")
    answer = workload.get("api.example", head)
    assert answer.status == 200, answer
    assert answer.json["line"] == f"GET {target} HTTP/1.1"


@VERSIONS
@pytest.mark.parametrize("host", ["api.example", "forbidden.example"])
def test_a_query_is_never_logged(workload: Workload, gate: Gate, journal: Journal, host: str, speech: str) -> None:
    secret = f"q-{host}-{speech}".replace("/", "-")
    workload.curl(f"http://{host}/quiet?token={secret}", SPEECH[speech], "-H", f"referer: http://x/?{secret}")
    assert journal.one(path="/quiet")["host"] == host
    assert secret not in str(gate.log())
    assert secret not in gate.stderr()
