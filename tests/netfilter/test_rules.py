"""The rules as data: what stands in them, in which order, and what never does."""

from ipaddress import ip_address, ip_network

import pytest

from outgate.netfilter.options import Family, Options, parse_ports
from outgate.netfilter.rules import OUTPUT, REFUSE, tables

FULL = Options(
    exclude_ports=parse_ports("22,9000-9010"),
    exclude_cidrs=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
    resolvers=(ip_address("10.96.0.10"), ip_address("fd00::a")),
)


def lines(options: Options, family: Family, table: str, chain: str = OUTPUT) -> list[str]:
    found = next(each for each in tables(options, family) if each.name == table)
    return [" ".join(rule) for rule in dict(found.chains)[chain]]


@pytest.mark.parametrize("family", Family)
def test_filter_comes_before_nat_and_both_are_hooked_first(family):
    filter_table, nat = tables(FULL, family)
    assert (filter_table.name, nat.name) == ("filter", "nat")
    assert filter_table.jump == ("-j", OUTPUT)  # every protocol
    assert nat.jump == ("-p", "tcp", "-j", OUTPUT)


@pytest.mark.parametrize("family", Family)
def test_the_last_word_is_redirect_in_nat_and_refusal_in_filter(family):
    assert lines(FULL, family, "nat")[-1] == "-p tcp -j REDIRECT --to-ports 15001"
    assert lines(FULL, family, "filter")[-1] == f"-j {REFUSE}"


@pytest.mark.parametrize("family", Family)
def test_filter_accepts_nothing_so_that_rules_after_it_still_apply(family):
    assert not [rule for rule in lines(FULL, family, "filter") if "ACCEPT" in rule]


@pytest.mark.parametrize("family", Family)
def test_no_mark_exempts_anything(family):
    every = [rule for table in tables(FULL, family) for _, rules in table.chains for rule in rules]
    assert not [rule for rule in every if any("mark" in word.lower() for word in rule)]


@pytest.mark.parametrize("family", Family)
def test_each_family_gets_its_own_addresses_only(family):
    text = "\n".join(lines(FULL, family, "nat") + lines(FULL, family, "filter"))
    other = {Family.IPV4: "fd00::", Family.IPV6: "10."}[family]
    own = {Family.IPV4: ("10.0.0.0/8", "10.96.0.10"), Family.IPV6: ("fd00::/8", "fd00::a")}[family]
    assert all(address in text for address in own)
    assert other not in text


def test_only_named_ports_are_redirected_and_nothing_else_is_let_through():
    options = Options(ports=parse_ports("80,8000-8100"))
    redirects = [rule for rule in lines(options, Family.IPV4, "nat") if "REDIRECT" in rule]
    assert redirects == [
        "-p tcp --dport 80 -j REDIRECT --to-ports 15001",
        "-p tcp --dport 8000:8100 -j REDIRECT --to-ports 15001",
    ]
    assert lines(options, Family.IPV4, "filter") == lines(Options(), Family.IPV4, "filter")


def test_dns_passes_by_udp_and_tcp_to_the_named_resolvers_only():
    passing = [rule for rule in lines(FULL, Family.IPV4, "filter") if "--dport 53" in rule]
    assert passing == [f"-d 10.96.0.10 -p {protocol} --dport 53 -j RETURN" for protocol in ("udp", "tcp")]
    assert "-d 10.96.0.10 -p tcp --dport 53 -j RETURN" in lines(FULL, Family.IPV4, "nat")
    assert not [rule for rule in lines(Options(), Family.IPV4, "filter") if "53" in rule]


@pytest.mark.parametrize(
    ("uids", "expected"),
    [
        (((0, 2**32 - 2),), ["0-1336", "1338-4294967294"]),
        (((0, 65535),), ["0-1336", "1338-65535"]),
        (((1337, 1337), (0, 0)), ["0-0"]),
        (((0, 1337),), ["0-1336"]),
        (((5000, 6000), (1000, 2000)), ["5000-6000", "1000-1336", "1338-2000"]),
    ],
)
def test_everybody_but_the_gate_is_refused_in_whatever_uids_there_are(uids, expected):
    refused = [rule for rule in lines(Options(uids=uids), Family.IPV4, "filter") if "owner" in rule and REFUSE in rule]
    assert [rule.split()[3] for rule in refused] == expected


def test_discovery_passes_for_the_kernel_alone_and_only_in_ipv6():
    rules = lines(Options(), Family.IPV6, "filter")
    discovery = [number for number, rule in enumerate(rules) if "icmpv6" in rule]
    owners = [number for number, rule in enumerate(rules) if "owner" in rule]
    assert discovery
    assert min(discovery) > max(owners)
    assert not [rule for rule in lines(Options(), Family.IPV4, "filter") if "-p icmp" in rule]


@pytest.mark.parametrize("family", Family)
def test_a_gate_in_another_namespace_exempts_nobody(family):
    alone = Options(uid=None, uids=((0, 0),))
    assert not any("--uid-owner" in line for line in lines(alone, family, "nat"))
    owned = [line for line in lines(alone, family, "filter") if "--uid-owner" in line]
    assert owned == [f"-m owner --uid-owner 0-0 -j {REFUSE}"]


@pytest.mark.parametrize("family", Family)
def test_the_gates_own_are_refused_before_what_was_turned_to_it_passes(family):
    refused, passing = [rule for rule in lines(Options(), family, "filter") if "--ctstate DNAT" in rule]
    assert "--uid-owner 1337 -j REJECT" in refused
    assert passing.endswith("-j RETURN")
