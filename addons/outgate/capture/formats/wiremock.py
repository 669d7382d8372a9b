"""Stub mappings of WireMock 3: a folder for each host, with `mappings` and `__files`, as its `--root-dir`.

Owns the mappings. What a request is matched by is its method, address, query and body; a request that was answered
several times is a scenario, whose last answer stays. Answers are decoded, as WireMock codes them anew.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import orjson

from outgate.capture.formats.stubs import Asked, Pattern, StubWriter
from outgate.capture.formats.writing import authority, lists, media_type, sent_anew, text
from outgate.capture.matching.bodies import meaning
from outgate.capture.matching.forms import pairs, parts
from outgate.redact.codecs.packed import MOST
from outgate.redact.decoding import Bounds, decode
from outgate.redact.exchange import Exchange, Request, Response
from outgate.redact.redacted import Manifest, Redacted
from outgate.redact.unpacking import Undecodable

GZIP = b"\x1f\x8b\x08"
ANY = "${json-unit.ignore}"
STARTED = "Started"
MAPPINGS, FILES = "mappings", "__files"
MOST_CONSTRAINTS = 20
LONGEST_NAME = 255
SUFFIXES = {"json": "json", "html": "html", "xml": "xml", "text/": "txt", "event-stream": "txt"}


class MappingWriter(StubWriter):
    """Writes into a folder, which has to be empty."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._number = 0

    def pattern(self, request: Request, manifest: Manifest) -> Pattern:
        return {"host": text(authority(request)), **_matched(Asked(request, manifest))}

    def write(self, kept: Redacted) -> str:
        if why := self.refusal(kept):
            return why
        request = kept.exchange.request
        assert request is not None
        pattern = self.pattern(request, kept.manifest)
        scenario = _scenario(*self.turn(pattern))
        self._number += 1
        root, name = self._folder / _named(pattern.pop("host")), f"{self._number:06}"
        mapping = {
            "name": f"{text(request.method)} {text(request.target)}",
            "request": pattern,
            "response": _response(kept.exchange, root, name),
            "priority": 1 + max(0, MOST_CONSTRAINTS - _constraints(pattern)),
            **scenario,
            "metadata": {"outgate": {"id": text(kept.exchange.id)}},
        }
        _put(root / MAPPINGS / f"{name}.json", orjson.dumps(mapping, option=orjson.OPT_INDENT_2))
        return ""


def is_export(folder: Path) -> bool:
    """Whether nothing is in it but what is written here. An empty one is."""
    return all(
        host.is_dir() and not host.is_symlink() and all(each.name in (MAPPINGS, FILES) for each in host.iterdir())
        for host in folder.iterdir()
    )


def _named(host: str) -> str:
    """A name for a folder in the one that is written to, whatever a file that anybody may have written calls a host."""
    return re.sub(r"^\.+|[^\w.-]", "_", text(host), flags=re.ASCII)[:LONGEST_NAME] or "_"


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _scenario(name: str, number: int, total: int) -> Pattern:
    """The first answer is given when the scenario has started, the last one from then on."""
    if total == 1:
        return {}
    made = {"scenarioName": name, "requiredScenarioState": STARTED if number == 1 else str(number)}
    return made | ({"newScenarioState": str(number + 1)} if number < total else {})


def _constraints(pattern: Pattern) -> int:
    """Of two mappings that fit the one that asks for more is the better one."""
    counted = ("queryParameters", "formParameters", "multipartPatterns", "bodyPatterns")
    return sum(len(pattern.get(name, ())) for name in counted) + 3 * ("url" in pattern) + ("urlPath" in pattern)


def _matched(asked: Asked) -> Pattern:
    made: Pattern = {"method": text(asked.request.method)}
    segments = asked.path.split("/")[1:]
    if any(asked.is_wild(number) for number in range(len(segments))):
        found = ("[^/]+" if asked.is_wild(number) else re.escape(each) for number, each in enumerate(segments))
        made["urlPathPattern"] = f"/{'/'.join(found)}"
    elif asked.certain and not asked.query:
        made["url"] = asked.path
    else:
        made["urlPath"] = asked.path
    if asked.query:
        made["queryParameters"] = {text(name): _one_or_all(values) for name, values in asked.query.items()}
    return made | _body(asked)


def _one_or_all(values: tuple[str, ...]) -> Pattern:
    found = [{"equalTo": text(value)} for value in values]
    return found[0] if len(found) == 1 else {"hasExactly": found}


def _body(asked: Asked) -> Pattern:
    if asked.any_body:
        return {}
    match asked.meaning.form:
        case "form":
            named = {name: values for name, values in pairs(asked.body).items() if not asked.free("body", name)}
            return {"formParameters": {text(name): _one_or_all(values) for name, values in named.items()}}
        case "multipart":
            return {"multipartPatterns": _parts(asked)}
        case "json" | "graphql":
            return _document(asked)
        case "xml" if asked.partly_wild:
            return {}
        case "xml":
            return {"bodyPatterns": [{"equalToXml": asked.body.decode("utf-8", "replace")}]}
    return {"bodyPatterns": [_exact(_seen(asked.body))]}


def _document(asked: Asked) -> Pattern:
    if (document := asked.document(ANY)) is None:
        return {}
    return {
        "bodyPatterns": [{"equalToJson": document.text, **({"ignoreExtraElements": True} if document.open else {})}]
    }


def _seen(body: bytes) -> bytes:
    """As WireMock looks at a body: without gzip, whoever put it on."""
    try:
        return decode(body, ["gzip"], Bounds(MOST)) if body.startswith(GZIP) else body
    except Undecodable:
        return body


def _exact(content: bytes) -> Pattern:
    try:
        return {"equalTo": content.decode()}
    except UnicodeDecodeError:
        return {"binaryEqualTo": base64.b64encode(content).decode("ascii")}


def _parts(asked: Asked) -> list[Pattern]:
    found = []
    for name, kind, content in parts(asked.body, media_type(asked.request)):
        pattern: Pattern = {"name": text(name)} if name else {}
        if content and not asked.free("body", name):
            as_json = meaning(content, kind).form == "json"
            pattern["bodyPatterns"] = [{"equalToJson": content.decode("utf-8-sig")} if as_json else _exact(content)]
        found.append(pattern)
    return found


def _response(exchange: Exchange, root: Path, name: str) -> Pattern:
    response = exchange.response
    if response is None:
        return {"fault": "CONNECTION_RESET_BY_PEER"}
    made: dict[str, Any] = {"status": response.status}
    if response.reason:
        made["statusMessage"] = text(response.reason)
    if headers := lists(sent_anew(response)):
        made["headers"] = {text(known): values[0] if len(values) == 1 else values for known, values in headers.items()}
    if response.body.content:
        made["bodyFileName"] = f"{name}.{_suffix(response)}"
        _put(root / FILES / made["bodyFileName"], response.body.content)
        made |= _pace(response)
    return made


def _suffix(response: Response) -> str:
    kind = media_type(response).lower()
    return next((suffix for word, suffix in SUFFIXES.items() if word in kind), "bin")


def _pace(response: Response) -> Pattern:
    """Of a stream of events."""
    chunks = response.body.chunks
    if len(chunks) < 2 or not media_type(response).startswith("text/event-stream"):
        return {}
    took = max(0.0, chunks[-1].after - chunks[0].after)
    return {"chunkedDribbleDelay": {"numberOfChunks": len(chunks), "totalDuration": round(took * 1000)}}
