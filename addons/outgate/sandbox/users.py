"""User namespaces: who a process is inside one, and how it gets there.

Owns the maps of uids and gids and their order. A process that is confined sits in a user namespace below the one that
owns its network, so that none of its capabilities, whatever uid it has, counts there.
"""

from __future__ import annotations

import os
from pathlib import Path

from outgate.netfilter.backend import Unable

SWITCHES = {
    "/proc/sys/user/max_user_namespaces": "0",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}
"""Files with which systems forbid user namespaces, and the value that does."""


def enter_as_root() -> None:
    """A user namespace of which this process is root, whoever it was. Raises Unable."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        os.unshare(os.CLONE_NEWUSER)
        _map_self(f"0 {uid} 1", f"0 {gid} 1")
    except OSError as error:
        raise Unable(f"no user namespace can be made here ({error.strerror}); {advice()}") from error


def enter_as(uid: int, gid: int) -> None:
    """A further user namespace, made by root of the one above, in which this process has these numbers.

    Raises Unable.
    """
    outer = os.geteuid(), os.getegid()
    try:
        os.unshare(os.CLONE_NEWUSER)
        _map_self(f"{uid} {outer[0]} 1", f"{gid} {outer[1]} 1")
    except OSError as error:
        raise Unable(f"no second user namespace can be made here ({error.strerror}); {advice()}") from error


def map_all(pid: int) -> None:
    """Give a process in a new user namespace every uid and gid of this one, each as itself. Raises OSError."""
    for name in ("uid_map", "gid_map"):
        rows = (line.split() for line in Path("/proc/self", name).read_text(encoding="ascii").splitlines())
        content = "".join(f"{first} {first} {count}\n" for first, _, count in rows)
        _write(Path("/proc", str(pid), name), content)


def _map_self(uids: str, gids: str) -> None:
    """One number of each is all that a process may map for itself, and only once it has given up changing groups."""
    me = Path("/proc/self")
    if (me / "setgroups").read_text(encoding="ascii").strip() != "deny":
        _write(me / "setgroups", "deny")
    _write(me / "uid_map", uids)
    _write(me / "gid_map", gids)


def _write(path: Path, content: str) -> None:
    """In one call: the kernel takes a map whole."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, content.encode("ascii"))
    finally:
        os.close(descriptor)


def advice(files: dict[str, str] = SWITCHES) -> str:
    """What forbids user namespaces here, as far as the system says it."""
    for name, forbidding in files.items():
        path = Path(name)
        if path.exists() and path.read_text(encoding="ascii").strip() == forbidding:
            return f"{name} is {forbidding}, which forbids them; change it, or run this as root"
    return "a container's seccomp profile or a security module may forbid them; allow them, or run this as root"
