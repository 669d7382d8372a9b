"""Services in outgate's own kinds: what a port says, and one rule for each way to tell where something goes."""

import pytest

from outgate.learning.native import documents, operations, sources
from outgate.learning.services import Port, Service
from outgate.policy.model import Protocol


def service(*ports, hosts=("a.example",), **facts):
    return Service("a-example", hosts, tuple(Port(*port) for port in ports), (), **facts)


@pytest.mark.parametrize(
    ("port", "written"),
    [
        ((443, Protocol.HTTPS), {"number": 443, "protocol": "HTTPS"}),
        ((443, Protocol.TLS, True), {"number": 443, "protocol": "TLS"}),
        (
            (80, Protocol.HTTP, False, 443),
            {"number": 80, "protocol": "HTTP", "upstream": {"port": 443, "protocol": "HTTPS"}},
        ),
        ((8443, Protocol.ANY), {"number": 8443}),
        ((8443, Protocol.ANY, True), {"number": 8443, "intercept": "TUNNEL"}),
    ],
)
def test_a_port(port, written):
    (document,) = documents(service(port))
    assert document["spec"] == {"hosts": ["a.example"], "ports": [written]}


def test_addresses_and_what_is_internal():
    (document,) = documents(service((5432, Protocol.TCP, True), hosts=("10.0.0.7",), addresses=True, internal=True))
    assert (document["spec"]["addresses"], document["spec"]["internal"]) == (["10.0.0.7"], True)


def test_requests_are_told_by_host_tls_by_server_name_and_bytes_by_port():
    mixed = service((443, Protocol.HTTPS), (8443, Protocol.TLS, True), (9000, Protocol.TCP, True))
    assert operations(mixed) == [
        {"hosts": ["a.example", "a.example:443"], "ports": [443]},
        {"snis": ["a.example"], "ports": [8443]},
        {"ports": [9000]},
    ]


def test_tls_to_an_address_shows_no_server_name():
    found = operations(service((80, Protocol.HTTP), (443, Protocol.TLS, True), hosts=("2001:db8::1",), addresses=True))
    assert found == [{"hosts": ["[2001:db8::1]", "[2001:db8::1]:80"], "ports": [80]}, {"ports": [443]}]


@pytest.mark.parametrize(
    ("callers", "written"),
    [
        ((), []),
        (("prod/web", "dev/"), [{"serviceAccounts": ["prod/web"]}, {"namespaces": ["dev"]}]),
        (("prod/web", ""), []),
    ],
)
def test_who_may_use_it_is_everybody_where_somebody_was_not_known(callers, written):
    assert sources(service((443, Protocol.HTTPS), callers=frozenset(callers))) == written
