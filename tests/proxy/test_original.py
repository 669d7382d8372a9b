"""Where a redirected connection was going; one that came straight to the gate is told from it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from outgate.proxy.original import NotRedirected, original_destination
from proxy.wires import connected

ADDONS = Path(__file__).parents[2] / "addons"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def test_a_connection_that_nobody_redirected_is_not_guessed_about(family):
    with connected(family) as (_, accepted), pytest.raises(NotRedirected):
        original_destination(accepted)


def test_a_socket_of_another_kind_was_not_redirected():
    left, right = socket.socketpair()
    with left, right, pytest.raises(NotRedirected):
        original_destination(right)


NAMESPACE = """
set -e
ip link set lo up
ip addr add 192.0.2.7/32 dev lo
ip -6 addr add 2001:db8::7/128 dev lo nodad
iptables -t nat -A OUTPUT -p tcp --dport 80:90 -j REDIRECT --to-ports 15001
ip6tables -t nat -A OUTPUT -p tcp --dport 80:90 -j REDIRECT --to-ports 15001
exec "$@"
"""
PROGRAM = """
import json, socket, sys
sys.path.insert(0, sys.argv[1])
from outgate.proxy.original import NotRedirected, original_destination

def seen(family, local, target):
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((local, 15001))
        listener.listen()
        with socket.create_connection(target, timeout=5):
            accepted, _ = listener.accept()
            with accepted:
                try:
                    return original_destination(accepted)
                except NotRedirected as error:
                    return str(error)

four = lambda *target: seen(socket.AF_INET, "0.0.0.0", target)
six = lambda *target: seen(socket.AF_INET6, "::", target)
print(json.dumps([
    four("192.0.2.7", 80), four("192.0.2.7", 85), four("127.0.0.1", 80), four("192.0.2.7", 15001),
    six("2001:db8::7", 80), six("::1", 90), six("2001:db8::7", 15001),
]))
"""


@pytest.mark.netns
def test_the_kernel_says_where_a_redirected_connection_was_going():
    command = ["unshare", "--net", "--mount", "sh", "-c", NAMESPACE, "sh", sys.executable, "-c", PROGRAM, str(ADDONS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        ["192.0.2.7", 80],
        ["192.0.2.7", 85],
        ["127.0.0.1", 80],
        "192.0.2.7:15001 is the gate itself",
        ["2001:db8::7", 80],
        ["::1", 90],
        "2001:db8::7:15001 is the gate itself",
    ]
