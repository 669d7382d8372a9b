"""mitmdump and mitmweb as their users start them, with `-s addons/egress.py`, on this machine's loopback.

Owns the process and what is said to mitmweb's own interface. Whether it became a gate is for the tests to say.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .lab.gate import ADDONS, LoopbackGate, free_port
from .lab.world import OriginPki
from .workload import Answer, came_of

EGRESS = Path(ADDONS) / "egress.py"
PASSWORD = "a-password-for-tests"
HEADERS = {
    "Authorization": f"Bearer {PASSWORD}",
    "Cookie": "_mitmproxy_xsrf=0123456789abcdef",
    "X-XSRFToken": "0123456789abcdef",
}
PATIENCE = 15.0

Json = Any


class Hosted(LoopbackGate):
    """A gate inside `mitmdump` or `mitmweb`. `options` are mitmproxy's, `settings` the gate's."""

    def __init__(
        self,
        program: str,
        policy: str,
        pki: OriginPki,
        options: Sequence[str] = (),
        settings: Mapping[str, object] | None = None,
        script: Path = EGRESS,
        mode: str = "regular",
    ) -> None:
        super().__init__(policy, pki, mode, settings=settings)
        self.program, self.options, self.script = program, list(options), script
        self.trusted = str(pki.gate_ca.cert)
        self.web_port = free_port()

    def _arguments(self) -> list[str]:
        pairs = [f"outgate_{key}={value}" for key, value in {"policy": self.policy, **self._settings}.items()]
        pairs += [f"confdir={self._folder / 'conf'}", f"outgate_admin={self._admin[0]}:{self._admin[1]}"]
        if self.program == "mitmweb":
            pairs += [f"web_port={self.web_port}", f"web_password={PASSWORD}", "web_open_browser=false"]
        set_ = [part for pair in pairs for part in ("--set", pair)]
        host, port = self.address
        return ["-s", str(self.script), "--mode", f"{self._mode}@{host}:{port}", *set_, *self.options]

    def _launch(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        binary = str(Path(sys.executable).with_name(self.program))
        environment.pop("PYTHONPATH", None)  # the script finds what lies beside it
        return super()._launch([binary, *self._arguments()], environment)

    def curl(self, url: str, *flags: str) -> Answer:
        way = ["--noproxy", "", "--proxy", "http://{}:{}".format(*self.address), "--cacert", self.trusted]
        asked = ["curl", "-sS", "-i", "--suppress-connect-headers", "--max-time", "20", *way, *flags, url]
        return came_of(subprocess.run(asked, capture_output=True, check=False, timeout=30))

    # mitmweb's interface.

    def web(self, method: str, path: str, content: Json = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=PATIENCE)
        body = None if content is None else json.dumps(content)
        headers = HEADERS if body is None else HEADERS | {"Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, path: str, data: bytes) -> int:
        """POST bytes as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=PATIENCE)
        try:
            connection.request("POST", path, data, HEADERS)
            return connection.getresponse().status
        finally:
            connection.close()

    def flows(self) -> list[Json]:
        status, body = self.web("GET", "/flows")
        assert status == 200, body
        return list(json.loads(body))

    def flow(self, wanted: Callable[[Json], object]) -> Json:
        """The first flow that is as wanted, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := next(filter(wanted, self.flows()), None):
                return found
            time.sleep(0.02)
        raise TimeoutError(f"no such flow among {self.flows()}; it said:\n{self.stderr()}")

    def does(self, method: str, path: str, content: Json = None) -> bytes:
        """A call that has to succeed."""
        status, body = self.web(method, path, content)
        assert status == 200, (method, path, status, body)
        return body
