"""A gate that may have few descriptors serves as many connections as these are enough for, and goes on."""

import os
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import Any

from e2e.documents import defaults, policy
from e2e.lab.gate import LoopbackGate
from outgate.descriptors import EACH, OWN

FEW = OWN + 40 * EACH


class Poor(LoopbackGate):
    """A gate whose process may have few descriptors."""

    def _launch(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        wrapped = ["sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh", *argv]
        return super()._launch(wrapped, environment)


def test_more_connections_than_there_are_descriptors_for_are_refused_and_the_others_served(origin_pki):
    with Poor(policy(defaults(mode="REGISTRY_ONLY")), origin_pki) as gate, ExitStack() as stack:
        assert "raise the limit of open files" in gate.stderr()
        served, *_ = [begun(gate, stack.enter_context(socket.socket())) for _ in range(2 * FEW)]
        deadline = time.monotonic() + 10
        while (open_now := gate.admin("/status")["connections"]) != 40:
            assert time.monotonic() < deadline, open_now
            time.sleep(0.05)
        assert gate.process is not None
        assert len(os.listdir(f"/proc/{gate.process.pid}/fd")) < FEW
        served.sendall(b"api.example\r\n\r\n")
        served.settimeout(10)
        assert served.recv(100).startswith(b"HTTP/1.1 502")
        assert "cannot accept" not in gate.stderr()


def begun(gate: LoopbackGate, sock: socket.socket) -> socket.socket:
    """Connected, with half a request said; one that is refused may be so while it connects."""
    with suppress(ConnectionError):
        sock.connect(gate.address)
        sock.sendall(b"GET http://api.example/ HTTP/1.1\r\nHost: ")
    return sock
