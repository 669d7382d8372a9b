"""Who is being asked for: names that are left out, spelt alike, or carried by a way on which they might not be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.documents import access, defaults, destination, native, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, drain, parsed, response
from proxy.openings import Hello, client_hello

pytestmark = [pytest.mark.netns, pytest.mark.core]

ONE = world.ADDRESSES["one"]
FORBIDDEN = world.ADDRESSES["forbidden"]
POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", "xn--bcher-kva.example", "*.wild.example", ports=("80/HTTP", "443/HTTPS")),
    destination("partner.example", ports=("80/HTTP", "443/HTTPS")),
    destination("pinned.example", ports=("443/TLS",)),
    native(
        "EgressDestination",
        "by-address",
        {"addresses": [f"{ONE[0]}/32"], "ports": [{"number": 8080, "protocol": "HTTP"}]},
    ),
)
RULED = access("nobody-at-the-partner", action="DENY", to=[{"hosts": ["partner.example"]}])
SOURCE = Path(__file__).resolve().parents[3] / "addons" / "outgate"


def test_p02_no_code_asks_mitmproxy_for_the_host_that_it_finds_prettiest() -> None:
    """It prefers what the client says over where the connection goes. The control: its own source has the word."""
    wanted = re.compile(r"\bpretty_(host|url)\b")
    files = list(SOURCE.rglob("*.py"))
    assert len(files) > 100
    assert [path.name for path in files if wanted.search(path.read_text(encoding="utf-8"))] == []
    assert wanted.search("flow.request.pretty_host")


def test_p07_a_request_without_a_host_is_judged_by_its_address_alone(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    """A name that is registered at the very address is none that was said."""
    with untouched(counting, *world.ADDRESSES["api"]):
        denied = parsed(workload.say("api.example", b"GET /p07 HTTP/1.0\r\n\r\n"))
    assert (denied.status, journal.one(verdict="deny")["code"]) == (502, "unregistered")
    known = parsed(workload.say(ONE[0], b"GET / HTTP/1.0\r\n\r\n", 8080))
    assert known.status == 200, known
    assert known.json["server"] == "one-plain"


def test_p07_http_1_1_without_a_host_is_refused_wherever_it_goes(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    """As by every server (RFC 9112, 3.2)."""
    with untouched(counting, ONE[0]):
        denied = parsed(workload.say(ONE[0], b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 8080))
    assert (denied.status, journal.one(verdict="deny")["code"]) == (400, "request_malformed")


LOOK_ALIKES = {
    "cyrillic": "\N{CYRILLIC SMALL LETTER A}pi.example".encode(),
    "cyrillic as it is registered": b"xn--pi-6kc.example",
    "greek": "ap\N{GREEK SMALL LETTER IOTA}.example".encode(),
    "a dotless i": "ap\N{LATIN SMALL LETTER DOTLESS I}.example".encode(),
    "an umlaut more": "bücher.exämple".encode(),
    "a zero width joiner": "a\u200dpi.example".encode(),
    "latin-1 instead of UTF-8": b"b\xfccher.example",
    "a label that is none": b"xn--zzzzzz--.example",
}


@pytest.mark.parametrize("case", LOOK_ALIKES)
def test_p11_a_name_that_looks_like_another_is_not_the_other(
    workload: Workload, counting: Lab, journal: Journal, case: str
) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        answer = workload.get("api.example", b"GET / HTTP/1.1\r\nHost: " + LOOK_ALIKES[case])
    assert answer.status in (400, 502), answer
    assert journal.one(verdict="deny")["code"] in ("unregistered", "name_malformed")


def test_p11_a_name_in_another_script_is_judged_and_leaves_in_its_ascii_form(
    workload: Workload, named: Callable[..., None], origins: LabOrigins
) -> None:
    named("xn--bcher-kva.example", *world.ADDRESSES["api"])
    for spelt in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example"):
        answer = workload.get("api.example", b"GET / HTTP/1.1\r\nHost: " + spelt.encode())
        assert answer.status == 200, answer
        assert ["Host", "xn--bcher-kva.example"] in answer.json["headers"]


WILD = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("*.wild.example", ports=("443/TLS",)),
    access("no-b", action="DENY", to=[{"hosts": ["b.wild.example"]}]),
)


@pytest.mark.parametrize("name", ["b.wild.example", "B.Wild.Example", "b.wild.example.", "B.WILD.EXAMPLE."])
def test_p10_a_rule_on_a_tunnelled_name_is_escaped_by_no_other_spelling(
    workload: Workload, under: Callable[[str], object], counting: Lab, journal: Journal, name: str
) -> None:
    under(WILD)
    with untouched(counting, *world.ADDRESSES["api"]), workload.dial("b.wild.example", 443) as made:
        made.sendall(client_hello(Hello(name)))
        assert drain(made) == b""
    entry = journal.one(verdict="deny")
    assert (entry["code"], entry["host"], entry["sni"]) == ("refused_by_rule", "b.wild.example", "b.wild.example")


def test_p10_another_tunnelled_name_passes(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    """The control: the same hello under a name that no rule is about is answered by the origin."""
    under(WILD)
    with workload.dial("a.wild.example", 443) as made:
        made.sendall(client_hello(Hello("a.wild.example.")))
        assert made.recv(1)[0] in (0x15, 0x16)


OUTSIDE_THE_WILDCARD = (
    "wild.example",
    "evilwild.example",
    "awild.example",
    "a.wild.example.forbidden.example",
    "a.wild.examples",
    "a.wild.example.example",
    "*.wild.example",
    ".wild.example",
)


@pytest.mark.parametrize("host", OUTSIDE_THE_WILDCARD)
def test_p13_a_wildcard_covers_what_is_below_it_and_nothing_that_ends_alike(
    workload: Workload, counting: Lab, host: str
) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        plain = workload.get("a.wild.example", f"GET / HTTP/1.1\r\nHost: {host}".encode())
    assert plain.status in (400, 502), plain


ROUTES = ("http/1", "http/2", "https", "https, http/2", "https, another port", "websocket", "tcp", "ipv6")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("host", ["forbidden.example", "partner.example"])
def test_p15_a_host_that_is_denied_is_denied_on_every_way(
    workload: Workload, counting: Lab, under: Callable[[str], object], journal: Journal, host: str, route: str
) -> None:
    """One is not registered, the other is ruled out: no way in has checks of its own. CONNECT and SOCKS are tried
    where these modes are."""
    under(POLICY + "---\n" + policy(RULED))
    with untouched(counting, *world.ADDRESSES[host.split(".")[0]]):
        status = knock(workload, host, route)
    assert status in (0, 403, 502)
    assert journal.one(verdict="deny")["code"] in ("unregistered", "refused_by_rule", "port_unregistered")


def knock(workload: Workload, host: str, route: str) -> int:
    """The status that a host is answered with on a way, 0 where the connection ends without one."""
    head = f"GET / HTTP/1.1\r\nHost: {host}".encode()
    switch = b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY
    match route:
        case "http/1":
            return workload.get(host, head).status
        case "ipv6":
            return parsed(workload.say(host, head + b"\r\nConnection: close\r\n\r\n", version=6)).status
        case "http/2":
            with workload.dial(host, 80) as plain:
                return Client(plain).ask(request(host)).status
        case "https, http/2":
            with workload.secure(host, alpn="h2") as secured:
                return Client(secured).ask(request(host, scheme="https")).status
        case "https" | "https, another port":
            with workload.secure(host, 443 if route == "https" else 8443) as secured:
                secured.sendall(head + b"\r\n\r\n")
                return response(secured)[0].status
        case "websocket":
            with workload.dial(host, 80) as plain:
                plain.sendall(head + switch + b"\r\n\r\n")
                return response(plain)[0].status
        case _:
            return len(workload.say(host, b"\x00\x01 not HTTP\n", 5432))


KEY = b"dGhlIHNhbXBsZSBub25jZQ=="

NEARLY_PINNED = (
    "pinned.example.forbidden.example",
    "xpinned.example",
    "pinned.example.com",
    "pinned-example.forbidden.example",
    "sub.pinned.example",
    "forbidden.example",
)


@pytest.mark.parametrize("sni", NEARLY_PINNED)
def test_p26_a_tunnel_is_for_its_own_name_and_for_no_name_around_it(
    workload: Workload, counting: Lab, journal: Journal, sni: str
) -> None:
    """The address that is dialled is the tunnelled host's own: it counts for nothing."""
    with (
        untouched(counting, *world.ADDRESSES["pinned"], *FORBIDDEN),
        workload.dial("pinned.example", 443) as client,
    ):
        client.sendall(client_hello(Hello(sni)) + b"\x17\x03\x03\x00\x01x")
        got = drain(client)
    assert b"pinned" not in got
    assert all(entry["verdict"] == "deny" for entry in journal(sni=sni))
