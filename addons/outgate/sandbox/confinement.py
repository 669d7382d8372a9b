"""The process that becomes the command: into its namespaces, out of every capability that counts there, then on to it.

Owns the order, which is the safety of it: everything that needs power is done before it is given up, and the command
starts only once the gate says that it serves. Talks to `launch` over one socket; never returns.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from outgate.netfilter.backend import Unable
from outgate.sandbox import calls, cover, kernel, network, users

FAILED, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
NET_ADMIN, NET_RAW = 12, 13
SERVED, MAPPED, START = b"served", b"mapped", b"start"


@dataclass(frozen=True, slots=True)
class Order:
    """What is run, and with what. `folder` holds the files to lay over others; `sockets` are those to cover."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    sockets: tuple[Path, ...] = ()


def become(order: Order, line: socket.socket) -> NoReturn:
    """Tell the gate's side the sockets, wait for its word, and be the command. Failures are told there too."""
    code, text = FAILED, ""
    try:
        _confine(order, line)
        _await(line, START)
        _reset_signals()
        code, text = _execute(order)
    except (Unable, OSError, ValueError) as error:
        text = str(error)
    except BaseException as error:  # whatever it is, this process must not go on as a second gate
        text = f"{type(error).__name__}: {error}"
    with suppress(OSError):
        line.send(json.dumps({"code": code, "error": text}).encode())
    os._exit(code)


def _confine(order: Order, line: socket.socket) -> None:
    program = calls.program(platform.machine())
    uid, gid = os.geteuid(), os.getegid()
    privileged = _separate()
    made = network.build()
    socket.send_fds(line, [SERVED], [each.fileno() for each in made.all()])
    for each in made.all():
        each.close()
    cover.lay(order.folder, order.sockets, root=uid == 0)
    if privileged:
        _below(line)
    else:
        users.enter_as(uid, gid)
    for capability in (NET_ADMIN, NET_RAW):
        kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    _close_ways_out(line)
    kernel.install_filter(program)
    line.send(SERVED)


def _separate() -> bool:
    """Into a network and a mount namespace, by the power that is there or by that of a new user namespace.

    True for the former: then the namespaces belong to the user namespace of the gate.
    """
    try:
        os.unshare(os.CLONE_NEWNET | os.CLONE_NEWNS)
        return True
    except PermissionError:
        users.enter_as_root()
    try:
        os.unshare(os.CLONE_NEWNET | os.CLONE_NEWNS)
    except OSError as error:
        raise Unable(f"a user namespace has no power here ({error.strerror}); {users.advice()}") from error
    return False


def _below(line: socket.socket) -> None:
    """A user namespace with everybody in it: root stays root of its files, and is nobody to the network."""
    try:
        os.unshare(os.CLONE_NEWUSER)
    except OSError as error:
        raise Unable(f"no user namespace can be made here ({error.strerror}); {users.advice()}") from error
    line.send(MAPPED)
    _await(line, MAPPED)


def _await(line: socket.socket, word: bytes) -> None:
    if line.recv(64) != word:
        raise Unable("the gate has ended")


def _close_ways_out(line: socket.socket) -> None:
    """Descriptors that came from outside and are more than bytes: sockets, directories, devices are not passed on."""
    kept = {0, 1, 2, line.fileno()}
    for number in {int(name) for name in os.listdir("/proc/self/fd")} - kept:
        with suppress(OSError):
            mode = os.fstat(number).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
                os.set_inheritable(number, False)


def _reset_signals() -> None:
    """As a shell would start it: Python's choices are not the command's."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _execute(order: Order) -> tuple[int, str]:
    """Does not return if the command runs; else its exit code and why."""
    name = order.command[0]
    try:
        path = _found(name, order.environment.get("PATH", os.defpath))
        os.execve(path, order.command, dict(order.environment))
    except FileNotFoundError:
        return NOT_FOUND, f"{name}: not found"
    except OSError as error:
        return NOT_EXECUTABLE, f"{name}: cannot be run: {error.strerror}"


def _found(name: str, search: str) -> str:
    """The file behind a command. Raises `FileNotFoundError`."""
    if "/" in name:
        return name
    if (path := shutil.which(name, path=search) or shutil.which(name, os.F_OK, search)) is None:
        raise FileNotFoundError(name)
    return path
