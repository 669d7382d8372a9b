"""Attempts under another uid, and finding out where they ended."""

from __future__ import annotations

import errno
import os
import socket
import sys
from ipaddress import ip_address

import pytest

from netfilter.traffic import HERE, OUT
from outgate.netfilter.options import Family
from outgate.netfilter.probe import arrived, connect, original, routed, send

LOOPBACK = ip_address("127.0.0.1")

# In a process of its own, as the command is: forking beside the threads of a test run is asking for trouble.
AS_NOBODY = """
import os, socket
from contextlib import closing
from ipaddress import ip_address
from outgate.netfilter.options import Family
from outgate.netfilter.probe import Attempt, connect
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
def try_it():
    assert (os.getuid(), os.getgid(), os.getgroups()) == (65534, 65534, [])
    return connect(Family.IPV4, ip_address("127.0.0.1"), port)
with closing(Attempt(65534, try_it)) as attempt:
    accepted, peer = listener.accept()
    print(attempt.error, attempt.source == peer[1], os.getuid())
def fail():
    raise RuntimeError("broken probe")
with closing(Attempt(65534, fail)) as attempt:
    print(attempt.error)
"""


def test_a_connection_gives_success_or_the_error_and_is_found_at_the_listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        error, opened = connect(Family.IPV4, LOOPBACK, port)
        assert error == 0
        with opened:
            assert arrived(port, opened.getsockname()[1])
            assert not arrived(port, 1)
    assert connect(Family.IPV4, LOOPBACK, port) == (errno.ECONNREFUSED, None)


def test_a_connection_to_a_dual_stack_listener_is_found_too():
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        _, opened = connect(Family.IPV4, LOOPBACK, port)
        with opened:
            assert arrived(port, opened.getsockname()[1])


def test_a_datagram_is_refused_where_nobody_receives_and_sent_where_somebody_does():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        error, opened = send(Family.IPV4, LOOPBACK, port)
        assert error == 0
        opened.close()
    assert send(Family.IPV4, LOOPBACK, port) == (errno.ECONNREFUSED, None)


@pytest.mark.netns
def test_the_original_destination_is_known_with_and_without_a_redirect(traffic, kind, family):
    traffic.install(kind)
    gate, local = traffic.gate(family), traffic.listen(traffic.lab.pod, family, 8080)
    traffic.connect(family, OUT[family], 443)
    assert original(traffic.accept(gate), family) == (OUT[family], 443)
    traffic.connect(family, HERE[family], 8080)
    assert original(traffic.accept(local), family) == (HERE[family], 8080)


@pytest.mark.netns
def test_a_route_is_looked_up_without_sending(traffic):
    with traffic.inside():
        assert routed(Family.IPV4, ip_address("192.0.2.1"))
    traffic.lab.run_in(traffic.lab.pod, ["ip", "route", "del", "default"])
    with traffic.inside():
        assert not routed(Family.IPV4, ip_address("192.0.2.1"))
    assert traffic.lab.packets("192.0.2.1") == 0


@pytest.mark.netns
def test_an_attempt_is_made_as_the_other_user_and_a_broken_one_is_not_a_success(traffic):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = traffic.lab.run_in(traffic.lab.pod, [sys.executable, "-c", AS_NOBODY], env=environment)
    assert done.stdout.splitlines() == ["0 True 0", str(errno.EPIPE)], done.stderr
