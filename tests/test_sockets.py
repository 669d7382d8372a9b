"""Listening sockets: of both families, of one address, shared, and taken over."""

import errno
import socket

import pytest

from outgate import sockets as listening
from outgate.sockets import bind, inherit

LIMIT = 5.0
"""Seconds that anything may take."""


def closing(sockets):
    for sock in sockets:
        sock.close()


def test_without_a_host_both_families_listen_on_one_port():
    sockets = bind("", 0)
    assert [sock.family for sock in sockets] == [socket.AF_INET, socket.AF_INET6]
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    closing(sockets)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_host_is_listened_on_alone(host):
    (sock,) = bind(host, 0)
    assert sock.getsockname()[0] == host
    assert not sock.getblocking()
    with socket.create_connection(sock.getsockname()[:2], timeout=LIMIT):
        pass
    closing([sock])


def test_a_port_in_use_is_an_error_and_leaves_nothing_open():
    (taken,) = bind("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", taken.getsockname()[1])
    closing([taken])


def test_a_port_in_use_in_one_family_is_an_error():
    with socket.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(("::", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            bind("", taken.getsockname()[1])


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch):
    def listener(family, host, port, shared):
        if family is socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "address family not supported")
        return made(family, host, port, shared)

    made = listening._listener
    monkeypatch.setattr(listening, "_listener", listener)
    sockets = bind("", 0)
    assert [sock.family for sock in sockets] == [socket.AF_INET]
    closing(sockets)


def test_sockets_that_another_process_bound_are_taken_over():
    sockets = bind("", 0)
    address = sockets[0].getsockname()
    taken = inherit([sock.detach() for sock in sockets])
    assert [sock.family for sock in taken] == [socket.AF_INET, socket.AF_INET6]
    assert taken[0].getsockname() == address
    assert not any(sock.getblocking() for sock in taken)
    closing(taken)


def test_sockets_that_are_shared_stand_on_one_port():
    first = bind("127.0.0.1", 0, shared=True)
    second = bind("127.0.0.1", first[0].getsockname()[1], shared=True)
    assert first[0].getsockname() == second[0].getsockname()
    with pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", first[0].getsockname()[1])
    closing([*first, *second])
