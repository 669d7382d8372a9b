"""A running gate, as its user starts it: in a process of its own, behind the installed redirect.

Owns its directory, its process and what that prints. `Gate` stands in a lab's pod; `LoopbackGate` needs no namespaces
and serves regular and socks5 mode. It is `outgate run`, or one of the other `engines`. Knows nothing of policy:
documents are text.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

from . import engines
from .namespaces import Lab
from .world import OriginPki

ADDONS = str(engines.ADDONS)
OUTGATE = [sys.executable, "-m", "outgate"]
UID = 1337
PATIENCE = 20.0  # seconds for a start, a reload or a stop
OWN_PORTS = range(20000, 32768)
"""Below those that the kernel gives. Drawn by the system: seeds that tests set would draw the same for several."""

Documents = str | Mapping[str, str]
Entry = dict[str, Any]


class RunningGate(ABC):
    """What both gates have in common. Settings are `--set` pairs, flags go on the command line of `outgate run`.

    Standard output goes to `output`, where that is a file: `log` knows nothing of it then. `environment` is added to
    the caller's.
    """

    def __init__(
        self,
        policy: Documents,
        pki: OriginPki,
        settings: Mapping[str, object] | None = None,
        flags: Sequence[str] = (),
        output: Path | None = None,
        engine: str = engines.OWN,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.engine = engine
        self._folder = Path(tempfile.mkdtemp(prefix="outgate-gate-"))
        self._folder.chmod(0o755)
        self.policy = self._folder / "policy"
        self._versions = itertools.count(1)
        self._settings = {
            "ca_certificate": pki.gate_ca.cert,
            "ca_key": self._own(pki.gate_ca.key),
            "upstream_ca": pki.origin_ca.cert,
            **(settings or {}),
        }
        self._flags = list(flags)
        self._output = output
        self._more = dict(environment or {})
        self._lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._ready = threading.Event()
        self._readers: list[threading.Thread] = []
        self.process: subprocess.Popen[Any] | None = None
        self.write(policy)

    def _own(self, key: Path) -> Path:
        """A copy of a private key that only the gate's user may read, as the gate demands."""
        copy = self._folder / key.name
        copy.touch(mode=0o600)
        copy.write_bytes(key.read_bytes())
        return copy

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start the process and wait until it accepts connections. Raises RuntimeError with what it said instead."""
        self._ready.clear()
        environment = _environment(self._folder) | self._more
        if self.engine != engines.OWN:
            del environment["PYTHONPATH"]  # the script finds what lies beside it
        self.process = self._started(self._command(), environment)
        self._readers = [self._follow(name) for name in self._lines if getattr(self.process, name) is not None]
        self._await(lambda: self._ready.is_set() or self.process_ended(), "the gate is not ready")
        if not self._ready.is_set():
            raise RuntimeError(f"the gate did not start:\n{self.stderr()}")

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int | None:
        """End the process, by force if it does not follow, and give its exit code. The redirect stays."""
        if self.process is None:
            return None
        if not self.process_ended():
            self.process.send_signal(sign)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)
        code, self.process = self.process.returncode, None
        return code

    def process_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def write(self, policy: Documents) -> None:
        """Make these documents, and no others, the policy directory, in one step: it is a link, as in a ConfigMap."""
        version = self._folder / f"policy.{next(self._versions)}"
        version.mkdir()
        for name, text in ({"policy.yaml": policy} if isinstance(policy, str) else policy).items():
            (version / name).write_text(text, encoding="utf-8")
        link = version.with_name(f"{version.name}.link")
        link.symlink_to(version.name)
        link.replace(self.policy)

    def reload(self, policy: Documents) -> None:
        """Give the gate other documents and wait until it judges by them. Raises RuntimeError when it refuses them."""
        before = self.admin("/status")["policy"]
        self.write(policy)
        self.hang_up()
        self._await(lambda: self._changed(before), "the gate kept its policy")
        if self.generation() == before["generation"]:
            raise RuntimeError(f"the gate refuses the policy:\n{self.stderr()}")

    def _changed(self, before: Entry) -> bool:
        now = self.admin("/status")["policy"]
        return any(now[key] != before[key] for key in ("generation", "failures"))

    def hang_up(self) -> None:
        """Tell the gate to reload, without waiting."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def generation(self) -> int:
        """How many policies the gate has judged by, this one included."""
        return int(self.admin("/status")["policy"]["generation"])

    def log(self, at_least: int = 0, within: float = 5.0) -> list[Entry]:
        """The access log so far, or as soon as it has so many entries."""
        self._await(lambda: len(self._entries()) >= at_least, f"fewer than {at_least} log entries", within)
        return self._entries()

    def stdout(self) -> str:
        return "\n".join(self._lines["stdout"])

    def stderr(self) -> str:
        return "\n".join(self._lines["stderr"])

    def admin(self, path: str, method: str = "GET", content: Any = None) -> Any:
        """The JSON that the admin endpoint answers, asked by root."""
        return json.loads(self.asked(path, method, content))

    def asked(self, path: str, method: str = "GET", content: Any = None) -> str:
        """The same as text."""
        body = json.dumps(content) if content is not None else None
        with self._network():
            connection = http.client.HTTPConnection(*self.admin_address, timeout=PATIENCE)
            try:
                connection.request(method, path, body)
                return connection.getresponse().read().decode()
            finally:
                connection.close()

    @property
    @abstractmethod
    def admin_address(self) -> tuple[str, int]:
        """Host and port of the admin endpoint."""

    def _command(self) -> list[str]:
        if self.engine == engines.OWN:
            return [*OUTGATE, "run", *self._arguments()]
        host, port = self.admin_address
        told = {"policy": self.policy, "admin": f"{host}:{port}", **self._settings}
        return engines.hosted(self.engine, self._place, told, self._folder, **self._hosting())

    def _hosting(self) -> dict[str, Any]:
        """What else mitmproxy's program is told."""
        return {}

    @property
    @abstractmethod
    def _place(self) -> str:
        """Mode and address as mitmproxy's programs are told: `MODE@[HOST:]PORT`."""

    @abstractmethod
    def _arguments(self) -> list[str]:
        """Flags for mode and addresses, and the common ones."""

    @abstractmethod
    def _launch(self, argv: list[str], environment: dict[str, str], **popen: Any) -> subprocess.Popen[Any]:
        """Start the process where it belongs, both outputs in pipes unless `popen` says otherwise."""

    def _started(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        if self._output is None:
            return self._launch(argv, environment)
        with self._output.open("ab") as output:
            return self._launch(argv, environment, stdout=output)

    def _network(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _common(self, mode: str, listen: str) -> list[str]:
        host, port = self.admin_address
        pairs = [part for key, value in self._settings.items() for part in ("--set", f"{key}={value}")]
        where = ["--policy", str(self.policy), "--mode", mode, "--listen", listen, "--admin", f"{host}:{port}"]
        return [*where, *pairs, *self._flags]

    def _follow(self, name: str) -> threading.Thread:
        """Keep reading an output: a full pipe would stop the gate."""
        reader = threading.Thread(target=self._read, args=(name, getattr(self.process, name)), daemon=True)
        reader.start()
        return reader

    def _read(self, name: str, pipe: Any) -> None:
        with pipe:
            for line in pipe:
                self._lines[name].append(line.rstrip("\n"))
                if name == "stderr" and line.startswith("ready"):
                    self._ready.set()

    def _entries(self) -> list[Entry]:
        return [json.loads(line) for line in self._lines["stdout"] if line.startswith("{")]

    def _await(self, done: Callable[[], bool], complaint: str, within: float = PATIENCE) -> None:
        deadline = time.monotonic() + within
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{complaint} after {within:g} s; it said:\n{self.stderr()}")
            time.sleep(0.01)


class Gate(RunningGate):
    """A transparent gate in a lab's pod, under a uid of its own. `redirect` are flags for `iptables install`."""

    admin_address = ("127.0.0.1", 15000)
    _place = "transparent@15001"

    def __init__(
        self, lab: Lab, policy: Documents, pki: OriginPki, redirect: Sequence[str] = (), **options: Any
    ) -> None:
        super().__init__(policy, pki, **options)
        self._lab = lab
        self._redirect = list(redirect)
        for path in (self._folder, self._folder / pki.gate_ca.key.name):
            shutil.chown(path, UID, UID)

    def start(self) -> None:
        """The redirect first, as in a pod: what comes before the gate is ready is refused."""
        self.iptables("install", *self._redirect)
        super().start()

    def start_again(self) -> None:
        """After its process has ended; the redirect has stayed."""
        super().start()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.iptables("remove")

    def iptables(self, *arguments: str) -> str:
        """Run `outgate iptables` in the pod as root. Raises RuntimeError with what it said."""
        done = self._lab.run_in(self._lab.pod, [*OUTGATE, "iptables", *arguments], env=_environment(self._folder))
        if done.returncode:
            raise RuntimeError(f"outgate iptables {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
        return str(done.stdout)

    def _arguments(self) -> list[str]:
        return self._common("transparent", ":15001")

    def _launch(self, argv: list[str], environment: dict[str, str], **popen: Any) -> subprocess.Popen[Any]:
        return self._lab.popen_in(self._lab.pod, argv, UID, env=environment, **{**PIPES, **popen})

    def _network(self) -> AbstractContextManager[None]:
        return self._lab.enter(self._lab.pod)


class LoopbackGate(RunningGate):
    """A gate in `regular` or `socks5` mode on this machine's loopback, under this user. It listens at `address`."""

    def __init__(self, policy: Documents, pki: OriginPki, mode: str = "regular", **options: Any) -> None:
        super().__init__(policy, pki, **options)
        self._mode = mode
        self.address = ("127.0.0.1", free_port())
        self._admin = ("127.0.0.1", free_port())
        self.page = free_port()

    @property
    def admin_address(self) -> tuple[str, int]:
        return self._admin

    @property
    def _place(self) -> str:
        return f"{self._mode}@{self.address[0]}:{self.address[1]}"

    def _hosting(self) -> dict[str, Any]:
        return {"page": self.page}

    def _arguments(self) -> list[str]:
        return self._common(self._mode, f"{self.address[0]}:{self.address[1]}")

    def _launch(self, argv: list[str], environment: dict[str, str], **popen: Any) -> subprocess.Popen[Any]:
        return subprocess.Popen(argv, env=environment, start_new_session=True, **{**PIPES, **popen})


PIPES: dict[str, Any] = {
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "encoding": "utf-8",
    "errors": "replace",
}


def free_port() -> int:
    """A port of the loopback that nobody has now, and that is given to nobody who connects."""
    while True:
        port = OWN_PORTS[secrets.randbelow(len(OWN_PORTS))]
        # Without SO_REUSEADDR, which would pass over ports that something else has, and is not listening on.
        with suppress(OSError), socket.socket() as held:
            held.bind(("127.0.0.1", port))
            return port


def _environment(home: Path) -> dict[str, str]:
    """The caller's, without settings for a gate of its own: these would be read as this one's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OUTGATE_", "OTEL_"))}
    return {**kept, "PYTHONPATH": ADDONS, "HOME": str(home), "PYTHONUNBUFFERED": "1"}
