"""The rules at work, on real traffic."""

from __future__ import annotations

import errno
import socket
import struct
import threading
from ipaddress import ip_address, ip_network

import pytest

from netfilter.traffic import GATE, HERE, OUT, OWN, WORKLOAD, Traffic
from outgate.netfilter import backend, installation
from outgate.netfilter.backend import Kind, Unable
from outgate.netfilter.options import Family, Options, parse_ports
from outgate.proxy.peer import TCP_SAVE_SYN, _is_changed

pytestmark = pytest.mark.netns


@pytest.mark.parametrize("uid", [WORKLOAD, 0])
@pytest.mark.parametrize("port", [80, 5432])
def test_a_workload_reaches_the_gate_wherever_it_connects(traffic, kind, family, port, uid):
    traffic.install(kind)
    gate = traffic.gate(family)
    traffic.connect(family, OUT[family], port, uid)
    assert traffic.destination(gate, family) == (OUT[family], port)
    assert traffic.seen(family) == 0


def test_the_gate_goes_where_it_connects(traffic, kind, family):
    origin = traffic.listen(traffic.lab.world, family, 443)
    traffic.install(kind)
    opened = traffic.connect(family, OUT[family], 443, GATE)
    opened.sendall(b"hello")
    assert traffic.accept(origin).recv(5) == b"hello"


def test_what_the_gate_sent_arrives_although_it_has_closed(traffic, kind, family):
    """Packets of a closed connection belong to no process, so no uid exempts them."""
    origin = traffic.listen(traffic.lab.world, family, 443)
    traffic.install(kind)
    opened = traffic.connect(family, OUT[family], 443, GATE)
    accepted = traffic.accept(origin)
    opened.setblocking(False)
    sent = _fill(opened)
    opened.close()
    assert len(_read_all(accepted)) == sent
    assert sent > 100_000


@pytest.mark.parametrize("where", [HERE, OWN], ids=["loopback", "own-address"])
def test_traffic_that_does_not_leave_is_left_alone(traffic, kind, family, where):
    traffic.install(kind)
    server = traffic.listen(traffic.lab.pod, family, 8080, uid=WORKLOAD)
    traffic.connect(family, where[family], 8080).sendall(b"hello")
    assert traffic.accept(server).recv(5) == b"hello"
    receiver = traffic.socket(family, WORKLOAD, socket.SOCK_DGRAM)
    receiver.bind((where[family], 0))
    traffic.send(family, where[family], receiver.getsockname()[1])
    assert receiver.recv(20) == b"datagram"


@pytest.mark.parametrize("where", [HERE, OWN], ids=["loopback", "own-address"])
@pytest.mark.parametrize("uid", [WORKLOAD, GATE])
def test_nobody_connects_straight_to_the_listener(traffic, kind, family, where, uid):
    traffic.install(kind)
    traffic.gate(family)
    with pytest.raises(ConnectionRefusedError):
        traffic.connect(family, where[family], 15001, uid)


@pytest.mark.parametrize("uid", [WORKLOAD, 0])
def test_udp_does_not_leave(traffic, kind, family, uid):
    traffic.install(kind)
    with pytest.raises(PermissionError):
        traffic.send(family, OUT[family], 443, uid)
    assert traffic.seen(family) == 0


def test_udp_leaves_without_the_rules_and_for_the_gate(traffic, family):
    traffic.send(family, OUT[family], 443)
    traffic.install()
    traffic.send(family, OUT[family], 443, GATE)
    assert traffic.seen(family, 443) == 2


@pytest.mark.parametrize("protocol", ["icmp", "sctp", "unassigned"])
def test_no_other_protocol_leaves(traffic, kind, family, protocol):
    """From root, which may make such sockets."""
    icmp = {Family.IPV4: socket.IPPROTO_ICMP, Family.IPV6: socket.IPPROTO_ICMPV6}[family]
    number = {"icmp": icmp, "sctp": 132, "unassigned": 253}[protocol]
    echo_request = struct.pack(
        "!BBHHH", {Family.IPV4: 8, Family.IPV6: 128}[family], 0, 0xF7FF if number == 1 else 0, 0, 0
    )
    traffic.install(kind)
    sender = traffic.socket(family, 0, socket.SOCK_RAW, number)
    with pytest.raises(PermissionError):
        sender.sendto(echo_request, (OUT[family], 0))
    assert traffic.seen(family) == 0


def test_neighbour_discovery_under_a_workload_uid_does_not_leave(traffic, kind):
    traffic.install(kind)
    sender = traffic.socket(Family.IPV6, 0, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with pytest.raises(PermissionError):
        sender.sendto(struct.pack("!BBHI16s", 135, 0, 0, 0, b"sixteen bytes out"[:16]), (OUT[Family.IPV6], 0))


def test_a_packet_mark_exempts_nothing(traffic, kind, family):
    traffic.install(kind)
    gate = traffic.gate(family)
    for mark in (1, 1337, 0x7FFFFFFF):
        marked = traffic.socket(family, 0)
        marked.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        marked.connect((OUT[family], 443))
        assert traffic.destination(gate, family) == (OUT[family], 443)
    assert traffic.seen(family) == 0


def test_ipv4_in_an_ipv6_socket_is_ipv4(traffic, kind):
    traffic.install(kind)
    gate = traffic.gate(Family.IPV4)
    traffic.connect(Family.IPV6, f"::ffff:{OUT[Family.IPV4]}", 443)
    assert traffic.destination(gate, Family.IPV4) == (OUT[Family.IPV4], 443)


def test_multipath_tcp_whose_packets_no_process_owns_does_not_leave(traffic, kind, family):
    traffic.install(kind)
    try:
        redirected, refused = (traffic.socket(family, WORKLOAD, proto=socket.IPPROTO_MPTCP) for _ in range(2))
    except OSError:
        pytest.skip("this kernel has no multipath TCP")
    gate = traffic.gate(family)
    redirected.connect((OUT[family], 443))
    assert traffic.destination(gate, family) == (OUT[family], 443)
    traffic.iptables(family, kind, "-t", "nat", "-F", "OUTPUT")
    with pytest.raises(ConnectionRefusedError):
        refused.connect((OUT[family], 443))
    assert traffic.seen(family) == 0


def test_dns_leaves_for_the_named_resolver_only(traffic, kind, family):
    traffic.install(kind, resolvers=(ip_address(OUT[family]),))
    traffic.send(family, OUT[family], 53)
    assert traffic.seen(family, 53) == 1
    with pytest.raises(PermissionError):
        traffic.send(family, OUT[family], 5353)
    with pytest.raises(PermissionError):
        traffic.send(family, {Family.IPV4: "93.184.216.53", Family.IPV6: "2606:2800:220:1::53"}[family], 53)
    resolver = traffic.listen(traffic.lab.world, family, 53)
    traffic.connect(family, OUT[family], 53)
    traffic.accept(resolver)


def test_a_server_in_the_workload_answers_the_world(traffic, kind, family):
    traffic.install(kind)
    server = traffic.listen(traffic.lab.pod, family, 8080, uid=WORKLOAD)
    with traffic.lab.enter(traffic.lab.world):
        client = traffic.sockets.enter_context(socket.create_connection((OWN[family], 8080), timeout=2))
    answering = traffic.accept(server)
    client.sendall(b"question")
    assert answering.recv(20) == b"question"
    answering.sendall(b"answer")
    assert client.recv(20) == b"answer"


@pytest.mark.parametrize("lost", ["-F OUTGATE_OUTPUT", "-F OUTPUT"])
def test_nothing_passes_when_the_nat_rules_are_lost(traffic, kind, family, lost):
    traffic.install(kind)
    traffic.iptables(family, kind, "-t", "nat", *lost.split())
    with pytest.raises(ConnectionRefusedError):
        traffic.connect(family, OUT[family], 443)
    assert traffic.seen(family) == 0


def test_nothing_passes_when_nobody_listens(traffic, kind, family):
    traffic.install(kind)
    with pytest.raises(ConnectionRefusedError):
        traffic.connect(family, OUT[family], 443)
    assert traffic.seen(family) == 0


def test_a_connection_from_before_the_rules_is_cut(traffic, kind, family):
    origin = traffic.listen(traffic.lab.world, family, 443)
    early = traffic.connect(family, OUT[family], 443)
    accepted = traffic.accept(origin)
    traffic.install(kind)
    with pytest.raises(OSError, match=r"reset|Broken pipe|timed out"):
        _push(early)
    accepted.setblocking(False)
    with pytest.raises(BlockingIOError):
        accepted.recv(1)


def test_excluded_ports_and_ranges_pass_untouched_as_tcp_only(traffic, kind, family):
    networks = (ip_network(f"{OUT[family]}/{ip_address(OUT[family]).max_prefixlen}"),)
    by_port = traffic.listen(traffic.lab.world, family, 5432)
    traffic.install(kind, exclude_ports=parse_ports("5000-6000"))
    traffic.connect(family, OUT[family], 5432)
    traffic.accept(by_port)
    by_range = traffic.listen(traffic.lab.world, family, 80)
    traffic.install(kind, exclude_cidrs=networks)
    traffic.connect(family, OUT[family], 80)
    traffic.accept(by_range)
    with pytest.raises(PermissionError):
        traffic.send(family, OUT[family], 80)


def test_ports_that_are_not_redirected_are_refused(traffic, kind, family):
    traffic.install(kind, ports=parse_ports("80,443"))
    gate = traffic.gate(family)
    traffic.connect(family, OUT[family], 443)
    assert traffic.destination(gate, family) == (OUT[family], 443)
    with pytest.raises(ConnectionRefusedError):
        traffic.connect(family, OUT[family], 8080)
    assert traffic.seen(family) == 0


def test_a_second_installation_changes_nothing_and_cuts_nothing(traffic, kind, family):
    assert [change.changed for change in traffic.install(kind)] == [True, True]
    gate, rules = traffic.gate(family), traffic.rules()
    client = traffic.connect(family, OUT[family], 443)
    served = traffic.accept(gate)
    assert [change.changed for change in traffic.install()] == [False, False]
    assert traffic.rules() == rules
    client.sendall(b"still here")
    assert served.recv(20) == b"still here"


def test_installing_over_and_over_lets_nothing_through(traffic, kind):
    """A workload that never stops connecting, while the rules are built again and again with other options."""
    traffic.listen(traffic.lab.world, Family.IPV4, 443)
    traffic.gate(Family.IPV4)
    traffic.install(kind)
    ended, tried = threading.Event(), [0]
    hammer = threading.Thread(target=_hammer, args=(traffic, ended, tried))
    hammer.start()
    try:
        for turn in range(20):
            traffic.install(kind, exclude_ports=parse_ports("22") if turn % 2 else ())
    finally:
        ended.set()
        hammer.join(10)
    assert tried[0] > 20
    assert traffic.seen(Family.IPV4) == 0


def test_rules_that_were_put_before_ours_or_doubled_are_mended(traffic, kind, family):
    traffic.install(kind)
    rules = traffic.rules()
    traffic.iptables(family, kind, "-t", "nat", "-I", "OUTPUT", "-p", "tcp", "-j", "OUTGATE_OUTPUT")
    traffic.iptables(family, kind, "-t", "filter", "-I", "OUTPUT", "-j", "ACCEPT")
    traffic.iptables(family, kind, "-t", "filter", "-F", "OUTGATE_REFUSE")
    assert any(change.changed for change in traffic.install())
    with pytest.raises(PermissionError):
        traffic.send(family, OUT[family], 443)
    traffic.iptables(family, kind, "-t", "filter", "-D", "OUTPUT", "-j", "ACCEPT")
    assert traffic.rules() == rules


def test_rules_of_others_stay_and_still_apply(traffic, kind):
    traffic.iptables(Family.IPV4, kind, "-A", "OUTPUT", "-p", "tcp", "--dport", "6666", "-j", "DROP")
    before = traffic.rules()
    traffic.install(kind, exclude_ports=parse_ports("6666"), ipv6=False)
    traffic.listen(traffic.lab.world, Family.IPV4, 6666)
    with pytest.raises(TimeoutError):
        traffic.connect(Family.IPV4, OUT[Family.IPV4], 6666)
    traffic.remove()
    assert traffic.rules() == before


def test_removal_takes_all_away_and_may_be_repeated(traffic, kind, family):
    traffic.iptables(family, kind, "-t", "nat", "-S")
    traffic.install(kind)
    assert {change.backend.kind for change in traffic.remove()} == {kind}
    assert "OUTGATE" not in traffic.rules()
    assert traffic.remove() == []
    origin = traffic.listen(traffic.lab.world, family, 443)
    traffic.connect(family, OUT[family], 443)
    traffic.accept(origin)


def test_the_other_rule_set_is_not_used_beside_rules_that_are_in_place(traffic, kind):
    traffic.install(kind)
    rules = traffic.rules()
    other = next(each for each in Kind if each is not kind)
    with pytest.raises(Unable, match=rf"in place through iptables-{kind}; run `outgate iptables remove` first"):
        traffic.install(other)
    assert traffic.rules() == rules


@pytest.mark.parametrize(
    ("chain", "mesh"), [("ISTIO_OUTPUT", "Istio"), ("PROXY_INIT_OUTPUT", "Linkerd"), ("KUMA_MESH_OUTBOUND", "Kuma")]
)
def test_a_mesh_that_redirects_already_is_named_and_nothing_is_changed(traffic, kind, family, chain, mesh):
    traffic.iptables(family, kind, "-t", "nat", "-N", chain)
    rules = traffic.rules()
    with pytest.raises(Unable, match=rf"{chain} \({mesh}.*take this workload out of that mesh first"):
        traffic.install()
    assert traffic.rules() == rules


def test_ipv6_that_cannot_be_guarded_stops_the_installation_unless_that_is_accepted(traffic, kind, only_ipv4):
    with pytest.raises(Unable, match=r"no.*ip6tables here.*IPv6 addresses, which would stay open.*--no-ipv6"):
        traffic.install(kind)
    with pytest.raises(ConnectionRefusedError):  # nobody listens out there: it left
        traffic.connect(Family.IPV4, OUT[Family.IPV4], 443)
    assert traffic.seen(Family.IPV4, 443) == 1
    assert "OUTGATE" not in traffic.rules()
    assert [change.backend.family for change in traffic.install(kind, ipv6=False)] == [Family.IPV4]


def test_ipv6_is_left_out_where_there_is_none(traffic, kind, only_ipv4):
    for command in ("link set lo down", "addr flush dev eth0 scope global", "addr flush dev eth0"):
        traffic.lab.run_in(traffic.lab.pod, ["ip", "-6", *command.split()])
    assert [change.backend.family for change in traffic.install(kind)] == [Family.IPV4]


def test_ipv6_is_not_left_out_because_its_rules_are_refused(traffic, kind):
    for command in ("link set lo down", "addr flush dev eth0 scope global", "addr flush dev eth0"):
        traffic.lab.run_in(traffic.lab.pod, ["ip", "-6", *command.split()])
    with pytest.raises(Unable, match=r"ip6tables.*-restore.* failed.*leave IPv6 out by --no-ipv6"):
        traffic.install(kind, resolvers=(ip_address("fe80::1%elsewhere"),))
    assert "OUTGATE" not in traffic.rules()


def test_a_kernel_that_refuses_the_rules_is_quoted_and_leaves_nothing(traffic, kind):
    traffic.iptables(Family.IPV4, kind, "-t", "nat", "-S")
    with pytest.raises(Unable, match=r"iptables.*-restore.* failed with exit code"):
        traffic.install(kind, ipv6=False, uids=((0, 1337), (2000, 2**32 + 5)))
    assert "OUTGATE" not in traffic.rules()


def test_the_preview_is_what_a_shell_can_run(traffic, kind):
    preview = installation.preview(Options(resolvers=(ip_address("10.96.0.10"),)))
    script = preview.replace("iptables-restore", f"iptables-{kind}-restore").replace(
        "ip6tables-restore", f"ip6tables-{kind}-restore"
    )
    done = traffic.lab.run_in(traffic.lab.pod, ["sh", "-e"], input=script)
    assert done.returncode == 0, done.stderr
    changes = traffic.install(resolvers=(ip_address("10.96.0.10"),))
    assert [(change.backend.kind, change.changed) for change in changes] == [(kind, False)] * 2


@pytest.fixture
def only_ipv4(monkeypatch, tmp_path, kind):
    """A machine with the IPv4 programs alone."""
    for name in (f"iptables-{kind}", f"iptables-{kind}-restore"):
        program = backend.shutil.which(name, path=backend.SEARCH)
        (tmp_path / name).symlink_to(program)
    monkeypatch.setattr(backend, "SEARCH", str(tmp_path))


def _fill(sender: socket.socket) -> int:
    """Write until nothing more is taken, and say how much that was."""
    sent = 0
    try:
        while True:
            sent += sender.send(b"x" * 65536)
    except BlockingIOError:
        return sent


def _read_all(receiver: socket.socket) -> bytes:
    return b"".join(iter(lambda: receiver.recv(65536), b""))


def _push(sender: socket.socket) -> None:
    """Write and wait for the answer to it, until the connection is found broken."""
    for _ in range(3):
        sender.sendall(b"late")
        if sender.recv(1) == b"":
            raise ConnectionResetError(errno.ECONNRESET, "reset")


def _hammer(traffic: Traffic, ended: threading.Event, tried: list[int]) -> None:
    with traffic.lab.enter(traffic.lab.pod):
        while not ended.is_set():
            with socket.socket() as attempt:
                attempt.settimeout(1)
                tried[0] += 1
                attempt.connect_ex((OUT[Family.IPV4], 443))


def test_a_connection_whose_port_was_changed_says_so(traffic, kind, family):
    """The second of one port; turned, both come to the same."""
    traffic.install(kind)
    listener = traffic.gate(family)
    listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    services = []
    for port in (80, 443):
        made = traffic.socket(family, WORKLOAD)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((OWN[family], 40000))
        made.connect((OUT[family], port))
        accepted = traffic.accept(listener)
        assert (accepted.getpeername()[1] == 40000) == (port == 80)
        services.append(_is_changed(accepted))
    assert services == [False, True]
    traffic.remove()
    with traffic.inside():
        assert not any("OUTGATE" in line for found in backend.installed(family) for line in found.listing("mangle"))
