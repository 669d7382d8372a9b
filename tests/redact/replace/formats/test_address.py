"""Addresses become those of tests and books."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import address
from redact.replace.making import SEEDS, faked


@given(st.ip_addresses(), SEEDS)
def test_it_is_of_the_same_version(given_, seed):
    made = ip_address(faked(address, str(given_), seed))
    assert made in ip_network("198.18.0.0/15" if given_.version == 4 else "2001:db8::/32")


def test_one_value_however_it_is_written():
    assert address.read("2001:DB8:0::1") == address.read("2001:db8::1")


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.4/8", "a::b::c"])
def test_what_is_none_is_not_read(text):
    assert address.read(text) is None
