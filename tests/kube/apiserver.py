"""A small API server of Kubernetes: TLS, a token, Secrets and webhook configurations, kept as they are written.

Owns the protocol as far as the chart's Jobs speak it: 404, 409, object versions and JSON Patch. It checks no rights
but the token.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from outgate.pki.authority import create_authority, save_authority
from outgate.pki.issue import Kind, issue, save_issued

TOKEN = "the-token-of-the-job"


class ApiServer(AbstractContextManager["ApiServer"]):
    """Listens on loopback. `account` is the directory that a pod has mounted."""

    def __init__(self, folder: Path) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.failing: dict[str, tuple[int, bytes]] = {}
        """By method: the status and the body that everybody gets."""
        self.account = folder / "account"
        self.account.mkdir()
        (self.account / "token").write_text(f"{TOKEN}\n")
        authority = create_authority("cluster CA", 10)
        certificate, _ = save_authority(authority, folder / "pki")
        (self.account / "ca.crt").write_bytes(certificate.read_bytes())
        served = save_issued(issue(authority, Kind.SERVER, ["127.0.0.1"], 10), folder / "pki", "api")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*served)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def environment(self) -> dict[str, str]:
        host, port = self._server.server_address[:2]
        return {"KUBERNETES_SERVICE_HOST": str(host), "KUBERNETES_SERVICE_PORT": str(port)}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def secret(self, place: str) -> dict[str, bytes]:
        """The files of a Secret, by `NAMESPACE/NAME`."""
        namespace, name = place.split("/")
        data = self.objects[f"/api/v1/namespaces/{namespace}/secrets/{name}"]["data"]
        return {key: base64.b64decode(text) for key, text in data.items()}

    def put_secret(self, place: str, files: dict[str, bytes]) -> None:
        namespace, name = place.split("/")
        data = {key: base64.b64encode(content).decode() for key, content in files.items()}
        content = {"metadata": {"name": name, "namespace": namespace}, "data": data}
        self._keep(f"/api/v1/namespaces/{namespace}/secrets/{name}", content)

    def answer(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        if method in self.failing:
            return self.failing[method]
        match method:
            case "GET":
                return (200, self.objects[path]) if path in self.objects else (404, {"message": "not found"})
            case "POST":
                place = f"{path}/{content['metadata']['name']}"
                return (409, {"message": "it exists"}) if place in self.objects else (201, self._keep(place, content))
            case "PUT":
                there = self.objects[path]["metadata"]["resourceVersion"]
                if content["metadata"].get("resourceVersion") != there:
                    return 409, {"message": "it has changed"}
                return 200, self._keep(path, content)
            case "PATCH":
                return 200, self._keep(path, _patched(self.objects[path], content))
        return 405, {"message": "no such method"}

    def _keep(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        version = str(len(self.asked))
        kept = content | {"metadata": content["metadata"] | {"resourceVersion": version}}
        self.objects[path] = kept
        return kept


def _patched(content: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """With `add` alone, which is what is used."""
    made = json.loads(json.dumps(content))
    for step in steps:
        assert step["op"] == "add"
        *way, last = step["path"].strip("/").split("/")
        target = made
        for name in way:
            target = target[int(name)] if isinstance(target, list) else target[name]
        target[last] = step["value"]
    return made


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            content = json.loads(self.rfile.read(length)) if length else None
            server.asked.append((self.command, self.path))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, answer = 401, {"message": "who are you"}
            else:
                status, answer = server.answer(self.command, self.path, content)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = _serve

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
