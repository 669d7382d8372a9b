"""The API server as a pod with a service account reaches it: one request after the other, bounded, over verified TLS.

Owns where it is, who asks, and the words for what it refuses. Knows no kinds.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the token and the cluster's CA are mounted."""
PATIENCE = 15.0
"""Seconds for each step of a request."""
MAX_ANSWER = 4 * 1024 * 1024
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
NOT_FOUND = 404

type Json = dict[str, Any]


class Unable(Exception):
    """The API server cannot be asked, or refuses. The text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API server and the token it is shown."""

    host: str
    port: int
    trust: ssl.SSLContext
    token: str = field(repr=False)

    def get(self, path: str) -> Json | None:
        """An object; None where there is none. Raises `Unable`."""
        found: Json | None = self._asked("GET", path, missing=True)
        return found

    def post(self, path: str, content: Json) -> None:
        self._asked("POST", path, content)

    def put(self, path: str, content: Json) -> None:
        self._asked("PUT", path, content)

    def patch(self, path: str, steps: list[Json]) -> None:
        """Steps of a JSON Patch. Raises `Unable`."""
        self._asked("PATCH", path, steps, JSON_PATCH)

    def _asked(self, method: str, path: str, content: object = None, kind: str = JSON, missing: bool = False) -> Any:
        try:
            status, body = self._exchange(method, path, content, kind)
        except (OSError, http.client.HTTPException) as error:
            what = f"{method} {path}: the API server at {self.host}:{self.port} cannot be asked: {error}"
            raise Unable(f"{what}; look at NetworkPolicies and at its certificate") from error
        if missing and status == NOT_FOUND:
            return None
        if status >= http.client.BAD_REQUEST:
            raise Unable(f"{method} {path}: the API server says {status}: {_reason(body)}")
        return _object(body, f"{method} {path}")

    def _exchange(self, method: str, path: str, content: object, kind: str) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE, context=self.trust)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": JSON, "Content-Type": kind}
        try:
            connection.request(method, path, None if content is None else json.dumps(content), headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER)
        finally:
            connection.close()


def in_cluster(environ: Mapping[str, str], account: Path = ACCOUNT) -> Api:
    """The API server of the cluster that this is a pod of. Raises `Unable` outside."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port.isdigit():
        raise Unable("this is no pod of a cluster: KUBERNETES_SERVICE_HOST and _PORT are not set; run it in a Job")
    try:
        token = (account / "token").read_text(encoding="utf-8").strip()
        trust = ssl.create_default_context(cafile=account / "ca.crt")
    except (OSError, UnicodeDecodeError) as error:
        what = f"the service account's token and CA in {account} cannot be used: {error}"
        raise Unable(f"{what}; set automountServiceAccountToken") from error
    return Api(host, int(port), trust, token)


def _object(body: bytes, what: str) -> Any:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Unable(f"{what}: the API server's answer is no JSON") from error
    if not isinstance(found, dict):
        raise Unable(f"{what}: the API server's answer is no object")
    return found


def _reason(body: bytes) -> str:
    """The message of a Status, as one line of printable characters."""
    try:
        text = str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        text = "no reason"
    return "".join(char if char.isprintable() else "?" for char in text)[:500]
