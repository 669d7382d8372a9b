"""What is read off the machine, from its files and from the rules that are there already."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from outgate.netfilter import surroundings
from outgate.netfilter.backend import installed
from outgate.netfilter.options import LAST_UID, Family


def test_resolvers_are_read_in_order_and_other_lines_left_out(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("# nameserver 9.9.9.9\nsearch svc\nnameserver 10.96.0.10\nnameserver fe80::1%eth0\nnameserver x\n")
    assert surroundings.resolvers(path) == (ip_address("10.96.0.10"), ip_address("fe80::1"))
    assert surroundings.resolvers(tmp_path / "missing") == ()


def test_a_user_namespace_has_the_uids_of_its_map(tmp_path):
    path = tmp_path / "uid_map"
    path.write_text("         0     100000      65536\n     70000       1000          1\n")
    assert surroundings.uids(path) == ((0, 65535), (70000, 70000))
    path.write_text("         0          0 4294967295\n")
    assert surroundings.uids(path) == ((0, LAST_UID),)


@pytest.mark.parametrize("text", ["0 1\n", "0 1 0\n", "0 1 x\n", "9999999999 1 1\n", "\n", "0 1 \u0661\n"])
def test_a_map_that_does_not_say_which_uids_there_are_is_an_error(tmp_path, text):
    path = tmp_path / "uid_map"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OSError, match="does not say which uids there are"):
        surroundings.uids(path)


def test_chains_and_tables_are_read_from_listings_as_far_as_they_go():
    assert surroundings.chains(["-P INPUT ACCEPT", "-N ISTIO_OUTPUT", "-N ", "-NX Y", ""]) == ["ISTIO_OUTPUT"]
    assert surroundings.tables(["table ip nat", "", "table inet istio-proxy"]) == ["nat", "istio-proxy"]


def test_ipv6_counts_from_its_first_address_beside_loopback(tmp_path):
    path = tmp_path / "if_inet6"
    path.write_text("00000000000000000000000000000001 01 80 10 80       lo\n")
    assert not surroundings.has_ipv6(path)
    with path.open("a") as file:
        file.write("fe80000000000000f03c91fffe24b9a0 02 40 20 80     eth0\n")
    assert surroundings.has_ipv6(path)
    path.write_bytes(b"\n\xff lo\n")
    assert not surroundings.has_ipv6(path)
    assert not surroundings.has_ipv6(tmp_path / "missing")


@pytest.mark.netns
def test_chains_of_meshes_are_found_in_both_rule_sets_and_own_ones_are_not_foreign(traffic, kind):
    traffic.install(kind)
    traffic.iptables(Family.IPV4, kind, "-t", "nat", "-N", "DOCKER_OUTPUT")
    with traffic.inside():
        programs = [each for family in Family for each in installed(family)]
        assert surroundings.foreign(programs) == []
    for chain in ("OSM_PROXY_OUTBOUND", "CONSUL_PROXY_OUTPUT"):
        traffic.iptables(Family.IPV6, kind, "-t", "nat", "-N", chain)
    with traffic.inside():
        assert surroundings.foreign(programs) == ["CONSUL_PROXY_OUTPUT (Consul)", "OSM_PROXY_OUTBOUND (OSM)"]


@pytest.mark.netns
def test_a_mesh_that_uses_nftables_itself_is_found(traffic):
    made = traffic.lab.run_in(traffic.lab.pod, ["nft", "add table inet istio-proxy-nat"])
    assert made.returncode == 0, made.stderr
    with traffic.inside():
        assert surroundings.foreign([]) == ["istio-proxy-nat (Istio)"]
