"""`make bench`: one origin, one load, and between them no proxy, squid, stock mitmdump and outgate, in namespaces.

Owns the rows, the rounds and the redirect. Proxies run on one core, load and origin on the other; rounds are
interleaved and medians are compared, for machines are noisy: read the ratios. Writes bench/results/ too.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from proxies import NAMES, UID, Proxy, outgate, proxies  # noqa: E402
from report import Found, chart, table  # noqa: E402

from e2e.lab import world  # noqa: E402 - the path comes first
from e2e.lab.namespaces import Lab, unavailable  # noqa: E402
from e2e.lab.users import as_user  # noqa: E402

ADDRESS = "93.184.216.60"
WORKLOAD = 1000
PROXY_CORE, LOAD_CORE = "0", "1"
WARM = 0.5


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    fresh: bool = False
    path: str = "/hello"
    width: int = 8

    @property
    def tls(self) -> bool:
        return self.kind in ("decrypted", "tunnelled")


ROWS = (
    Row("HTTP, keep-alive", "plain"),
    Row("TLS origination, keep-alive", "origination"),
    Row("HTTPS decrypted, keep-alive", "decrypted"),
    Row("TLS tunnelled, keep-alive", "tunnelled"),
    Row("HTTP, a connection a request", "plain", fresh=True),
    Row("TLS origination, a connection a request", "origination", fresh=True),
    Row("HTTPS decrypted, a connection a request", "decrypted", fresh=True),
    Row("100 MB over HTTP", "plain", path="/large", width=1),
    Row("100 MB over HTTPS decrypted", "decrypted", path="/large", width=1),
)


class Bench:
    """The lab with its origin; `measure` is one row through one proxy."""

    def __init__(self, lab: Lab, pki: world.OriginPki, seconds: float) -> None:
        self.lab, self.pki, self.seconds = lab, pki, seconds

    @contextmanager
    def running(self, proxy: Proxy) -> Iterator[int | None]:
        """The proxy's process, with nothing turned to it yet."""
        if not proxy.command:
            yield None
            return
        cores = "0,1" if "workers" in proxy.name else PROXY_CORE
        command = ["taskset", "-c", cores, *as_user(UID, list(proxy.command))]
        said = Path(tempfile.gettempdir(), f"outgate-bench-{os.getpid()}")
        with said.open("w+") as output:
            environment = {**os.environ, **proxy.environment}
            process = self.lab.popen_in(
                self.lab.pod, command, env=environment, stdout=subprocess.DEVNULL, stderr=output
            )
            try:
                self._await(proxy, process, said)
                yield process.pid
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._gone(proxy)

    def measure(self, proxy: Proxy, row: Row, pid: int | None) -> dict[str, Any]:
        host, port = f"{row.kind}.bench", 443 if row.tls else 80
        trust = self.pki.gate_ca.cert if row.kind == "decrypted" and proxy.ports else self.pki.origin_ca.cert
        asked = {"host": host, "port": port, "trust": str(trust) if row.tls else "", "fresh": row.fresh}
        asked |= {"width": row.width, "path": row.path}
        self._ask(asked | {"seconds": WARM})
        before, counted = _cpu(pid), self.counts()
        found = self._ask(asked | {"seconds": self.seconds})
        reached = {key: value - counted.get(key, 0) for key, value in self.counts().items()}
        if reached.get(f"{host} {_identity(row)}", 0) < found["requests"]:
            raise RuntimeError(f"{proxy.name}, {row.name}: the origin saw {reached}, the load {found}")
        return found | {"cpu": _cpu(pid) - before, "rss_mb": _rss(pid), "seconds": self.seconds}

    def turn(self, proxy: Proxy) -> None:
        """Everything of the workload to this proxy, and to no other."""
        self._iptables("-t", "nat", "-F")
        if proxy.ports is None:
            return
        self._iptables("-t", "nat", "-A", "OUTPUT", "-m", "owner", "--uid-owner", str(UID), "-j", "RETURN")
        for port, to in zip((80, 443), proxy.ports, strict=True):
            rule = ["-p", "tcp", "--dport", str(port), "-j", "REDIRECT", "--to-ports", str(to)]
            self._iptables("-t", "nat", "-A", "OUTPUT", *rule)

    def counts(self) -> dict[str, int]:
        done = self.lab.run_in(self.lab.world, ["curl", "-s", f"http://{ADDRESS}:9000/counts"])
        return dict(json.loads(done.stdout))

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        load = as_user(WORKLOAD, [sys.executable, str(HERE / "load.py"), json.dumps(asked)])
        done = self.lab.run_in(self.lab.pod, ["taskset", "-c", LOAD_CORE, *load], timeout=120)
        if done.returncode:
            raise RuntimeError(f"the load failed: {done.stderr[-2000:]}")
        return dict(json.loads(done.stdout))

    def _iptables(self, *arguments: str) -> None:
        done = self.lab.run_in(self.lab.pod, ["iptables", *arguments])
        if done.returncode:
            raise RuntimeError(f"iptables {' '.join(arguments)} failed: {done.stderr}")

    def _await(self, proxy: Proxy, process: subprocess.Popen[bytes], said: Path) -> None:
        deadline = time.monotonic() + 60
        while not self._listens(proxy):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{proxy.name} did not start:\n{said.read_text()[-2000:]}")
            time.sleep(0.1)

    def _gone(self, proxy: Proxy) -> None:
        """The next one may have the same port."""
        while self._listens(proxy):
            time.sleep(0.1)

    def _listens(self, proxy: Proxy) -> bool:
        assert proxy.ports is not None
        ask = ["sh", "-c", f"ss -Htln sport = :{proxy.ports[0]} | grep -q LISTEN"]
        return bool(self.lab.run_in(self.lab.pod, ask).returncode == 0)


def _identity(row: Row) -> str:
    """How the origin has to have been reached."""
    return {"plain": "plain", "origination": "mutual"}.get(row.kind, "tls")


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _tree(int(child)))]


def _cpu(pid: int | None) -> float:
    """Seconds of processor that a process and its children have used."""
    if pid is None:
        return 0.0
    ticks = 0
    for one in _tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _rss(pid: int | None) -> float:
    if pid is None:
        return 0.0
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in _tree(pid))
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def compare(bench: Bench, among: list[Proxy], rows: tuple[Row, ...], rounds: int) -> Found:
    """Every row of every proxy, round by round, one proxy at a time."""
    found: Found = {row.name: {} for row in rows}
    for _ in range(rounds):
        for proxy in among:
            with bench.running(proxy) as pid:
                bench.turn(proxy)
                for row in (row for row in rows if row.kind not in proxy.cannot):
                    found[row.name].setdefault(proxy.name, []).append(bench.measure(proxy, row, pid))
                    sys.stderr.write(".")
                    sys.stderr.flush()
    sys.stderr.write("\n")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Side by side; read the ratios.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    if reason := unavailable():
        sys.stderr.write(f"the benchmark needs namespaces: {reason}\n")
        return 3
    pki = world.make_pki()
    try:
        with tempfile.TemporaryDirectory(prefix="outgate-bench-") as folder, _lab(pki) as bench:
            bench.seconds = asked.seconds
            Path(folder).chmod(0o755)
            _show("Proxies", compare(bench, proxies(Path(folder), pki), ROWS, asked.rounds), "stock mitmdump")
            sizes = [outgate(Path(folder), pki, entries) for entries in (10, 10_000)]
            _show("Registry", compare(bench, sizes, ROWS[:1], asked.rounds), sizes[0].name)
            workers = [outgate(Path(folder), pki, 200, count) for count in (1, 2)]
            _show("Workers", compare(bench, workers, ROWS[:1], asked.rounds), workers[0].name)
    finally:
        world.remove_pki(pki)
    return 0


@contextmanager
def _lab(pki: world.OriginPki) -> Iterator[Bench]:
    served = pki.origin_ca.server("bench", NAMES)
    config = {"address": ADDRESS, "certificate": str(served.chain), "key": str(served.key)}
    config["client_ca"] = str(pki.client_ca.cert)
    with Lab(dict.fromkeys(NAMES, (ADDRESS,))) as lab:
        command = ["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "origin.py"), json.dumps(config)]
        origin = lab.popen_in(lab.world, command, stdout=subprocess.PIPE, text=True)
        assert origin.stdout is not None
        if not origin.stdout.readline():
            raise RuntimeError("the origin did not start")
        yield Bench(lab, pki, 4.0)


def _show(title: str, found: Found, base: str) -> None:
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    text = table(title, found, base)
    stem = title.lower()
    (results / f"{stem}.md").write_text(text)
    (results / f"{stem}.svg").write_text(chart(title, found, base))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
