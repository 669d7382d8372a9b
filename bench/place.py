"""Where a proxy is measured: the pod with its redirect, the world with the origins, and a core for either side.

Owns starting and stopping proxies, turning the workload's connections to one of them, and one measurement. Every
measurement is checked at the origin: so many requests came, and from whom they should.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from loads import Load, Span, config
from origins import Origins
from proxies import UID, Proxy
from rows import Row
from signals import Collector
from usage import cpu, rss

from e2e.lab.namespaces import Lab
from e2e.lab.users import as_user
from e2e.lab.world import OriginPki

HERE = Path(__file__).resolve().parent
WORKLOAD = 1000
PROXY_CORES = ("0", "1")
LOAD_CORE = str(min(2, (os.cpu_count() or 1) - 1))
"""Apart from the proxies', where the machine has three; with two, a second worker shares it with load and origin."""
PATIENCE = 60.0
FORGOTTEN = 1
"""Seconds for which the pod remembers a connection that is over. While it does, another one from the same port goes the
way of the first: past the proxy, where there was none then."""
ENDED = ("time_wait", "fin_wait", "close_wait", "last_ack", "close")
PORTS = "30000 60999"
"""From which proxies dial; load.py has others."""


class Place:
    """`measure` is one row through one proxy, for a span."""

    def __init__(self, lab: Lab, pki: OriginPki, origins: Origins, folder: Path) -> None:
        self.lab, self.pki, self.origins, self.folder = lab, pki, origins, folder
        self._spool = folder / "spool"
        self._spool.mkdir()
        self._spool.chmod(0o777)
        self.collector: Collector | None = None
        timeouts = [f"echo {FORGOTTEN} > /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_{state}" for state in ENDED]
        ports = f"echo {PORTS} > /proc/sys/net/ipv4/ip_local_port_range"
        done = self.lab.run_in(self.lab.pod, ["sh", "-ec", "; ".join([*timeouts, ports])])
        if done.returncode:
            raise RuntimeError(f"the pod cannot be told to keep connections apart: {done.stderr}")

    @contextmanager
    def running(self, proxy: Proxy) -> Iterator[int | None]:
        """The proxy's process, with nothing turned to it yet. Its access log, if it prints one, goes to a file."""
        if proxy.ports is None:
            yield None
            return
        command = ["taskset", "-c", ",".join(PROXY_CORES[: proxy.cores]), *as_user(UID, list(proxy.command))]
        said = self.folder / f"{proxy.ports[0]}.err"
        self.collector = self.collector or (Collector(self.lab, LOAD_CORE) if proxy.signals else None)
        with said.open("w") as errors, said.with_suffix(".out").open("w") as output:
            process = self.lab.popen_in(
                self.lab.pod, command, env={**os.environ, **proxy.environment}, stdout=output, stderr=errors
            )
            try:
                self._await(proxy, process, said)
                with self._scraped(proxy):
                    yield process.pid
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._gone(proxy)

    def turn(self, proxy: Proxy) -> None:
        """Everything of the workload to this proxy, and to no other. What is not turned all the same is refused, and
        the load tries again: it must not be measured."""
        for table in ("nat", "filter"):
            self._iptables(table, "-F")
        time.sleep(2 * FORGOTTEN)
        if proxy.ports is None:
            return
        self._iptables("nat", "-A", "OUTPUT", "-m", "owner", "--uid-owner", str(UID), "-j", "RETURN")
        for port, to in zip((80, 443), proxy.ports, strict=True):
            rule = ["-p", "tcp", "--dport", str(port), "-j", "REDIRECT", "--to-ports", str(to)]
            self._iptables("nat", "-A", "OUTPUT", *rule)
            past = ["-p", "tcp", "--dport", str(port), "-m", "conntrack", "!", "--ctstate", "DNAT"]
            whose = ["-m", "owner", "--uid-owner", str(WORKLOAD)]
            self._iptables("filter", "-A", "OUTPUT", *past, *whose, "-j", "REJECT", "--reject-with", "tcp-reset")

    def measure(self, proxy: Proxy, row: Row, pid: int | None, span: Span, warm: Span) -> dict[str, Any]:
        """What the load says, and what the proxy used for it: seconds of `cpu`, `rss` in MiB at the end."""
        with self._heard(proxy, row):
            if warm.seconds:
                self._ask(proxy, row, warm)
            before, counted = cpu(pid), self.origins.counts()
            found = self._ask(proxy, row, span)
            used = cpu(pid) - before
            self.check(proxy, row, counted, found["requests"])
        return found | {"cpu": used, "rss": rss(pid), "megabytes": row.megabytes}

    def check(self, proxy: Proxy, row: Row, before: Counter[str], requests: float) -> None:
        """The origin saw these requests from whom it should, nothing twice, and nothing else. At the end of a load as
        many as are under way may be without an answer."""
        reached = self.origins.counts() - before
        if not requests <= reached.pop(row.seen, 0) <= requests + row.width or reached:
            told = self.origins.counts() - before
            raise RuntimeError(f"{proxy.name}, {row.name}: the load counts {requests}, the origin {dict(told)}")

    @contextmanager
    def holding(self, proxy: Proxy, row: Row) -> Iterator[subprocess.Popen[str]]:
        """A load that keeps its connections open: it says a line when they are, and one when each was used again."""
        asked = json.dumps(config(row, self._trust(proxy, row), Span(0)) | {"hold": True})
        load = self._as_workload([sys.executable, str(HERE / "load.py"), asked])
        process = self.lab.popen_in(self.lab.pod, load, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _scraped(self, proxy: Proxy) -> AbstractContextManager[None]:
        return proxy.signals.scraped(self.lab, LOAD_CORE) if proxy.signals else nullcontext()

    def _heard(self, proxy: Proxy, row: Row) -> AbstractContextManager[None]:
        """What its telemetry tells of what is carried meanwhile has to arrive, where it is to tell anything, and so has
        what it captures."""
        if proxy.kept is not None:
            return proxy.kept.hearing(lambda: self.origins.counts()[row.seen], row.width)
        if proxy.signals is None or self.collector is None:
            return nullcontext()
        return self.collector.hearing(proxy.signals, lambda: self.origins.counts()[row.seen], row.width)

    def _ask(self, proxy: Proxy, row: Row, span: Span) -> dict[str, Any]:
        load = Load(row, self._trust(proxy, row), span, self._spool / "h2load.log")
        patience = PATIENCE + (span.requests / 20 if span.requests else span.seconds)
        done = self.lab.run_in(self.lab.pod, self._as_workload(load.command), timeout=patience)
        if done.returncode:
            raise RuntimeError(f"{proxy.name}, {row.name}: the load failed: {done.stderr[-2000:]}")
        return load.found(done.stdout)

    def _trust(self, proxy: Proxy, row: Row) -> Path:
        return self.pki.gate_ca.cert if row.decrypted and proxy.ports else self.pki.origin_ca.cert

    def _as_workload(self, command: list[str]) -> list[str]:
        return ["taskset", "-c", LOAD_CORE, *as_user(WORKLOAD, command)]

    def _iptables(self, table: str, *arguments: str) -> None:
        done = self.lab.run_in(self.lab.pod, ["iptables", "-t", table, *arguments])
        if done.returncode:
            raise RuntimeError(f"iptables {' '.join(arguments)} failed: {done.stderr}")

    def _await(self, proxy: Proxy, process: subprocess.Popen[bytes], said: Path) -> None:
        deadline = time.monotonic() + PATIENCE
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
