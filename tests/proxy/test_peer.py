"""The uid behind a connection, told by the kernel."""

import contextlib
import os
import socket
import struct

import pytest

from acting import acting_as
from outgate.proxy.peer import CHANGED, HEADER, OWNER_AT, TCP_SAVE_SYN, Owner, caller_uid, is_here, peer_uid, read

WORKLOAD, OTHER = 1000, 1001
HOSTS = ("127.0.0.1", "::1")


@pytest.fixture
def listen():
    with contextlib.ExitStack() as stack:

        def make(host):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return stack.enter_context(socket.create_server((host, 0), family=family))

        yield make


@pytest.fixture
def dial():
    with contextlib.ExitStack() as stack:

        def make(listener, uid=None):
            with acting_as(uid) if uid is not None else contextlib.nullcontext():
                made = stack.enter_context(socket.socket(listener.family))
                made.connect(listener.getsockname()[:2])
            ports.append(end(made)[1])
            return made, stack.enter_context(listener.accept()[0])

        ports = make.ports = []
        yield make


def end(sock):
    return sock.getsockname()[:2]


def left(client, accepted):
    """Wait until the kernel has told our side that the other has gone."""
    client.close()
    accepted.settimeout(5)
    with contextlib.suppress(ConnectionResetError):
        assert accepted.recv(1) == b""


@pytest.mark.parametrize("host", HOSTS)
def test_the_uid_of_a_local_socket_is_found(listen, dial, host):
    client, accepted = dial(listen(host))
    assert peer_uid(end(client), client.getpeername()[:2]) == os.getuid()
    assert caller_uid(accepted, end(client), end(accepted)) == os.getuid()


@pytest.mark.parametrize("host", HOSTS)
def test_who_listens_at_a_port_is_not_taken_for_who_connects_from_it(listen, host):
    """The kernel names a listener where there is no connection, and a redirect may have chosen its port."""
    listening = end(listen(host))
    assert peer_uid(listening, (host, 1)) is None


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("service", [0, 0xB8, 0xFC])
def test_where_the_port_was_changed_the_socket_that_has_it_is_not_believed(listen, dial, host, service):
    """The rules say it by a type of service, which here the client says itself: that it may, for it is told less then.
    Two users call the same place."""
    listening = listen(host)
    listening.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    dial(listening, OTHER)
    with acting_as(WORKLOAD), socket.socket(listening.family) as made:
        made.setsockopt(*((socket.IPPROTO_IPV6, 67) if ":" in host else (socket.IPPROTO_IP, socket.IP_TOS)), service)
        made.connect(end(listening))
        with listening.accept()[0] as accepted:
            told = caller_uid(accepted, end(made), end(accepted))
    assert told == (None if service == CHANGED else WORKLOAD)


def test_where_it_is_not_kept_whether_it_was_changed_nobody_is_believed_alone(listen, dial):
    """As in a flood of first segments, of which the kernel keeps none. What was kept is given out once only."""
    listening = listen("127.0.0.1")
    listening.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    client, accepted = dial(listening, WORKLOAD)
    places = end(client), end(accepted)
    dial(listening, OTHER)
    assert caller_uid(accepted, *places) == WORKLOAD
    assert caller_uid(accepted, *places) is None


def test_ipv4_spoken_by_a_socket_of_ipv6_is_found_too():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        port = client.getsockname()[1]
        assert peer_uid(("127.0.0.1", port), listener.getsockname()) == os.getuid()


def test_a_socket_that_is_not_here_has_no_uid():
    assert peer_uid(("192.0.2.1", 1), ("192.0.2.2", 2)) is None


def test_an_address_that_is_none_has_no_uid():
    assert peer_uid(("nonsense", 1), ("127.0.0.1", 2)) is None


@pytest.mark.parametrize("host", HOSTS)
def test_who_has_left_is_nobody_and_not_root(listen, dial, host):
    """The kernel gives uid 0 for a socket that no process holds."""
    client, accepted = dial(listen(host), WORKLOAD)
    ends = end(client), end(accepted)
    assert peer_uid(*ends) == caller_uid(accepted, *ends) == WORKLOAD
    left(client, accepted)
    assert peer_uid(*ends) is None
    assert caller_uid(accepted, *ends) is None


def test_a_caller_that_only_ends_its_own_side_is_still_known(listen, dial):
    client, accepted = dial(listen("127.0.0.1"), WORKLOAD)
    client.shutdown(socket.SHUT_WR)
    assert accepted.recv(1) == b""
    assert caller_uid(accepted, end(client), end(accepted)) == WORKLOAD


# Towards `dialled` there is no socket with the port that the gate sees: a redirect gave the connection another one.
# Here that is made of two listeners, the dialled place and the gate's.


def turned(dial, gate, uid=None):
    """A connection to the gate from a port of its own: towards another place, any port may be had again."""
    while True:
        client, accepted = dial(gate, uid)
        if dial.ports.count(end(client)[1]) == 1:
            return client, accepted


@pytest.mark.parametrize("host", HOSTS)
def test_a_port_that_the_redirect_gave_is_told_by_the_only_user_of_the_way(listen, dial, host):
    dialled, gate = listen(host), listen(host)
    dial(dialled, WORKLOAD)
    dial(dialled, WORKLOAD)
    dial(listen(host), OTHER)  # to somewhere else
    client, accepted = turned(dial, gate)
    assert caller_uid(accepted, end(client), end(dialled)) == WORKLOAD


def test_a_port_that_the_redirect_gave_tells_nothing_where_two_users_go_the_same_way(listen, dial):
    dialled, gate = listen("127.0.0.1"), listen("127.0.0.1")
    dial(dialled, WORKLOAD)
    dial(dialled, OTHER)
    client, accepted = turned(dial, gate)
    assert caller_uid(accepted, end(client), end(dialled)) is None


def test_a_port_that_the_redirect_gave_tells_nothing_where_somebody_has_just_left(listen, dial):
    dialled, gate = listen("127.0.0.1"), listen("127.0.0.1")
    dial(dialled, WORKLOAD)
    left(*dial(dialled, OTHER))
    client, accepted = turned(dial, gate)
    assert caller_uid(accepted, end(client), end(dialled)) is None


def test_who_has_broken_off_is_not_taken_for_the_only_user_of_the_way(listen, dial):
    dialled, gate = listen("127.0.0.1"), listen("127.0.0.1")
    dial(dialled, WORKLOAD)
    client, accepted = turned(dial, gate, OTHER)
    source = end(client)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    left(client, accepted)
    assert caller_uid(accepted, source, end(dialled)) is None


def test_many_sockets_on_the_same_way_are_all_looked_at(listen, dial):
    dialled, gate = listen("127.0.0.1"), listen("127.0.0.1")
    dial(dialled, OTHER)
    for _ in range(400):
        dial(dialled, WORKLOAD)
    client, accepted = turned(dial, gate)
    assert caller_uid(accepted, end(client), end(dialled)) is None


@pytest.mark.parametrize(("address", "here"), [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False)])
def test_an_address_of_this_namespace_is_told(address, here):
    assert is_here(address) is here


def message(size, kind=20, body=b""):
    return HEADER.pack(size, kind, 0, 0, 0) + body


def test_the_owners_in_an_answer_of_the_kernels_are_read():
    body = b"\x02\x01" + bytes(OWNER_AT - HEADER.size - 2) + struct.pack("=II", 1000, 77)
    one, end = message(HEADER.size + len(body), body=body), message(HEADER.size, kind=3)
    assert read(one) == ([Owner(1000, 77)], False)
    assert read(one + one + end) == ([Owner(1000, 77)] * 2, True)
    assert read(b"") == ([], False)


@pytest.mark.parametrize(
    "answer", [message(0), message(HEADER.size - 1), message(HEADER.size + 1), message(HEADER.size)]
)
def test_an_answer_that_contradicts_its_own_lengths_is_an_error_and_has_an_end(answer):
    with pytest.raises(OSError, match="the kernel's answer"):
        read(answer)
