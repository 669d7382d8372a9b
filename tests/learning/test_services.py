"""Hosts of one owner that are spoken to alike share a document; a port carries what was spoken and little else."""

import pytest

from outgate.learning.places import Places
from outgate.learning.seen import Seen, Speech
from outgate.learning.services import owner_of, services
from outgate.policy.model import Protocol

HTTP, HTTPS, TLS, TCP = Speech


def made(*seen, taken=(), **options):
    places = Places(include_denied=True)
    for each in seen:
        places.add(each if isinstance(each, Seen) else Seen(*each))
    return services(places.places.values(), taken, **options)


def ports(*seen):
    (service,) = made(*seen)
    return [(port.number, port.protocol, port.tunnel) for port in service.ports]


@pytest.mark.parametrize(
    ("speeches", "protocol", "tunnel"),
    [
        ([HTTP], Protocol.HTTP, False),
        ([HTTPS], Protocol.HTTPS, False),
        ([TLS], Protocol.TLS, True),
        ([TLS, HTTPS], Protocol.TLS, True),
        ([TCP], Protocol.TCP, True),
        ([HTTP, HTTPS], Protocol.ANY, False),
        ([HTTP, TLS], Protocol.ANY, True),
        ([TCP, HTTPS], Protocol.ANY, False),
    ],
)
def test_a_port_is_for_what_was_spoken(speeches, protocol, tunnel):
    assert ports(*((speech, "a.example", 443) for speech in speeches)) == [(443, protocol, tunnel)]


def test_bytes_at_an_address_may_be_tls():
    assert ports((TCP, "192.0.2.7", 443), (TLS, "192.0.2.7", 443)) == [(443, Protocol.TCP, True)]


def test_http2_in_the_clear_goes_on_as_such():
    assert ports(Seen(HTTP, "a.example", 80, http2=True)) == [(80, Protocol.HTTP2, False)]


def test_names_that_share_a_port_for_bytes_do_not_each_take_all_of_it():
    found = made((TCP, "a.example", 5432), (TCP, "b.example", 5432))
    assert [service.ports[0].protocol for service in found] == [Protocol.ANY, Protocol.ANY]


def test_hosts_of_one_owner_are_one_document():
    found = made((HTTPS, "api.a.example", 443), (HTTPS, "up.a.example", 443), (HTTPS, "b.example", 443))
    assert {service.name: service.hosts for service in found} == {
        "a-example": ("api.a.example", "up.a.example"),
        "b-example": ("b.example",),
    }


def test_those_that_are_spoken_to_otherwise_are_not():
    found = made((HTTPS, "api.a.example", 443), (TLS, "up.a.example", 443), (TCP, "db.a.example", 5432))
    assert [service.name for service in found] == ["api-a-example", "db-a-example", "up-a-example"]


def test_addresses_on_the_same_ports_are_one():
    (service,) = made((TCP, "192.0.2.7", 5432), (TCP, "192.0.2.8", 5432))
    assert (service.name, service.hosts, service.addresses) == ("addresses-5432", ("192.0.2.7", "192.0.2.8"), True)


def test_callers_keep_hosts_apart_where_they_count():
    seen = [Seen(HTTPS, "x.a.example", 443, "prod/web"), Seen(HTTPS, "y.a.example", 443, "prod/job")]
    assert len(made(*seen)) == 1
    assert [service.callers for service in made(*seen, narrow=True)] == [{"prod/web"}, {"prod/job"}]


def test_names_that_are_taken_get_a_number():
    assert made((HTTPS, "a.example", 443), taken=("a-example", "a-example-2"))[0].name == "a-example-3"


def test_no_document_is_too_large():
    assert [len(each.hosts) for each in made(*((HTTPS, f"h{n:03}.a.example", 443) for n in range(300)))] == [256, 44]


@pytest.mark.parametrize(
    ("hosts", "wild"),
    [
        (("a.x.example", "b.x.example"), ("*.x.example",)),
        (("a.eu.x.example", "b.eu.x.example"), ("*.eu.x.example",)),
        (("a.x.example", "b.y.x.example"), ("*.x.example",)),
        (("a.x.example", "b.x.example", "x.example"), ("*.x.example", "x.example")),
        (("a.x.example", "x.example"), ("a.x.example", "x.example")),
        (("one.s3.amazonaws.com", "two.s3.amazonaws.com"), ("one.s3.amazonaws.com", "two.s3.amazonaws.com")),
        (("a.co.uk", "b.co.uk"), None),
    ],
)
def test_wildcards_only_where_they_are_asked_for_and_one_owner_is_below(hosts, wild):
    seen = [(HTTPS, host, 443) for host in hosts]
    assert all("*" not in host for service in made(*seen) for host in service.hosts)
    found = made(*seen, wildcards=2)
    assert [service.hosts for service in found] == ([wild] if wild else [(host,) for host in hosts])
    assert made(*seen, wildcards=9)[0].hosts[0] == min(hosts)


@pytest.mark.parametrize(
    ("host", "owner"), [("a.b.example", "b.example"), ("example", "example"), ("x.shop.co.uk", "shop.co.uk")]
)
def test_owners(host, owner):
    assert owner_of(host) == owner
