"""The redirect as iptables rules: options in, ordered argument lists per table and address family out.

Two chains see everything that processes here send. In `nat` the TCP connections of the workload turn to the gate, and
its questions for names where the gate answers them. In `filter` what did not turn and is not named below is refused, so
that a lost `nat` table closes instead of opening. The filter chain only refuses and returns, never accepts: rules that
follow it in OUTPUT still apply.

Nothing is exempt by packet mark, which a workload with NET_RAW can set. What bypasses OUTPUT altogether (AF_PACKET
sockets, NET_ADMIN) cannot be held here: the workload must not have those capabilities, nor the gate's uid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from outgate.netfilter.options import Family, Options

Rule = tuple[str, ...]

PREFIX = "OUTGATE_"
OUTPUT = "OUTGATE_OUTPUT"
REFUSE = "OUTGATE_REFUSE"
INPUT = "OUTGATE_INPUT"
CHANGED = 0xFC
"""The type of service by which the gate is told that a connection does not come from the port that was meant."""

LOOPBACK = {Family.IPV4: "127.0.0.1/32", Family.IPV6: "::1/128"}  # where REDIRECT sends what leaves a local process
UNREACHABLE = {Family.IPV4: "icmp-port-unreachable", Family.IPV6: "icmp6-port-unreachable"}
PROHIBITED = {Family.IPV4: "icmp-admin-prohibited", Family.IPV6: "icmp6-adm-prohibited"}
TAKEN = {Family.IPV4: "icmp-proto-unreachable", Family.IPV6: "icmp6-adm-prohibited"}
"""The gate's connection comes from what was a workload's port. No network says this of TCP, so the gate knows it."""

TRANSPORTS = ("udp", "tcp")
"""Of DNS."""

# Without these IPv6 itself stops: multicast listener reports, router and neighbour discovery.
NEIGHBOURS = ("131", "132", "133", "135", "136", "143")


@dataclass(frozen=True, slots=True)
class Table:
    """One table's share: the jump that `hook` gets as its first rule, and each own chain with its rules in order."""

    name: str
    jump: Rule
    chains: tuple[tuple[str, tuple[Rule, ...]], ...]
    hook: str = "OUTPUT"


def tables(options: Options, family: Family) -> tuple[Table, Table]:
    """Filter first: while only half of it is in place, traffic is refused and never passes unredirected."""
    return (
        Table("filter", ("-j", OUTPUT), ((OUTPUT, tuple(_judge(options, family))), (REFUSE, tuple(_refuse(family))))),
        Table("nat", _seen(options), ((OUTPUT, tuple(_turn(options, family))),)),
    )


def _seen(options: Options) -> Rule:
    """What of the workload's traffic nat looks at."""
    return ("-j", OUTPUT) if options.dns_port is not None else ("-p", "tcp", "-j", OUTPUT)


def marks(options: Options) -> Table:
    """What a connection says of itself to the gate. Two of a workload may share their port towards different places;
    turned, they would be one, so that the second gets another port, which may be the one of somebody else's."""
    arriving = ("-p", "tcp", "--dport", str(options.listen_port), *_tracked("--ctstate", "SNAT"))
    rule = (*arriving, "-j", "TOS", "--set-tos", f"{CHANGED:#04x}/0xff")
    return Table("mangle", ("-p", "tcp", "-j", INPUT), ((INPUT, (rule,)),), "INPUT")


def _turn(options: Options, family: Family) -> Iterator[Rule]:
    """nat: only the first packet of a connection comes here, so what is decided holds for its life."""
    yield from _exempt(options)
    if options.dns_port is not None:  # before what stays here: a resolver on this machine would ask others
        yield from ((*query, "-j", "REDIRECT", "--to-ports", str(options.dns_port)) for query in _queries())
    yield "-o", "lo", "-j", "RETURN"  # does not leave: loopback, and this machine's own addresses
    yield from (rule for rule in _dns(options, family) if "tcp" in rule)
    yield from _excluded(options, family)
    redirect = ("-j", "REDIRECT", "--to-ports", str(options.listen_port))
    if not options.ports:
        yield "-p", "tcp", *redirect
    for ports in options.ports:
        yield "-p", "tcp", "--dport", str(ports), *redirect


def _judge(options: Options, family: Family) -> Iterator[Rule]:
    """filter: every packet, after nat has had it."""
    listener = ("-p", "tcp", "--dport", str(options.listen_port))
    # 1. Turned to the gate. Such a packet still carries the interface it was first routed to, hence no `-o lo`. The
    # gate's own are never meant to be: where a workload has left, the kernel turns what comes from its port after it.
    turned = "-d", LOOPBACK[family], *listener, *_tracked("--ctstate", "DNAT")
    if options.uid is not None:
        yield *turned, *_owner(str(options.uid), "REJECT"), "--reject-with", TAKEN[family]
    yield *turned, "-j", "RETURN"
    for protocol in TRANSPORTS if options.dns_port is not None else ():
        answered = "-d", LOOPBACK[family], "-p", protocol, "--dport", str(options.dns_port)
        yield *answered, *_tracked("--ctstate", "DNAT"), "-j", "RETURN"
    # 2. Straight to the listener, by anybody: it has no original destination, and the gate would dial itself.
    yield "-o", "lo", *listener, *_tracked("--ctdir", "ORIGINAL"), "-j", REFUSE
    # 3. What stays here, and what the gate sends.
    yield "-o", "lo", "-j", "RETURN"
    yield from _exempt(options)
    # 4. Answers of servers in the workload to connections that came from outside.
    yield "-p", "tcp", *_tracked("--ctstate", "ESTABLISHED", "--ctdir", "REPLY"), "-j", "RETURN"
    # 5. What was asked to pass untouched.
    yield from _dns(options, family)
    yield from _excluded(options, family)
    # 6. Any other process's own packet.
    yield from (_owner(uids, REFUSE) for uids in _others(options))
    # 7. Left are packets no process owns: the kernel ending connections that the gate has closed, and discovery.
    yield "-p", "tcp", *_tracked("--ctstate", "ESTABLISHED"), "-j", "RETURN"
    if family is Family.IPV6:
        yield from (("-p", "icmpv6", "--icmpv6-type", kind, "-j", "RETURN") for kind in NEIGHBOURS)
    yield "-j", REFUSE


def _refuse(family: Family) -> Iterator[Rule]:
    """Each protocol in the way that its client understands at once."""
    yield "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"
    yield "-p", "udp", "-j", "REJECT", "--reject-with", UNREACHABLE[family]
    yield "-j", "REJECT", "--reject-with", PROHIBITED[family]


def _queries() -> Iterator[Rule]:
    for protocol in TRANSPORTS:
        yield "-p", protocol, "--dport", "53"


def _dns(options: Options, family: Family) -> Iterator[Rule]:
    for resolver in options.resolvers if options.dns_port is None else ():
        if resolver.version == family.value:
            for protocol in TRANSPORTS:
                yield "-d", str(resolver), "-p", protocol, "--dport", "53", "-j", "RETURN"


def _excluded(options: Options, family: Family) -> Iterator[Rule]:
    """Exclusions are for TCP: no other protocol leaves, wherever it goes."""
    for network in options.exclude_cidrs:
        if network.version == family.value:
            yield "-d", str(network), "-p", "tcp", "-j", "RETURN"
    for ports in options.exclude_ports:
        yield "-p", "tcp", "--dport", str(ports), "-j", "RETURN"


def _exempt(options: Options) -> Iterator[Rule]:
    if options.uid is not None:
        yield _owner(str(options.uid), "RETURN")


def _others(options: Options) -> Iterator[str]:
    """The uid ranges of this namespace with the gate's own cut out.

    `! --uid-owner` would be one rule, but it also matches packets that no process owns.
    """
    if options.uid is None:
        return (f"{first}-{last}" for first, last in options.uids)
    cuts = (((first, min(last, options.uid - 1)), (max(first, options.uid + 1), last)) for first, last in options.uids)
    return (f"{first}-{last}" for first, last in chain.from_iterable(cuts) if first <= last)


def _owner(uids: str, target: str) -> Rule:
    return "-m", "owner", "--uid-owner", uids, "-j", target


def _tracked(*what: str) -> Rule:
    return "-m", "conntrack", *what
