"""What is laid over the files of a confined command: its resolver's, sockets of others, switches of the kernel.

Owns which files. A socket with a name in the file system is reached through files, not through a network: what listens
there (container engines, service managers, agents) would act outside on the command's word. Runs in the new mount
namespace, as its root; the user namespace below cannot take a cover away.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from outgate.sandbox import kernel
from outgate.sandbox.network import NAMESERVER

SOCKETS = Path("/proc/net/unix")
RESOLV, HOSTS, NOTHING = "resolv.conf", "hosts", "nothing"
DEVICES = (Path("/dev/vhost-vsock"),)
"""With this one a program is a virtual machine to the host, and calls its services as one."""
SWITCHES = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/sys")
"""Where root changes the kernel by writing files, whatever its capabilities."""


def prepare(folder: Path, hostname: str) -> None:
    """Write the files that are laid over others."""
    (folder / RESOLV).write_text(f"nameserver {NAMESERVER}\noptions timeout:2 attempts:2\n", encoding="ascii")
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", f"127.0.0.1 {hostname}"]
    (folder / HOSTS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / NOTHING).touch(mode=0o444)


def named_sockets(table: Path = SOCKETS) -> list[Path]:
    """Sockets of this network namespace that have a file, by the kernel's list."""
    rows = (line.split(maxsplit=7) for line in table.read_text(errors="surrogateescape").splitlines()[1:])
    names = (row[7] for row in rows if len(row) == 8)
    return [Path(name) for name in dict.fromkeys(names) if name.startswith("/")]


def lay(folder: Path, sockets: Iterable[Path], *, root: bool) -> None:
    """Cover everything. `root`: the command is the system's root as far as files go. Raises OSError."""
    kernel.mount(Path("none"), Path("/"), kernel.MS_REC | kernel.MS_PRIVATE)
    for name in (RESOLV, HOSTS):
        target = Path("/etc", name)
        if target.exists():
            kernel.mount(folder / name, target, kernel.MS_BIND)
    for path in (*sockets, *DEVICES, *(_disks() if root else ())):
        if _is_special(path):
            with suppress(FileNotFoundError):  # gone since
                kernel.mount(folder / NOTHING, path, kernel.MS_BIND)
    if root:
        _lock_switches()


def _lock_switches() -> None:
    for name in SWITCHES:
        if (path := Path(name)).exists():
            kernel.mount(path, path, kernel.MS_BIND | kernel.MS_REC)
            kernel.make_readonly(path)


def _is_special(path: Path) -> bool:
    """A socket or a device that this process can reach. What it cannot, the command cannot either."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        return stat.S_ISSOCK(mode) or stat.S_ISBLK(mode) or stat.S_ISCHR(mode)
    return False


def _disks() -> Iterator[Path]:
    """Block devices: whoever writes them writes every file."""
    for folder, _, names in os.walk("/dev"):
        yield from (Path(folder, name) for name in names if _is_disk(Path(folder, name)))


def _is_disk(path: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISBLK(path.lstat().st_mode)
    return False
