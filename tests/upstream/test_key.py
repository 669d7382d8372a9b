"""What tells two connections apart counts, whether their keys have one hash or two."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from outgate.policy.addresses import Permit
from outgate.policy.model import Endpoint, NameKind, Resolution, SubjectName
from outgate.upstream.key import Key

ONE, TWO = Endpoint("192.0.2.1", 443), Endpoint("192.0.2.2", 443)
KEY = Key("d", "api.example", 443, "", "api.example", (SubjectName(NameKind.DNS, "api.example"),), (), "id", "g")
OTHERS = {
    "destination": "e",
    "host": "other.example",
    "port": 444,
    "address": "192.0.2.9",
    "sni": "other.example",
    "names": (),
    "pins": ("pin",),
    "identity": "other",
    "generation": "h",
    "endpoints": (ONE,),
    "resolution": Resolution.STATIC,
    "permit": Permit((ip_network("192.0.2.0/24"),)),
    "via": ("hop",),
    "preface": b"PROXY",
}


def test_every_part_stands_here():
    assert set(OTHERS) == set(Key._fields)


@pytest.mark.parametrize("part", sorted(OTHERS))
def test_keys_that_differ_in_one_part_are_two(part):
    other = KEY._replace(**{part: OTHERS[part]})
    assert other != KEY
    assert len({KEY, other}) == 2


def test_equal_keys_are_found_under_each_other():
    again = KEY._replace(endpoints=(replace(ONE),), permit=Permit((ip_network("192.0.2.0/24"),)))
    assert {KEY._replace(endpoints=(ONE,), permit=again.permit): 1}[again] == 1


def test_two_places_of_one_host_have_two_hashes():
    """There may be many of them, and each has its own list of idle connections."""
    assert hash(KEY._replace(endpoints=(ONE,))) != hash(KEY._replace(endpoints=(TWO,)))
