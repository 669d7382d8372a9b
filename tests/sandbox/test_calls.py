"""The filter, run by a machine that shares no code with it: what a command may call, on each architecture."""

import errno
import struct

import pytest

from outgate.sandbox import calls

ALLOWED = 0x7FFF0000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "riscv64": 0xC00000F3}
SOCKET = {"x86_64": 41, "aarch64": 198, "riscv64": 198}
IOCTL = {"x86_64": 16, "aarch64": 29, "riscv64": 29}
READ = {"x86_64": 0, "aarch64": 63, "riscv64": 63}


def judged(machine, number, *arguments, architecture=None):
    """What the kernel would do: 0 for going on, else the error that the caller gets."""
    given = [*arguments, *[0] * 6][:6]
    data = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine] if architecture is None else architecture, 0, *given)
    steps = list(struct.iter_unpack("<HBBI", calls.program(machine)))
    at, loaded = 0, 0
    for _ in range(len(steps)):
        code, yes, no, operand = steps[at]
        at += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("<I", data, operand)
            case 0x15:
                at += yes if loaded == operand else no
            case 0x35:
                at += yes if loaded >= operand else no
            case 0x06:
                return 0 if operand == ALLOWED else operand & 0xFFFF
    raise AssertionError("the program has no end")


@pytest.fixture(params=ARCHITECTURES)
def machine(request):
    return request.param


@pytest.mark.parametrize("family", [1, 2, 10, 16])
def test_sockets_that_a_network_namespace_confines_are_allowed(machine, family):
    assert judged(machine, SOCKET[machine], family, 1, 0) == 0


@pytest.mark.parametrize("family", [0, 3, 17, 21, 30, 31, 38, 40, 44, 1 << 31, (1 << 32) - 1])
def test_every_other_family_is_not_there(machine, family):
    assert judged(machine, SOCKET[machine], family, 1, 0) == errno.EAFNOSUPPORT


@pytest.mark.parametrize(("request_", "error"), [(0x5412, errno.EPERM), (0x541C, errno.EPERM), (0x5401, 0), (0, 0)])
def test_nothing_is_written_into_the_terminals_input(machine, request_, error):
    assert judged(machine, IOCTL[machine], 0, request_, 0) == error
    assert judged(machine, IOCTL[machine], 0, request_ | 1 << 40, 0) == error  # the kernel reads 32 bits of it


def test_sockets_are_not_opened_by_io_uring(machine):
    assert judged(machine, 425) == errno.ENOSYS


def test_calls_of_another_architecture_are_not_there(machine):
    assert judged(machine, READ[machine]) == 0
    assert judged(machine, READ[machine], architecture=0x40000003) == errno.ENOSYS
    assert judged(machine, 0x40000000 | SOCKET[machine], 40, 1, 0) == errno.ENOSYS


def test_a_machine_whose_calls_are_not_known_is_named():
    with pytest.raises(ValueError, match="the system calls of m68k are not known; known: x86_64, "):
        calls.program("m68k")
