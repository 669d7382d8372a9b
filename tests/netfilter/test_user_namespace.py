"""The rules in a user namespace, as rootless containers have: fewer uids exist there, and no rule may name others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.lab.namespaces import unavailable

pytestmark = pytest.mark.netns

ADDONS = str(Path(__file__).resolve().parents[2] / "addons")

# A child makes the namespaces, its parent gives them 65536 uids. The child is root in there.
IN_A_USER_NAMESPACE = """
import os, sys
made, make = os.pipe()
mapped, map_it = os.pipe()
child = os.fork()
if child == 0:
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    os.write(make, b"x")
    os.read(mapped, 1)
    os.setgid(0)
    os.setuid(0)
    os.execvp("sh", ["sh", "-ec", sys.argv[1]])
os.read(made, 1)
for name in ("uid_map", "gid_map"):
    with open(f"/proc/{child}/{name}", "w") as file:
        file.write("0 0 65536")
os.write(map_it, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
NETWORK = """
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth0 up
ip link set eth1 up
ip addr add 10.77.0.2/24 dev eth0
ip route add default via 10.77.0.1
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in new user and network namespaces with a way out; a skip where there can be none."""
    outgate = f'outgate() {{ "{sys.executable}" -m outgate "$@"; }}\n'
    command = [sys.executable, "-c", IN_A_USER_NAMESPACE, NETWORK + outgate + script]
    environment = {**os.environ, "PYTHONPATH": ADDONS}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


@pytest.fixture(autouse=True)
def _able():
    if reason := unavailable():
        pytest.skip(reason)
    if (trial := run("iptables-nft -A OUTPUT -m owner --uid-owner 1 -j RETURN")).returncode:
        pytest.skip(f"user namespaces cannot have rules here: {trial.stderr}")


def test_the_rules_bite_where_there_are_fewer_uids():
    done = run("outgate iptables install --dns none --no-ipv6; outgate iptables verify --no-ipv6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "IPv4 through iptables-nft: installed"
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["ok"] * 3


def test_a_gate_uid_that_does_not_exist_there_is_wrong_usage():
    done = run("outgate iptables install --uid 70000")
    assert done.returncode == 2
    assert "uid 70000 does not exist in this user namespace" in done.stderr
