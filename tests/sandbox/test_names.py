"""Addresses that mean a name and nothing else."""

from ipaddress import ip_network

import pytest

from outgate.sandbox.names import Names


def test_a_name_keeps_its_addresses_and_they_lead_back_to_it():
    names = Names(["a.test"])
    first, second = names.addresses("a.test"), names.addresses("b.test")
    assert first == names.addresses("a.test")
    assert not set(first) & set(second)
    assert [names.host(str(ip)) for ip in (*first, *second)] == ["a.test", "a.test", "b.test", "b.test"]
    assert first[0] in ip_network("198.18.0.0/15")
    assert first[1] in ip_network("2001:2::/48")


@pytest.mark.parametrize("address", ["", "8.8.8.8", "198.18.0.1", "::1", "2001:2::1", "nonsense"])
def test_no_other_address_is_a_name(address):
    assert Names(["a.test"]).host(address) == ""


def test_names_that_last_are_not_forgotten_however_many_come():
    names = Names(["a.test"], most=3)
    lasting = names.addresses("a.test")
    given = {names.addresses(f"{number}.wild.test")[0] for number in range(10)}
    assert len(given) == 3
    assert names.addresses("a.test") == lasting
    assert lasting[0] not in given
    assert names.host(str(names.addresses("9.wild.test")[0])) == "9.wild.test"
