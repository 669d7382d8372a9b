"""What may be asked of the redirect, and what is refused because it would exempt too much or nothing."""

import re
from ipaddress import ip_network

import pytest

from outgate.netfilter.options import Options, Ports, parse_cidrs, parse_ports


def test_ports_are_numbers_and_ranges_with_both_ends():
    assert parse_ports("80, 443,8000-8100") == (Ports(80, 80), Ports(443, 443), Ports(8000, 8100))
    assert [str(ports) for ports in parse_ports("80,8000:8100")] == ["80", "8000:8100"]
    assert 8100 in Ports(8000, 8100)
    assert 8101 not in Ports(8000, 8100)


@pytest.mark.parametrize(
    "text", ["http", "0", "65536", "90-80", "-80", "80--", "all", "8_0", "\u0668\u0660", "+80", "80:"]
)
def test_a_port_that_is_none_is_named_in_the_error(text):
    with pytest.raises(ValueError, match=re.escape(f"port '{text}'")):
        parse_ports(text)


def test_ranges_are_networks_of_either_family():
    assert parse_cidrs("10.0.0.0/8, fd00::/8") == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
def test_a_range_that_exempts_everything_is_refused(text):
    with pytest.raises(ValueError, match="exempt every address"):
        parse_cidrs(text)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "example.com", "10.0.0.0/33"])
def test_a_range_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"such as 10\.0\.0\.0/8"):
        parse_cidrs(text)


def test_root_cannot_be_the_exempt_user():
    with pytest.raises(ValueError, match="uid 0 would exempt every process that runs as root"):
        Options(uid=0)


def test_the_exempt_user_exists_in_this_user_namespace():
    with pytest.raises(ValueError, match="uid 1337 does not exist"):
        Options(uids=((0, 999),))
    assert Options(uids=((0, 999), (1337, 1337))).uid == 1337


def test_what_is_redirected_is_what_is_asked_for_less_the_exclusions():
    everything, some = Options(exclude_ports=parse_ports("22")), Options(ports=parse_ports("80,8000-8100"))
    assert everything.redirects(9)
    assert not everything.redirects(22)
    assert some.redirects(8050)
    assert not some.redirects(443)
