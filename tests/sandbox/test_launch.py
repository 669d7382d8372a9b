"""A confined command and who serves it: its sockets arrive, know where connections were going, and its end is told."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys

import pytest

from outgate.proxy.original import original_destination
from outgate.sandbox import cover
from outgate.sandbox.confinement import Order
from outgate.sandbox.launch import Child, Confined, Refused

pytestmark = pytest.mark.netns

PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable


@pytest.fixture
def confined(tmp_path):
    """Confines commands, and ends them with the test."""
    cover.prepare(tmp_path, "here")
    made = []

    def confine(*command):
        made.append(Confined(Order(command, {"PATH": os.defpath}, tmp_path)))
        return made[-1]

    yield confine
    for each in made:
        each.kill()
        for sock in each.sockets.all():
            sock.close()


def ended(command):
    """What the kernel has to tell of its end; None while it has not ended."""
    return os.waitid(os.P_PID, command.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


async def code(command):
    async with asyncio.timeout(20):
        return await command.ended()


@pytest.mark.parametrize(("family", "address"), [(0, "93.184.216.10"), (1, "2606:2800:220:1::10")], ids=["4", "6"])
async def test_who_serves_from_outside_knows_where_a_connection_was_going(confined, family, address):
    dial = f"import socket; s = socket.create_connection(('{address}', 4711), 10); print(s.recv(1)); s.close()"
    command = confined(PYTHON, "-c", dial)
    if family >= len(command.sockets.gates):
        pytest.skip("there is no IPv6 here")
    command.start()
    async with asyncio.timeout(20):
        accepted, _ = await asyncio.get_running_loop().sock_accept(command.sockets.gates[family])
    with accepted:
        assert original_destination(accepted) == (address, 4711)
        accepted.sendall(b"x")
    assert await code(command) == 0


async def test_a_command_waits_for_its_start_and_its_code_is_told(confined):
    command = confined("/bin/sh", "-c", "exit 7")
    assert ended(command) is None
    command.start()
    assert await code(command) == 7
    command.signal(signal.SIGTERM)  # nobody is there to get it


async def test_a_signal_ends_it_with_the_code_of_a_shell(confined):
    command = confined("/bin/sleep", "600")
    command.start()
    command.signal(signal.SIGTERM)
    assert await code(command) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("name", "expected"), [("no-such-command", 127), ("/nowhere/at-all", 127), ("/etc/passwd", 126)]
)
def test_a_command_that_cannot_be_run_is_refused_with_the_code_of_a_shell(confined, name, expected):
    command = confined(name)
    with pytest.raises(Refused, match=name) as refused:
        command.start()
    assert refused.value.code == expected


def test_files_that_cannot_be_laid_over_are_outgates_own_failure(tmp_path):
    with pytest.raises(Refused) as refused:
        Confined(Order(("/bin/true",), {}, tmp_path / "absent"))
    assert refused.value.code == 125


def test_a_child_is_not_mistaken_for_another_with_its_number():
    pid = os.posix_spawn("/bin/true", ["true"], {})
    child = Child(pid)
    os.waitpid(pid, 0)
    child.signal(signal.SIGKILL)
    child.kill()
