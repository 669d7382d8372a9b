"""The sample application: tries one thing after the other and says what it got, one JSON line each.

Knows nothing of the gate but, in regular mode, its address (`--proxy`). `--ca` is the gate's CA, which workloads trust;
`--pinned-ca` is what the pinned client trusts instead.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import ssl
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

WITHIN = 5.0
"""Seconds for each attempt."""


class Refused(ConnectionError):
    """The proxy did not grant a connection: its status, and what it said."""


class Application:
    def __init__(self, proxy: str, ca: str, pinned_ca: str) -> None:
        self.proxy = proxy.rpartition(":")[::2] if proxy else None
        self.trust = ssl.create_default_context(cafile=ca)
        self.pinned = ssl.create_default_context(cafile=pinned_ca)

    def get(self, url: str, method: str = "GET") -> str:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path or "/"
        if parts.scheme == "https":
            return self._ask(self._tls(host, self.trust), host, path, method)
        if self.proxy is not None:
            return self._ask(self._connection(*self.proxy), parts.netloc, url, method)
        return self._ask(self._connection(host, parts.port or 80), parts.netloc, path, method)

    def pinned_get(self, host: str) -> str:
        connection = self._tls(host, self.pinned)
        answer = self._ask(connection, host, "/hello", "GET")
        return f"{answer}, the origin's own certificate"

    def echo(self, host: str, port: int) -> str:
        with self._open(host, port) as sock:
            sock.sendall(b"ping")
            answer = sock.recv(100)
        return f"answered {answer.decode()!r}" if answer else "closed"

    def _open(self, host: str, port: int) -> socket.socket:
        if self.proxy is None:
            return socket.create_connection((host, port), WITHIN)
        sock = socket.create_connection((self.proxy[0], int(self.proxy[1])), WITHIN)
        sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(sock, method="CONNECT")
        answer.begin()
        if answer.status != 200:
            raise Refused(f"{answer.status}{_gist(answer.read())}")
        return sock

    def _connection(self, host: str, port: int | str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(host, int(port), timeout=WITHIN)

    def _tls(self, host: str, context: ssl.SSLContext) -> http.client.HTTPConnection:
        connection = self._connection(host, 443)
        connection.sock = context.wrap_socket(self._open(host, 443), server_hostname=host)
        return connection

    def _ask(self, connection: http.client.HTTPConnection, host: str, path: str, method: str) -> str:
        connection.request(method, path, headers={"Host": host})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return f"{response.status}{_gist(body)}"


def _gist(body: bytes) -> str:
    """The part of an answer that the demo is about."""
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    if "outgate" in content:
        return f" {content['outgate']['code']}"
    client = ((content.get("tls") or {}).get("client") or {}).get("subject") or {}
    return f", the origin saw the certificate of {client['commonName']}" if client else ""


ATTEMPTS: tuple[tuple[str, Callable[[Application], str]], ...] = (
    ("GET http://api.example/hello", lambda app: app.get("http://api.example/hello")),
    ("GET https://api.example/hello", lambda app: app.get("https://api.example/hello")),
    ("GET http://partner.example/orders", lambda app: app.get("http://partner.example/orders")),
    ("DELETE https://api.example/admin/users", lambda app: app.get("https://api.example/admin/users", "DELETE")),
    ("GET http://forbidden.example/", lambda app: app.get("http://forbidden.example/")),
    ("GET https://forbidden.example/", lambda app: app.get("https://forbidden.example/")),
    ("GET https://pinned.example/ (pinned)", lambda app: app.pinned_get("pinned.example")),
    ("TCP tcp.example:7000", lambda app: app.echo("tcp.example", 7000)),
    ("TCP forbidden.example:22", lambda app: app.echo("forbidden.example", 22)),
    ("GET http://169.254.169.254/latest", lambda app: app.get("http://169.254.169.254/latest")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", default="")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--pinned-ca", required=True)
    known = parser.parse_args()
    app = Application(known.proxy, known.ca, known.pinned_ca)
    for tried, attempt in ATTEMPTS:
        try:
            happened = attempt(app)
        except Refused as error:
            happened = str(error)
        except OSError as error:
            happened = f"closed ({type(error).__name__})"
        sys.stdout.write(json.dumps({"tried": tried, "happened": happened}) + "\n")
        sys.stdout.flush()
        sys.stdin.readline()  # the demo looks into the gate's log before the next one


if __name__ == "__main__":
    main()
