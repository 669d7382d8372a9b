"""What stands around bodies: the target of a request, the fields and trailers of a message, texts of the gate's own.

Owns which of them are URLs and cookies, what paths' templates take, and what of a head never changes, because a message
could not be read without it.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from urllib.parse import quote, unquote_to_bytes

from outgate.policy.redaction_model import Carrier, Strategy
from outgate.redact import places
from outgate.redact.codecs import header, url
from outgate.redact.codecs.formats import Format
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.documents import Document, Where
from outgate.redact.leaf import Edit, Leaf, Path
from outgate.redact.ledger import Ledger
from outgate.redact.rulebook import RuleBook
from outgate.redact.survey import Survey

_FRAMING = """
host content-length transfer-encoding content-encoding connection keep-alive te trailer upgrade grpc-encoding
connect-content-encoding
"""
_NEGOTIATION = """
accept accept-charset accept-encoding accept-language accept-ranges age allow cache-control content-type
content-language content-range date expect expires last-modified pragma range retry-after server user-agent vary via
sec-websocket-version sec-websocket-extensions sec-websocket-protocol sec-fetch-dest sec-fetch-mode sec-fetch-site
sec-fetch-user grpc-status grpc-accept-encoding grpc-timeout connect-protocol-version dnt
access-control-allow-credentials access-control-allow-headers access-control-allow-methods access-control-max-age
access-control-request-headers access-control-request-method access-control-expose-headers strict-transport-security
x-content-type-options x-frame-options upgrade-insecure-requests
"""
_DIGESTS = "content-md5 digest content-digest repr-digest etag x-amz-content-sha256 x-goog-hash"
FRAMING = frozenset(_FRAMING.split())
"""Left as they are."""
NEGOTIATION = frozenset(_NEGOTIATION.split())
"""No value of somebody's: what detectors do not know stays, also where unknown texts become tokens."""
DIGESTS = frozenset(_DIGESTS.split())
"""Made of a body: whoever has one can try what was in it."""
COOKIES = frozenset({"cookie", "set-cookie"})
URLS = frozenset({"location", "content-location", "referer"})


class Heads:
    """Of one side. `detecting` looks for what rules and detectors know, `surveying` also does what the mode says."""

    def __init__(self, book: RuleBook, ledger: Ledger, detecting: Survey, surveying: Survey) -> None:
        self._book, self._ledger = book, ledger
        self._detecting, self._surveying = detecting, surveying

    def target(self, target: str) -> Document:
        """Path and query."""
        body = target.encode("utf-8", "surrogateescape")
        document = Document(body, tuple(url.read(body)), self._in_target, Format.URL, carrier=Carrier.QUERY)
        self._templates(document)
        self._surveying.document(document)
        return document

    def _in_target(self, path: Path) -> str:
        if path[:1] == ("path",):
            return places.segment(int(path[1]))
        shown = self._ledger.shown(path)
        return places.named("request", "query", str(shown[1] if len(shown) > 1 else shown[0]))

    def field(self, side: str, carrier: str, name: str, value: bytes) -> Document | None:
        """One line of a head; None: it goes. `carrier`: `header` or `trailer`."""
        kind = Format.URL if name in (*URLS, "link") else Format.TEXT
        of = Carrier.COOKIE if name in COOKIES else Carrier.HEADER
        document = Document(
            value, tuple(header.codec(name)(value)), _of_field(side, carrier, name), kind, name=name, carrier=of
        )
        if name in URLS:
            self._templates(document)
        (self._detecting if name in NEGOTIATION or name in FRAMING else self._surveying).document(document)
        return None if self._goes(name) else document

    def _goes(self, name: str) -> bool:
        number = self._book.called(Carrier.HEADER, name)
        return number is not None and self._book.rules[number].replacement.strategy is Strategy.REMOVE

    def text(self, text: str, where: str) -> Document:
        """Of the gate or for people; no more than detectors know of it changes."""
        body = encoded(text)
        leaf = Leaf(0, len(body), text, header.written)
        document = Document(body, (leaf,) if text else (), lambda _: where, Format.TEXT)
        self._detecting.document(document)
        return document

    def _templates(self, document: Document) -> None:
        found = url.URL.fullmatch(document.body)
        assert found is not None, "its last parts take everything"
        path, at = found["path"].decode("latin-1"), found.start("path")
        document.path = path, at
        for (start, end), number in self._book.spans(path):
            document.spans.append((at + start, at + end))
            if self._book.keeps(number):
                continue
            text = decoded(unquote_to_bytes(path[start:end].encode("latin-1")))
            where = partial(document.where, ("path", path.count("/", 0, start) - 1))
            made = self._ledger.by_place(self._book.rules[number], "", text, where) or "-"
            document.edits.append(Edit(at + start, at + end, quote(encoded(made), safe="").encode()))


def phrase(status: int) -> str:
    """What a status is called by everybody."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _of_field(side: str, carrier: str, name: str) -> Where:
    if name in COOKIES:
        return lambda path: places.named(side, "cookie", str(path[0]) if path else "")
    return lambda _: places.named(side, carrier, name)
