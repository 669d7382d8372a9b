"""Which system calls a confined command may not make, as a program for the kernel's filter.

Owns the list and its reasons. What it refuses leads past a network namespace: sockets of families that none confines
(vsock reaches a virtual machine's host), io_uring, which opens sockets that no filter sees, and writing into the
terminal's input, which the shell outside would read as its own. Pure.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
FAMILIES = (UNIX, INET, INET6, NETLINK)
"""What a network namespace confines; files named by UNIX sockets are `cover`'s."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
IO_URING_SETUP = 425
X32 = 0x40000000
"""Set in the number of a call of the x32 interface, which has numbers of its own."""

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER_AT, ARCHITECTURE_AT, FIRST_AT, SECOND_AT = 0, 4, 16, 24
"""Where the kernel puts the call's number, architecture and arguments; the low half of each, on little-endian."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What an architecture is called in the filter, and the numbers of two calls."""

    architecture: int
    socket: int
    ioctl: int


MACHINES = {
    "x86_64": Machine(0xC000003E, 41, 16),
    "aarch64": Machine(0xC00000B7, 198, 29),
    "riscv64": Machine(0xC00000F3, 198, 29),
}

type Step = tuple[int, int, int, int]
"""Code, steps to skip if true, if false, and operand."""


def program(machine: str) -> bytes:
    """The filter for a machine as `uname` calls it. Raises ValueError for one whose calls are not known here."""
    if (known := MACHINES.get(machine)) is None:
        raise ValueError(f"the system calls of {machine} are not known; known: {', '.join(MACHINES)}")
    return b"".join(struct.pack("=HBBI", code, yes, no, operand) for code, yes, no, operand in _steps(known))


def _steps(machine: Machine) -> list[Step]:
    """Calls of another architecture (32-bit programs) have other numbers, and are not there."""
    missing = (RETURN, 0, 0, REFUSE | errno.ENOSYS)
    return [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, machine.architecture),
        missing,
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, 0, 1, X32),
        missing,
        (EQUAL, 0, 1, IO_URING_SETUP),
        missing,
        *_only(machine.socket, FIRST_AT, FAMILIES, errno.EAFNOSUPPORT),
        *_but(machine.ioctl, SECOND_AT, (TIOCSTI, TIOCLINUX), errno.EPERM),
        (RETURN, 0, 0, ALLOW),
    ]


def _only(number: int, at: int, values: tuple[int, ...], error: int) -> list[Step]:
    """Of one call, these values of an argument; the number is loaded before and after where it is another call."""
    tests = [(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    ends = [(RETURN, 0, 0, REFUSE | error), (RETURN, 0, 0, ALLOW)]
    return _within(number, [(LOAD, 0, 0, at), *tests, *ends])


def _but(number: int, at: int, values: tuple[int, ...], error: int) -> list[Step]:
    """Of one call, everything but these values of an argument."""
    tests = [(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    ends = [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE | error)]
    return _within(number, [(LOAD, 0, 0, at), *tests, *ends])


def _within(number: int, steps: list[Step]) -> list[Step]:
    return [(EQUAL, 0, len(steps), number), *steps]
