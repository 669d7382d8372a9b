"""Where a connection goes: answers of resolvers that change, and addresses that a workload picks itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from e2e.documents import access, defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import METADATA4, METADATA6, Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, drain, parsed
from proxy.openings import Hello, client_hello

pytestmark = [pytest.mark.netns, pytest.mark.core]

API, FORBIDDEN, PRIVATE = world.ADDRESSES["api"], world.ADDRESSES["forbidden"], world.ADDRESSES["private"]
POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", "flips.example", ports=("80/HTTP", "443/HTTPS")),
    destination("a.wild.example", ports=("443/TLS",)),
    destination("shared.example", ports=("443/TLS",)),
)
SETTINGS = {"dns_ttl": 0}

INSIDE = {
    "metadata": METADATA4,
    "metadata, mapped": f"::ffff:{METADATA4}",
    "metadata in NAT64": "64:ff9b::a9fe:a9fe",
    "metadata in the NAT64 prefix for local use": "64:ff9b:1::a9fe:a9fe",
    "metadata in 6to4": "2002:a9fe:a9fe::1",
    "metadata in Teredo": "2001:0:5db8:d80a::5601:5601",
    "metadata, compatible": f"::{METADATA4}",
    "metadata over IPv6": METADATA6,
    "metadata of another cloud": "100.100.100.200",
    "private": PRIVATE[0],
    "carrier-grade NAT": "100.64.0.1",
    "loopback": "127.0.0.1",
    "loopback, another one": "127.8.8.8",
    "loopback, mapped": "::ffff:127.0.0.1",
    "link-local": "fe80::1",
    "unique local": PRIVATE[1],
    "site-local": "fec0::1",
    "this network": "0.0.0.0",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "reserved": "240.0.0.1",
    "benchmarking": "198.18.0.1",
    "documentation": "192.0.2.1",
}


@pytest.mark.parametrize("kind", INSIDE)
def test_p31_a_name_that_turns_inside_is_not_followed(
    workload: Workload, counting: Lab, named: Callable[..., None], origins: LabOrigins, journal: Journal, kind: str
) -> None:
    """Public when it is asked first, and again at the end. The origin closes, so that each time is a dial."""
    named("flips.example", API[0])
    head = b"GET /%s HTTP/1.1\r\nHost: flips.example"
    assert workload.get(API[0], head % b"headers?connection=close").status == 200
    counting.resolve("flips.example", INSIDE[kind])
    with untouched(counting, METADATA4, METADATA6, *PRIVATE):
        turned = workload.get(API[0], head % b"turned")
        literal = workload.get(API[0], b"GET /literal HTTP/1.1\r\nHost: " + bracketed(INSIDE[kind]))
    assert (turned.status, turned.denial["code"]) == (502, "address_refused"), turned
    assert literal.status in (400, 421, 502), literal
    counting.resolve("flips.example", API[0])
    assert workload.get(API[0], head % b"last").status == 200


def bracketed(address: str) -> bytes:
    return f"[{address}]".encode() if ":" in address else address.encode()


SPELLINGS = (
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.254.169.254.",
    "[::ffff:a9fe:a9fe]",
)


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_p31_an_address_is_spelt_in_one_way_or_is_none(
    workload: Workload, counting: Lab, origins: LabOrigins, spelt: str
) -> None:
    with untouched(counting, METADATA4, METADATA6):
        answer = workload.get(METADATA4, b"GET / HTTP/1.1\r\nHost: " + spelt.encode())
        away = workload.get(API[0], b"GET / HTTP/1.1\r\nHost: " + spelt.encode())
    assert (answer.status, away.status) in {(400, 400), (502, 421)}, (answer, away)


@pytest.mark.parametrize("version", [4, 6])
def test_p32_the_address_that_a_workload_dials_is_not_the_one_that_is_reached(
    workload: Workload, counting: Lab, origins: LabOrigins, version: int
) -> None:
    """It calls somebody else by a name that it may call: the owner of the name answers."""
    where = FORBIDDEN[version == 6]
    with untouched(counting, *FORBIDDEN):
        plain = parsed(workload.say(where, b"GET / HTTP/1.0\r\nHost: api.example\r\n\r\n", 80, version))
        with workload.secure(where, name="api.example") as secured:
            secured.sendall(b"GET / HTTP/1.0\r\nHost: api.example\r\n\r\n")
            inside = parsed(drain(secured))
        with workload.dial(where, 443, version) as made:
            made.sendall(client_hello(Hello("a.wild.example")))
            assert made.recv(1) == b"\x16"
    assert (plain.json["server"], inside.json["server"]) == ("api-plain", "api")
    assert [seen["sni"] for seen in origins.records("tls") if "sni" in seen][:1] == ["api.example"]


def test_p34_of_two_names_at_one_address_the_one_that_is_allowed_is_reached(
    workload: Workload, counting: Lab, named: Callable[..., None], under: Callable[[str], object], origins: LabOrigins
) -> None:
    """The other is not registered, or ruled out; which of them a connection is for, the address does not say."""
    for host in ("shared.example", "other.example", "ruled.example"):
        named(host, *API)
    ruled = access("not-this-one", action="DENY", to=[{"hosts": ["ruled.example"]}])
    under(POLICY + "---\n" + policy(destination("ruled.example", ports=("443/TLS",)), ruled))
    with untouched(counting, *API):
        for host in ("other.example", "ruled.example"):
            with workload.dial("shared.example", 443) as made:
                made.sendall(client_hello(Hello(host)))
                with suppress(ConnectionError):
                    made.recv(1)
    with workload.dial("shared.example", 443) as made:
        made.sendall(client_hello(Hello("shared.example")))
        assert made.recv(1) == b"\x16"
