"""The last look at a request before it leaves, and what the gate adds to it then.

Owns what addons may have done to a request since it was allowed: its destination and its framing stay as they were,
everything else is judged again. Owns the moment at which credentials are set, after every addon and on a copy that none
of them sees. Whoever sends asks here; nothing here sends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers

from outgate.policy import requests
from outgate.policy.decide import decide, denial
from outgate.policy.headers import CONTROL_PREFIX, HOP_BY_HOP
from outgate.policy.model import Attempt, Decision
from outgate.policy.route_model import Backend
from outgate.policy.snapshot import Policy
from outgate.proxy import changes, heads
from outgate.proxy.exchange import Exchange
from outgate.proxy.governor import prefaced
from outgate.proxy.view import Fields
from outgate.upstream.errors import UpstreamError
from outgate.upstream.target import Target, target_of

BODY = "content-length"
FRAMING = HOP_BY_HOP | {"transfer-encoding", "trailer"}
KEPT = 4096
"""Targets that are remembered."""
CHANGED = "an addon changed the request"


@dataclass(frozen=True, slots=True)
class Judged:
    """The head of a request as it was allowed. `place` says where it goes, and in which form that is said."""

    place: tuple[object, ...]
    line: tuple[bytes, bytes]
    fields: tuple[tuple[bytes, bytes], ...]


def judged(request: http.Request) -> Judged:
    """To be kept when a request was allowed and made canonical."""
    data = request.data
    place = (data.http_version, data.scheme, data.authority, data.host, data.port)
    return Judged(place, (data.method, data.path), data.headers.fields)


def refusal(request: http.Request, exchange: Exchange) -> Decision | str | None:
    """None where the request may leave. A decision where the policy denies what it has become, a text where an addon
    touched what is not its to touch."""
    before, now = exchange.judged, judged(request)
    if before is None or exchange.target is None:
        return "nothing was approved"
    if callable(request.stream) and BODY in request.headers:
        return "an addon replaced stream, and the length of the body was announced already"
    if now == before:
        return None
    if now.place != before.place or _of(now, "host") != _of(before, "host"):
        return "an addon changed the destination after it was judged"
    if touched := _framing(before, now, request):
        return f"an addon changed {touched}, which is the gate's to say"
    return _again(request, exchange, now)


def _of(head: Judged, name: str) -> list[bytes]:
    return [value for known, value in head.fields if known.lower() == name.encode()]


def _framing(before: Judged, now: Judged, request: http.Request) -> str:
    """The header by which an addon changed where the message ends, or what is only between two ends."""
    whole = request.raw_content
    if _of(now, BODY) != _of(before, BODY) and (whole is None or _of(now, BODY) != _length(whole, request)):
        return BODY
    names = {known.decode("latin-1").lower() for known, _ in (*before.fields, *now.fields)}
    own = (name for name in sorted(names) if name in FRAMING or name.startswith(CONTROL_PREFIX))
    return next((name for name in own if _of(now, name) != _of(before, name)), "")


def _length(whole: bytes, request: http.Request) -> list[bytes]:
    """What announces a body that is all here."""
    return [] if not whole and BODY not in request.headers else [str(len(whole)).encode()]


def _again(request: http.Request, exchange: Exchange, now: Judged) -> Decision | str | None:
    """Ask the policy by which it was allowed about what it has become."""
    assert exchange.policy is not None
    assert exchange.attempt is not None
    assert exchange.decision is not None
    assert exchange.target is not None
    data, offer = request.data, request.headers.get("upgrade", "")
    malformed = requests.refusal(data.method, data.path, now.fields, offer, http2=request.is_http2)
    if malformed is None:
        try:
            validate_headers(request)
        except ValueError:
            return f"{CHANGED} so that it is not valid HTTP"
    else:
        return denial(exchange.policy.defaults, malformed.code, f"{CHANGED}: {malformed.reason}")
    attempt = replace(
        exchange.attempt,
        method=request.method,
        path=request.path,
        headers=Fields(request, exchange.authority if exchange.attempt.host else ""),
        grpc=request.headers.get("content-type", "").startswith("application/grpc"),
    )
    decision = decide(exchange.policy, attempt)
    if not decision.allowed:
        return replace(decision, reason=f"{decision.reason}; {CHANGED}")
    try:
        target = target_for(exchange, decision, attempt, exchange.target.alpn)
    except UpstreamError:
        target = None
    if target != exchange.approved or decision.destination != exchange.decision.destination:
        return f"{CHANGED} so that it would go elsewhere"
    exchange.attempt, exchange.decision, exchange.judged = attempt, decision, now
    return None


def target_for(exchange: Exchange, decision: Decision, attempt: Attempt, alpn: tuple[str, ...]) -> Target:
    """Where an allowed exchange goes, by the route that it took. Raises `UpstreamError`."""
    policy, passage = exchange.policy, exchange.passage
    assert policy is not None
    backend = passage.plan.backend if passage is not None else None
    made = _target(policy, decision, attempt, alpn, backend)
    port = decision.port
    upstream = backend.upstream if backend is not None else port.upstream if port is not None else None
    return made if upstream is None else prefaced(made, exchange.facts, upstream)


def target_for_backend(exchange: Exchange, backend: Backend, alpn: tuple[str, ...]) -> Target:
    """Where a copy of it goes. Raises `UpstreamError`."""
    assert exchange.policy is not None
    assert exchange.decision is not None
    assert exchange.attempt is not None
    return _target(exchange.policy, exchange.decision, exchange.attempt, alpn, backend)


_targets: dict[tuple[object, ...], tuple[object, Target]] = {}


def _target(
    policy: Policy, decision: Decision, attempt: Attempt, alpn: tuple[str, ...], backend: Backend | None
) -> Target:
    """Kept by all that it is made of, for most requests are like one before. Objects of the policy count by identity;
    they are held, so that their ids stay theirs."""
    if decision.destination is None or decision.port is None:
        return _made(policy, decision, attempt, alpn, backend)
    place = (attempt.host, attempt.address, attempt.port, attempt.encrypted)
    key = (id(policy), id(decision.destination), id(decision.port), id(backend), decision.traffic, *place, alpn)
    known = _targets.get(key)
    if known is not None:
        return known[1]
    made = _made(policy, decision, attempt, alpn, backend)
    if len(_targets) >= KEPT:
        _targets.clear()
    _targets[key] = (policy, decision.destination, decision.port, backend), made
    return made


def forget() -> None:
    """Another policy is in force; the one before is not to be held by what was made of it."""
    _targets.clear()


def _made(
    policy: Policy, decision: Decision, attempt: Attempt, alpn: tuple[str, ...], backend: Backend | None
) -> Target:
    owner = policy.registry.owner(backend.key) if backend is not None else None
    return target_of(decision, attempt, policy.generation, alpn, policy.defaults.nat64, backend, owner)


def head(request: http.Request, exchange: Exchange) -> bytes:
    """The head that is sent of a request in HTTP/1, as `leaving` has it. For fields alone, nothing is copied."""
    passage, fields = exchange.passage, request.headers.fields
    own = exchange.injected is not None or exchange.retold is not None or exchange.inline is not None
    if own or (passage is not None and not passage.plan.literal):
        request = leaving(request, exchange)
        fields = request.headers.fields
    elif passage is not None:
        for change in passage.plan.outgoing:
            fields = change.apply(fields)
    return heads.written_request(request, fields)


def leaving(request: http.Request, exchange: Exchange) -> http.Request:
    """What is sent: the request itself or, where its route changes it or the gate sets headers of its own, a copy."""
    injected, retold, passage = exchange.injected, exchange.retold, exchange.passage
    changed = passage is not None and passage.plan.changes
    if exchange.inline is not None:
        request = exchange.inline.leaving(request)
    if injected is None and retold is None and not changed:
        return request
    copy = heads.copied(request)
    if changed:
        changes.outgoing(copy, exchange)
    if retold is not None:
        copy.headers.fields = retold.apply(copy.headers.fields)
    if injected is None:
        return copy
    for name, value in injected.headers:
        copy.headers[name] = value.reveal()
    if injected.echoes:
        # Plain and whole: in pieces of its own choice, a workload could have what is found only in one.
        copy.headers["accept-encoding"] = "identity"
        for name in ("range", "if-range"):
            copy.headers.pop(name, None)
    return copy
