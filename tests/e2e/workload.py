"""A workload in the pod: curl under a uid of its own, and sockets that say exactly what they are told.

Owns asking and reading what comes back. Judges nothing: an answer is data, a broken connection too.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lab.namespaces import Lab
from .lab.world import OriginPki

UID = 1000
PATIENCE = 15.0  # seconds for any one thing


@dataclass(frozen=True)
class Answer:
    """What a client got. `exit` is curl's code, `early` the informational statuses before the answer's own."""

    exit: int
    status: int
    version: str
    headers: list[tuple[str, str]]
    body: bytes
    early: tuple[int, ...]
    error: str

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def denial(self) -> dict[str, Any]:
        """The gate's own account of why not."""
        told: dict[str, Any] = self.json["outgate"]
        return told


@dataclass(frozen=True)
class Workload:
    """Asks from the pod of a lab, trusting the gate's CA."""

    lab: Lab
    pki: OriginPki

    def curl(self, url: str, *flags: str, trust: Path | None = None, data: bytes | None = None) -> Answer:
        """One request. `data` is the body, through standard input: `--data-binary @-` or `--upload-file -`."""
        asked = ["curl", "-sS", "-i", "--max-time", f"{PATIENCE:g}", "--cacert", str(trust or self.pki.gate_ca.cert)]
        options: dict[str, Any] = {"encoding": None, "errors": None}
        done = self.lab.run_in(self.lab.pod, [*asked, *flags, url], UID, **options, **({"input": data} if data else {}))
        return came_of(done)

    def address(self, host: str, version: int = 4) -> str:
        """A name's address in the pod, or the address that is given."""
        return next((one for one in self.lab.names.get(host, ()) if (":" in one) == (version == 6)), host)

    @contextmanager
    def dial(self, host: str, port: int, version: int = 4) -> Iterator[socket.socket]:
        """A connection, closed at the end. The other side may break it off at any time."""
        with self.lab.enter(self.lab.pod):
            made = socket.create_connection((self.address(host, version), port), PATIENCE)
        with made:
            yield made

    @contextmanager
    def secure(self, host: str, port: int = 443, name: str | None = None, **how: Any) -> Iterator[ssl.SSLSocket]:
        """The same with TLS inside. `name` is the SNI, `host` if none is given; `how` is for `context`."""
        context = self.context(**how)
        with self.dial(host, port) as made, context.wrap_socket(made, server_hostname=name or host) as wrapped:
            yield wrapped

    def context(self, trust: Path | None = None, alpn: str = "http/1.1", tls: str = "") -> ssl.SSLContext:
        """A client's TLS. `tls` is the one version to speak, `TLSv1_2` or `TLSv1_3`."""
        made = ssl.create_default_context(cafile=str(trust or self.pki.gate_ca.cert))
        made.set_alpn_protocols([alpn])
        if tls:
            made.minimum_version = made.maximum_version = ssl.TLSVersion[tls]
        return made

    def say(self, host: str, data: bytes, port: int = 80, version: int = 4) -> bytes:
        """Everything that comes back until the other side ends, however it does."""
        try:
            with self.dial(host, port, version) as made:
                made.sendall(data)
                return drain(made)
        except ConnectionResetError:  # before everything was said, or even before connecting was over
            return b""

    def get(self, host: str, head: bytes, port: int = 80) -> Answer:
        """The answer to a request head that is sent as it is, without its last two line ends."""
        return parsed(self.say(host, head + b"\r\nConnection: close\r\n\r\n", port))


def drain(made: socket.socket) -> bytes:
    """Everything until the end; a reset is an end too."""
    received = b""
    try:
        while data := made.recv(65536):
            received += data
    except (ConnectionError, ssl.SSLError):
        pass
    return received


def response(made: socket.socket, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    """The next answer on a connection that goes on, and its body."""
    answer = http.client.HTTPResponse(made, method=method)
    answer.begin()
    return answer, answer.read()


def came_of(done: subprocess.CompletedProcess[bytes]) -> Answer:
    """What a curl that ran with `-i` got."""
    return _parsed(done.returncode, done.stdout, done.stderr.decode())


def parsed(data: bytes) -> Answer:
    """An answer out of the bytes of it, the body as it was framed."""
    return _parsed(0, data, "")


def _parsed(code: int, data: bytes, error: str) -> Answer:
    early: list[int] = []
    while True:
        head, _, rest = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        version, _, status = line.partition(" ")
        number = int(status[:3]) if status[:3].isdigit() else 0
        if number == 0 or number >= 200 or not rest.startswith(b"HTTP/"):
            break
        early.append(number)
        data = rest
    headers = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
    return Answer(code, number, version, headers, rest, tuple(early), error)
