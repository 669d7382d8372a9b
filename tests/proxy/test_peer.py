"""The uid behind a connection, told by the kernel."""

import os
import socket

import pytest

from outgate.proxy.peer import peer_uid


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_uid_of_a_local_socket_is_found(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        with client:
            assert peer_uid(client.getsockname()[:2], client.getpeername()[:2]) == os.getuid()


def test_ipv4_spoken_by_a_socket_of_ipv6_is_found_too():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        port = client.getsockname()[1]
        assert peer_uid(("127.0.0.1", port), listener.getsockname()) == os.getuid()


def test_a_socket_that_is_not_here_has_no_uid():
    assert peer_uid(("192.0.2.1", 1), ("192.0.2.2", 2)) is None


def test_an_address_that_is_none_has_no_uid():
    assert peer_uid(("nonsense", 1), ("127.0.0.1", 2)) is None
