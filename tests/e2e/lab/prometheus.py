"""Debian's Prometheus, which reads a page of metrics every second and answers queries about it.

Owns its process, its directory and its query API. Knows no gate: it is given an address and a path, and rules if
alerts are to be seen. It stands on this machine, or in a lab's world.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError

import pytest

from .gate import free_port
from .namespaces import Lab

PATIENCE = 30.0  # seconds for a start, an answer or a stop
JOB = "outgate"

Sample = dict[str, Any]

needed = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus, of Debian's package")


class Prometheus:
    """Reads `target`, which is `host:port`, and answers on loopback; its own data goes when it ends."""

    def __init__(self, target: str, path: str = "/metrics", rules: Path | None = None, lab: Lab | None = None) -> None:
        self._folder, self._lab = Path(tempfile.mkdtemp(prefix="outgate-prometheus-")), lab
        with self._network():
            self._address = f"127.0.0.1:{free_port()}"
        self._write(target, path, rules)
        self._process: subprocess.Popen[bytes] | None = None

    def _write(self, target: str, path: str, rules: Path | None) -> None:
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        job = {"job_name": JOB, "metrics_path": path, "static_configs": [{"targets": [target]}]}
        content = {"global": every, "scrape_configs": [job], "rule_files": [str(rules)] if rules else []}
        self._config.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML

    @property
    def _config(self) -> Path:
        return self._folder / "prometheus.yml"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder)

    def _start(self) -> None:
        """Raises RuntimeError with what it said, where it does not come to be ready."""
        where = [f"--config.file={self._config}", f"--storage.tsdb.path={self._folder / 'data'}"]
        argv = ["prometheus", *where, f"--web.listen-address={self._address}", "--log.level=warn"]
        with self._log.open("wb") as log:
            self._process = self._launch(argv, cwd=self._folder, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + PATIENCE
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"prometheus did not start:\n{self._log.read_text(encoding='utf-8')}")
            time.sleep(0.1)

    def _launch(self, argv: list[str], **popen: Any) -> subprocess.Popen[bytes]:
        if self._lab is None:
            return subprocess.Popen(argv, **popen)
        return self._lab.popen_in(self._lab.world, argv, **popen)

    def _network(self) -> AbstractContextManager[None]:
        return nullcontext() if self._lab is None else self._lab.enter(self._lab.world)

    def _ready(self) -> bool:
        try:
            with self._network(), urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=PATIENCE):
                return True
        except (URLError, ConnectionError):
            return False

    def query(self, expression: str) -> list[Sample]:
        """What an expression is now: `metric`, its labels, and `value` for each series. A scalar is one of no labels.
        Raises ValueError in Prometheus's words where it is no PromQL."""
        found = self._asked("query", {"query": expression})
        if found["resultType"] == "scalar":
            return [{"metric": {}, "value": float(found["result"][1])}]
        return [{"metric": each["metric"], "value": float(each["value"][1])} for each in found["result"]]

    def wait(self, expression: str, within: float = PATIENCE) -> list[Sample]:
        """The same, once there is a number in it. Raises TimeoutError with what the reading of the page came to."""
        deadline = time.monotonic() + within
        while not _numbers(found := self.query(expression)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no data within {within:g} s for {expression}: {found}; {self.problem() or 'up'}")
            time.sleep(0.25)
        return found

    def problem(self) -> str:
        """Why the page cannot be read; empty where it can, or was not tried yet."""
        (target,) = self._asked("targets", {"state": "active"})["activeTargets"]
        return str(target["lastError"])

    def alerts(self) -> list[Sample]:
        """Those that are pending or fire: `labels`, `annotations`, `state`."""
        found: list[Sample] = self._asked("alerts", {})["alerts"]
        return found

    def _asked(self, what: str, values: dict[str, str]) -> Any:
        url = f"http://{self._address}/api/v1/{what}?{urllib.parse.urlencode(values)}"
        try:
            with self._network(), urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None


def _numbers(samples: list[Sample]) -> list[float]:
    return [sample["value"] for sample in samples if not math.isnan(sample["value"])]
