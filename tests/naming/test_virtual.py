"""Addresses that stand for names."""

from hypothesis import given
from hypothesis import strategies as st

from outgate.naming import virtual
from outgate.naming.virtual import POOL_4, POOL_6, Virtual
from policy.building import destination

HOSTS = st.lists(st.from_regex(r"[a-z]{1,6}\.example", fullmatch=True), min_size=1, max_size=20, unique=True)


@given(HOSTS)
def test_each_host_has_addresses_of_its_own_whatever_the_order(hosts):
    made = Virtual.of([destination(*hosts)])
    assert made == Virtual.of([destination(host) for host in reversed(hosts)])
    assert len(made.by_address) == 2 * len(hosts)
    for host, (four, six) in made.by_host.items():
        assert four in POOL_4
        assert six in POOL_6
        assert made.by_address[four] == made.by_address[six] == host


@given(HOSTS, HOSTS)
def test_other_hosts_move_nobody(some, others):
    alone, together = Virtual.of([destination(*some)]), Virtual.of([destination(*some, *others)])
    assert all(together.by_host[host] == addresses for host, addresses in alone.by_host.items())


def test_wildcards_and_addresses_have_none():
    assert Virtual.of([destination("*.example.com", "192.0.2.1", "*")]).by_host == {}


def test_two_that_draw_the_same_do_not_share(monkeypatch):
    monkeypatch.setattr(virtual, "POOL_4", virtual.IPv4Network("240.0.0.0/29"))
    made = Virtual.of([destination(*(f"{letter}.example" for letter in "abcdef"))])
    assert len({four for four, _ in made.by_host.values()}) == 6
