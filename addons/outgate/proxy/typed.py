"""Other people's addons in mitmproxy's chain: their typed methods and their plain hooks, each where it belongs.

Owns what of a flow a typed method is shown, and writing back what it changed. Whatever an addon raises is the guard's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from mitmproxy import hooks, http

from outgate.addon import Addon, Destination, Request, Response
from outgate.policy.headers import joined
from outgate.proxy.exchange import Exchange, exchange_of


class Plain:
    """The hooks of an addon, under a name of its own: two of one class, or two modules, may stand in the chain."""

    def __init__(self, addon: object, name: str) -> None:
        self.addon = addon
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __getattr__(self, name: str) -> Any:
        if name == "addons" and not isinstance(self.addon, ModuleType):
            return self.addon.addons  # type: ignore[attr-defined]  # it has some below it, or there is none by the name
        if name not in hooks.all_hooks:
            raise AttributeError(name)
        return getattr(self.addon, name)


class Typed:
    """The methods of an `Addon`, as hooks. A method that is not overridden costs nothing."""

    def __init__(self, addon: Addon, name: str) -> None:
        self.addon = addon
        self.name = name
        kind = type(addon)
        if kind.on_request is not Addon.on_request:
            self.requestheaders, self.request = self._head, self._whole
        if kind.on_response is not Addon.on_response:
            self.responseheaders = self._answer

    def _head(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        exchange = exchange_of(flow)
        if not _leaves(flow, exchange):
            return None
        request = request_of(flow, exchange)
        limit = self.addon.body_limit(request)
        if limit > 0:
            exchange.body_limit = max(exchange.body_limit, limit)
            exchange.body_awaited.append(self)
            return None
        return self._ask(flow, request)

    def _whole(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        exchange = exchange_of(flow)
        if self not in exchange.body_awaited or not _leaves(flow, exchange):
            return None
        return self._ask(flow, request_of(flow, exchange, flow.request.raw_content or b""))

    def _ask(self, flow: http.HTTPFlow, request: Request) -> Awaitable[None] | None:
        return _then(self.addon.on_request(request), lambda: write(request.changes, flow.request))

    def _answer(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        exchange, answer = exchange_of(flow), flow.response
        if answer is None or exchange.target is None:
            return None
        request = request_of(flow, exchange)
        response = Response(joined(answer.headers.items(multi=True)), answer.status_code, notes=exchange.notes)
        return _then(self.addon.on_response(request, response), lambda: write(response.changes, answer))


def _leaves(flow: http.HTTPFlow, exchange: Exchange) -> bool:
    """Whether the request is on its way out: allowed, and not answered by an addon before."""
    return flow.response is None and flow.error is None and exchange.target is not None and not exchange.failure


def request_of(flow: http.HTTPFlow, exchange: Exchange, body: bytes | None = None) -> Request:
    """What a typed method is shown."""
    attempt, decision, target, policy = exchange.attempt, exchange.decision, exchange.target, exchange.policy
    assert attempt is not None
    assert decision is not None
    assert target is not None
    key = decision.destination.key if decision.destination is not None else ""
    place = Destination(attempt.host, attempt.port, attempt.address, key, target.tls is not None)
    headers = joined(flow.request.headers.items(multi=True))
    if attempt.host:
        headers["host"] = exchange.authority
    return Request(
        headers,
        flow.request.method,
        flow.request.path,
        place,
        attempt.caller,
        decision,
        policy.generation if policy is not None else "",
        body,
        notes=exchange.notes,
    )


def write(changes: dict[str, str | None], message: http.Message) -> None:
    """Do to a message what was done to its view."""
    for name, value in changes.items():
        if value is None:
            message.headers.pop(name, None)
        else:
            message.headers[name] = value


def _then(pending: Awaitable[None] | None, finish: Callable[[], None]) -> Awaitable[None] | None:
    """Finish after what a method returned: now, or where it has to be awaited, after that."""
    if pending is None:
        finish()
        return None
    return _after(pending, finish)


async def _after(pending: Awaitable[None], finish: Callable[[], None]) -> None:
    await pending
    finish()


def extensions(addon: object, name: str) -> list[object]:
    """What stands in the chain for one addon. Its typed methods come before its own hooks."""
    plain = Plain(addon, name)
    return [Typed(addon, f"{name}, typed"), plain] if isinstance(addon, Addon) else [plain]
