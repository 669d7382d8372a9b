"""Two network namespaces on one cable: `pod`, where a workload and its gate live, and `world`, where origins do.

Owns their making, addresses, names and removal. Knows nothing of what runs in them. Several labs may exist at once.
The world's addresses look public, because a gate refuses private ones; nothing here reaches the real owners of them.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from .counters import Counters
from .users import as_user

POD4, POD6 = "10.77.0.2", "fd77::2"
WORLD4, WORLD6 = "10.77.0.1", "fd77::1"
METADATA4, METADATA6 = "169.254.169.254", "fd00:ec2::254"
PROGRAMS = ("ip", "iptables", "setpriv", "curl")  # what labs and their workloads run

_serial = itertools.count(1)


class Lab:
    """A pair of namespaces, as a context manager.

    `names` maps host names, as programs in the pod resolve them, to addresses in the world. Every such address exists
    there, beside the metadata ones.
    """

    def __init__(self, names: Mapping[str, Iterable[str]] | None = None) -> None:
        stem = f"outgate-{os.getpid()}-{next(_serial)}"
        self.pod, self.world = f"{stem}-pod", f"{stem}-world"
        self.names = {name: tuple(addresses) for name, addresses in (names or {}).items()}
        self.counters = Counters(self)
        self._addresses: set[str] = set()
        self._undo = ExitStack()
        self._started: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._undo.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def run_in(
        self, ns: str, argv: list[str], uid: int | None = None, **popen: Any
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program in a namespace to its end, as root or as `uid`. Output is captured as text, unless
        `encoding` and `errors` are None; the exit code is unchecked."""
        options = {"capture_output": True, "encoding": "utf-8", "errors": "replace", "timeout": 60, **popen}
        return subprocess.run(_inside(ns, argv, uid), check=False, **options)

    def popen_in(self, ns: str, argv: list[str], uid: int | None = None, **popen: Any) -> subprocess.Popen[Any]:
        """Start a program in a namespace. It is ended with the lab, if not before."""
        started = subprocess.Popen(_inside(ns, argv, uid), start_new_session=True, **popen)
        self._started.append(started)
        return started

    @contextmanager
    def enter(self, ns: str) -> Iterator[None]:
        """Let this thread make sockets in a namespace. Names resolve as outside; open sockets stay where they are."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{ns}") as there:
            os.setns(there.fileno(), os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(home.fileno(), os.CLONE_NEWNET)

    def name(self, host: str, *addresses: str) -> None:
        """Give a name in the pod other addresses; none makes it unknown. Takes effect at the next look-up."""
        self.address(*addresses)
        self.resolve(host, *addresses)

    def resolve(self, host: str, *addresses: str) -> None:
        """The same for addresses that need not be the world's, or cannot be: loopback, embedded ones."""
        self.names[host] = addresses
        self._write_hosts()

    def address(self, *addresses: str) -> None:
        """Add addresses to the world, where they are not there already."""
        new = sorted(set(addresses) - self._addresses)
        self._addresses |= set(new)
        _ip(self.world, [f"addr add {address}/{ip_address(address).max_prefixlen} dev lo" for address in new])

    def packets(self, dst: str, port: int | None = None) -> int:
        """Packets that have reached the world for an address, or a port of it. Exact, neighbour discovery apart."""
        return self.counters.packets(dst, port)

    def _make(self) -> None:
        for ns in (self.pod, self.world):
            _run(["ip", "netns", "add", ns])
            self._undo.callback(_run, ["ip", "netns", "del", ns])
        self._undo.callback(self._stop)
        _run(
            [
                "ip",
                "link",
                "add",
                "eth0",
                "netns",
                self.pod,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                self.world,
            ]
        )
        _ip(self.pod, _up(POD4, POD6))
        _ip(self.world, _up(WORLD4, WORLD6))
        _ip(self.pod, [f"route add default via {WORLD4}", f"route add default via {WORLD6}"])
        self.address(METADATA4, METADATA6, *(address for group in self.names.values() for address in group))
        self._configure()
        self.counters.start()

    def _configure(self) -> None:
        """What `ip netns exec` lays over /etc. Nobody answers at the resolver: unknown names fail at once."""
        folder = Path("/etc/netns", self.pod)
        folder.mkdir(parents=True)
        self._undo.callback(shutil.rmtree, folder)
        (folder / "resolv.conf").write_text(f"nameserver {WORLD4}\noptions timeout:1 attempts:1\n")
        self._write_hosts()

    def _write_hosts(self) -> None:
        """In place: the file is bound into the mounts of processes that run already."""
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{address} {name}" for name, addresses in self.names.items() for address in addresses]
        Path("/etc/netns", self.pod, "hosts").write_text("\n".join(lines) + "\n")

    def _stop(self) -> None:
        """End what was started here, with its children: each has a session of its own."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()


@cache
def unavailable() -> str:
    """Why labs cannot be made here; empty when they can. Found out by making a namespace."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        return f"network namespaces need {' and '.join(missing)}"
    trial = f"outgate-{os.getpid()}-trial"
    made = subprocess.run(["ip", "netns", "add", trial], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    _run(["ip", "netns", "del", trial])
    return ""


def _inside(ns: str, argv: list[str], uid: int | None) -> list[str]:
    return ["ip", "netns", "exec", ns, *(argv if uid is None else as_user(uid, argv))]


def _up(ipv4: str, ipv6: str) -> list[str]:
    """`nodad`: addresses are there at once, without asking the neighbours whether they are taken."""
    return ["link set lo up", "link set eth0 up", f"addr add {ipv4}/24 dev eth0", f"addr add {ipv6}/64 dev eth0 nodad"]


def _ip(ns: str, commands: list[str]) -> None:
    _run(["ip", "-n", ns, "-batch", "-"], "\n".join(commands) + "\n")


def _run(argv: list[str], text: str = "") -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
    return done.stdout
