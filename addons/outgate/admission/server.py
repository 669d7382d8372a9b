"""The webhook's endpoint: who may send what, and how each is answered.

Owns paths, sizes, content types and counts. What a review says is `review.py`'s; whatever fails there admits no pod.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from outgate.admission.keeping import Keeping
from outgate.admission.review import Answer, Malformed, Outcome, Request, answer, failed, read
from outgate.door import Door
from outgate.scrape import health, readiness
from outgate.settings import parse_address
from outgate.sockets import bind
from outgate.telemetry import names
from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.exposition import CONTENT_TYPE, exposition

log = logging.getLogger(__name__)

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a review. The API server takes objects of 1.5 MiB, and a review has the old one beside the new."""
MAX_HEAD = 64 * 1024
CONNECTIONS = 1024
IDLE = 120.0
"""Seconds that a connection may be idle. The API server gives up its own after 90, and must be the first to."""
PATIENCE = 10.0
"""Seconds for a body to arrive."""


class Webhook:
    """What is served, and how often it was."""

    def __init__(self, keeping: Keeping, judge: Callable[..., Answer] = answer) -> None:
        self.keeping, self._judge = keeping, judge
        self.outcomes: Counter[Outcome] = Counter()
        self.malformed = 0
        self.draining = False

    def answered(self, body: bytes) -> dict[str, Any]:
        """Raises `Malformed`, which is no answer that admits anything."""
        request = read(body)
        try:
            found = self._judge(request, self.keeping.settings)
        except Exception:
            log.exception("a pod could not be judged")
            found = failed(request)
        self.outcomes[found.outcome] += 1
        _tell(request, found)
        return found.content

    def unready(self) -> str:
        return "draining" if self.draining else ""

    def scraped(self) -> Scraped:
        return {
            names.REVIEWS.name: {
                (names.REVIEWS.labels, (outcome.value,)): float(self.outcomes[outcome]) for outcome in Outcome
            },
            names.MALFORMED.name: {(names.MALFORMED.labels, ()): float(self.malformed)},
        }


def _tell(request: Request, found: Answer) -> None:
    """Quoted, for what is in it is whoever made the pod's to choose."""
    if found.outcome is not Outcome.UNTOUCHED:
        metadata = request.manifest.get("metadata") if isinstance(request.manifest, dict) else None
        named = metadata if isinstance(metadata, dict) else {}
        who = f"{request.namespace}/{named.get('name') or named.get('generateName') or ''}"
        log.info(
            "%s the pod %s%s", found.outcome, json.dumps(who), f": {json.dumps(found.reason)}" * bool(found.reason)
        )


class Endpoint(RequestHandler):
    """Answers and errors in JSON."""

    def initialize(self, webhook: Webhook) -> None:
        self.webhook = webhook

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def say(self, content: dict[str, Any], status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(content))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.say({"error": self._reason.lower()}, status_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Without the request, whose path is whoever asks's to choose."""
        if not isinstance(value, HTTPError):
            log.error("the webhook failed", exc_info=(typ, value, tb))


@stream_request_body
class Inject(Endpoint):
    """A review in the body. It is read by pieces, so that one too large is answered and not only cut off."""

    SUPPORTED_METHODS = ("POST",)

    def prepare(self) -> None:
        self._body = bytearray()
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            self._refuse(415, f"the content type is {json.dumps(kind[:60])}; send application/json")
        elif self._announced() > MAX_BODY:
            self._too_large()

    def data_received(self, chunk: bytes) -> None:
        if not self._finished:
            self._body += chunk
            if len(self._body) > MAX_BODY:
                self._too_large()

    def post(self) -> None:
        try:
            self.say(self.webhook.answered(bytes(self._body)))
        except Malformed as error:
            self._refuse(400, str(error))

    def _announced(self) -> int:
        """What is no number is refused by whoever reads the body by it."""
        text = self.request.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else 0

    def _too_large(self) -> None:
        self._refuse(413, f"the body has more than {MAX_BODY} bytes; no review of a pod is as large")

    def _refuse(self, status: int, what: str) -> None:
        self.webhook.malformed += 1
        self.say({"error": what}, status)


class Health(Endpoint):
    """The process lives and its event loop turns."""

    def get(self) -> None:
        self.say(health())


class Readiness(Endpoint):
    """Whether reviews are taken."""

    def get(self) -> None:
        self.say(*readiness(self.webhook.unready()))


class Metrics(Endpoint):
    """What was counted, as Prometheus reads it."""

    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(b"".join(exposition(self.webhook.scraped())))


class Unknown(Endpoint):
    """Every other path."""

    def prepare(self) -> None:
        self.say({"error": "no such path"}, 404)


PROBES: dict[str, type[Endpoint]] = {"/healthz": Health, "/readyz": Readiness}


class Listener:
    """`address` is `ADDR:PORT`. Listens from `start` to `stop`: reviews over TLS, or else what a probe may ask."""

    def __init__(self, address: str, webhook: Webhook, *, reviews: bool) -> None:
        self.address = address
        self.port = 0
        """Once it listens."""
        paths = PROBES | ({"/inject": Inject} if reviews else {"/metrics": Metrics})
        given = {"webhook": webhook}
        application = Application(
            [(path, endpoint, given) for path, endpoint in paths.items()],
            default_handler_class=Unknown,
            default_handler_args=given,
            # Tornado would log paths.
            log_function=lambda handler: None,
        )
        self._server = HTTPServer(
            application,
            max_body_size=16 * MAX_BODY,
            max_header_size=MAX_HEAD,
            idle_connection_timeout=IDLE,
            body_timeout=PATIENCE,
        )
        secure = (lambda: webhook.keeping.tls) if reviews else None
        self._door = Door(self._server, lambda sock: False, secure, CONNECTIONS)

    def start(self) -> None:
        """Raises `OSError` where the address is taken or not ours."""
        for sock in bind(*parse_address(self.address)):
            self.port = int(sock.getsockname()[1])
            self._door.open(sock)

    def drain(self) -> None:
        """Each connection ends with the answer to its next request."""
        self._server.conn_params.no_keep_alive = True

    async def stop(self) -> None:
        await self._door.close()
        await self._server.close_all_connections()
