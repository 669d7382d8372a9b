"""Exchanges for tests: any, as hypothesis draws them, and such as people send."""

from dataclasses import replace

from hypothesis import strategies as st

from outgate.policy.redaction_model import Strategy
from outgate.redact.exchange import (
    Body,
    Chunk,
    Exchange,
    Relayed,
    Request,
    Response,
    Timing,
    Verdict,
    WebSocketMessage,
)
from outgate.redact.redacted import Manifest, Mark, seal

# Text as it comes of bytes: what is no UTF-8 has lone surrogates.
texts = st.text(max_size=20) | st.binary(max_size=20).map(lambda found: found.decode(errors="surrogateescape"))
moments = st.floats(0, 4e9, allow_nan=False)
counts = st.integers(0, 10**14)
fields = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=4).map(tuple)
bodies = st.builds(
    Body,
    content=st.none() | st.binary(max_size=60) | st.text(max_size=40).map(str.encode),
    decoded=st.booleans(),
    size=counts,
    missing=texts,
    chunks=st.lists(st.builds(Chunk, moments, counts), max_size=3).map(tuple),
)
ports = st.integers(0, 65535)
requests = st.builds(
    Request, texts, texts, texts, ports, target=texts, protocol=texts, fields=fields, body=bodies, trailers=fields
)
responses = st.builds(
    Response, st.integers(0, 999), reason=texts, protocol=texts, fields=fields, body=bodies, trailers=fields
)
messages = st.builds(WebSocketMessage, moments, st.booleans(), st.booleans(), st.binary(max_size=40))
relays = st.builds(Relayed, texts, ports, counts, counts, texts)
exchanges = st.builds(
    Exchange,
    id=texts,
    started=moments,
    request=st.none() | requests,
    response=st.none() | responses,
    messages=st.lists(messages, max_size=3).map(tuple),
    close_code=st.integers(0, 4999),
    relayed=st.none() | relays,
    error=texts,
    verdict=st.builds(Verdict, texts, texts, texts, texts, texts, texts),
    timing=st.builds(Timing, st.none() | moments, st.none() | moments, st.none() | moments),
    caller=texts,
)
marks = st.builds(Mark, texts, texts, st.sampled_from(Strategy))
manifests = st.builds(
    Manifest,
    policy=texts,
    marks=st.lists(marks, max_size=3).map(tuple),
    dropped=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
)
kept = st.builds(seal, exchanges, manifests)


def body_of(content=b"", **facts):
    return Body(content, **{"decoded": True, "size": len(content or b""), **facts})


def exchange(url="https://api.example/items", method="GET", sent=b"", status=200, answer=b"", **facts):
    """One request and its answer. `fields` and `answered` are theirs; a status of 0 is no answer."""
    scheme, _, rest = url.partition("://")
    authority, slash, target = rest.partition("/")
    host, _, port = authority.partition(":")
    request = Request(
        method,
        scheme,
        host,
        int(port or {"http": 80, "https": 443}[scheme]),
        slash + target or "/",
        fields=((b"host", authority.encode()), *facts.pop("fields", ())),
        body=sent if isinstance(sent, Body) else body_of(sent),
    )
    response = Response(
        status,
        facts.pop("reason", "OK"),
        fields=tuple(facts.pop("answered", ())),
        body=answer if isinstance(answer, Body) else body_of(answer),
        trailers=tuple(facts.pop("trailers", ())),
    )
    made = Exchange(facts.pop("id", "1"), facts.pop("started", 1e9), request, response if status else None)
    return replace(made, **facts)


def sealed(*arguments, marks=(), **facts):
    """The same, kept. `marks`: a place and a strategy each."""
    manifest = Manifest("a" * 12, tuple(Mark(where, "rule", strategy) for where, strategy in marks))
    return seal(exchange(*arguments, **facts), manifest)
