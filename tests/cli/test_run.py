"""`run` takes its flags, starts the gate, follows the policy, and ends when it is told to."""

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDONS = Path(__file__).parents[2] / "addons"
WITHIN = 60.0
"""Seconds that anything may take."""
POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY}
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policy", "nowhere"), 'the policy "nowhere" does not exist'),
        (("--listen", "15001"), '"15001" is not an address; write ADDR:PORT'),
        (("--admin", "here"), '"here" is not an address; write ADDR:PORT'),
        (("--admin", "unix:"), '"unix:" names no file'),
        (("--mode", "open"), "is not one of 'transparent', 'regular', 'socks5'"),
        (("--set", "peek_timout=1"), 'did you mean "peek_timeout"?'),
        (("--set", "peek_timeout=soon"), '"soon" does not fit the setting "peek_timeout"'),
        (("elsewhere",), "unexpected extra argument"),
    ],
)
def test_wrong_usage_starts_nothing(terminal, arguments, message):
    terminal.write("policy/a.yaml", POLICY)
    result = terminal.run("run", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_a_policy_nothing_starts(terminal):
    result = terminal.run("run")
    assert result.exit_code == 2
    assert "no policy is given; name one with --policy, or make ./policy" in result.stderr


@pytest.fixture
def sock() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # a short path: socket names are at most 107 bytes
        yield Path(folder) / "admin.sock"


def start(sock: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "outgate", "run", "--mode", "regular", "--listen", "127.0.0.1:0", *arguments],
        env={**os.environ, "PYTHONPATH": str(ADDONS), "OUTGATE_ADMIN": f"unix:{sock}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def status(path: Path) -> dict[str, object]:
    connection = http.client.HTTPConnection("localhost", timeout=WITHIN)
    with socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.connect(str(path))
        connection.request("GET", "/status")
        return json.loads(connection.getresponse().read())


def generation(path: Path, wanted: int) -> dict[str, object]:
    deadline = time.monotonic() + WITHIN
    while (found := status(path)["policy"])["generation"] < wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_a_gate_starts_follows_its_policy_and_ends_at_sigterm(terminal, sock):
    terminal.write("policy/a.yaml", POLICY)
    assert terminal.run("certs", "init").exit_code == 0
    gate = start(sock)
    try:
        assert gate.stderr is not None
        assert select.select([gate.stderr], [], [], WITHIN)[0], "nothing was said"
        assert gate.stderr.readline().startswith("ready: regular on 127.0.0.1:")
        assert status(sock)["ready"] is True
        terminal.write("policy/a.yaml", POLICY.replace("REGISTRY_ONLY", "ALLOW_ANY"))
        assert generation(sock, 2)["mode"] == "ALLOW_ANY"
        gate.send_signal(signal.SIGHUP)
        assert generation(sock, 3)["failures"] == 0
        gate.send_signal(signal.SIGTERM)
        assert gate.wait(WITHIN) == 0
        assert not sock.exists()
    finally:
        gate.kill()
        gate.communicate()


def test_a_bad_policy_is_printed_and_nothing_starts(terminal, sock):
    terminal.write("policy/a.yaml", POLICY.replace("mode:", "mod:"))
    assert terminal.run("certs", "init").exit_code == 0
    gate = start(sock)
    _, said = gate.communicate(timeout=WITHIN)
    assert gate.returncode == 1
    assert 'policy/a.yaml:4:8: spec.mod: unknown field; did you mean "mode"?' in said
    assert not sock.exists()


def test_a_hangup_while_it_starts_does_not_end_it(terminal):
    before = signal.getsignal(signal.SIGHUP)
    try:
        assert terminal.run("run", "--policy", "nowhere").exit_code != 0
        terminal.write("policy/a.yaml", "kind: [")
        assert terminal.run("run").exit_code != 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
