"""System calls that Python has no name for. Owns their numbers and arguments; every failure is an `OSError`.

Knows nothing of what they are used for.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
MOUNT_SETATTR = 442
"""The same on every architecture, as all calls since Linux 5.1."""
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: Path, target: Path, flags: int) -> None:
    """A bind mount, or a change of how mounts spread."""
    _checked(_libc.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None), str(target))


def make_readonly(target: Path) -> None:
    """A mount and everything mounted below it."""
    attributes = struct.pack("=QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    place = (AT_FDCWD, os.fsencode(target), AT_RECURSIVE)
    _checked(_libc.syscall(MOUNT_SETATTR, *place, attributes, ctypes.c_size_t(len(attributes))), str(target))


def prctl(option: int, value: int, more: int | ctypes.c_void_p = 0) -> None:
    last = more if isinstance(more, ctypes.c_void_p) else ctypes.c_ulong(more)
    none = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), last, none, none), f"prctl {option}")


def install_filter(program: bytes) -> None:
    """Judge every further system call of this process and its children by a BPF program."""
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(header)))


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
