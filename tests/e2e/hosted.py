"""mitmdump and mitmweb as their users start them, with `-s addons/egress.py`, on this machine's loopback.

Owns the process and what is said to mitmweb's own interface. Whether it became a gate is for the tests to say.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .lab.engines import EGRESS, PASSWORD
from .lab.gate import LoopbackGate
from .lab.world import OriginPki
from .workload import Answer, came_of

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
        super().__init__(policy, pki, mode, settings=settings, engine=program)
        self.options, self.script = list(options), script
        self.trusted = str(pki.gate_ca.cert)

    def _hosting(self) -> dict[str, Any]:
        return {**super()._hosting(), "script": self.script, "options": self.options}

    def curl(self, url: str, *flags: str) -> Answer:
        way = ["--noproxy", "", "--proxy", "http://{}:{}".format(*self.address), "--cacert", self.trusted]
        asked = ["curl", "-sS", "-i", "--suppress-connect-headers", "--max-time", "20", *way, *flags, url]
        return came_of(subprocess.run(asked, capture_output=True, check=False, timeout=30))

    # mitmweb's interface.

    def web(self, method: str, path: str, content: Json = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.page, timeout=PATIENCE)
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
        connection = http.client.HTTPConnection("127.0.0.1", self.page, timeout=PATIENCE)
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
