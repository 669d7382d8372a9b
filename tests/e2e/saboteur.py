"""A gate that fails where and how it is told: the program behind `test_fails_closed`.

The file named by SABOTAGE holds JSON: `{"at": "hook:requestheaders", "how": "exception"}`, `{}` for nothing. Places
that were passed are appended to the file named by SABOTAGE_TRACE, so that the tests can enumerate them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mitmproxy import hooks

from outgate import app
from outgate.proxy import client_tls, handler, http1, http2, intake, layers, origins, relay, stream
from outgate.settings import ListenMode, parse_address, read_settings
from outgate.upstream import resolve

ORDER, TRACE = Path(os.environ["SABOTAGE"]), Path(os.environ["SABOTAGE_TRACE"])
LAYERS = (
    layers.GateHttpLayer,
    layers.OriginLayer,
    stream.GateStream,
    http1.GateHttp1Server,
    http1.GateHttp1Client,
    http2.GateHttp2Server,
    http2.GateHttp2Client,
)
TASKS: tuple[tuple[Any, str], ...] = (
    (intake.Intake, "_facts"),
    (intake.Intake, "_judge"),
    (client_tls, "accept"),
    (origins, "_obtain"),
    (origins.upstream, "connect"),
    (handler.Handler, "read_origin"),
    (handler.Handler, "_make_room"),
    (relay.Relay, "_pump"),
)
seen: set[str] = set()


class Deliberate(Exception):
    """What the saboteur raises."""


RAISED: dict[str, BaseException] = {
    "exception": Deliberate("deliberate"),
    "base": SystemExit(3),
    "cancelled": asyncio.CancelledError(),
}


def passed(place: str) -> str | None:
    """Note a place; how to fail there, if it is the one."""
    if place not in seen:
        seen.add(place)
        with TRACE.open("a") as trace:
            trace.write(place + "\n")
    order = json.loads(ORDER.read_text() or "{}")
    return order.get("how") if order.get("at") == place else None


def fail(how: str | None) -> Any:
    """Raise, or give what never answers."""
    if how in RAISED:
        raise RAISED[how]
    if how == "never":
        return forever()
    if how == "later":
        return later()
    return None


async def forever() -> None:
    """Not even cancellation ends it."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


async def later() -> None:
    """A failure after the callback has returned."""
    await asyncio.sleep(0)
    raise Deliberate("deliberate, later")


class Saboteur:
    """Has every hook there is."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in hooks.all_hooks or name in ("load", "running", "done", "configure", "add_log"):
            raise AttributeError(name)
        return lambda *_: fail(passed(f"hook:{name}"))


class FailingStage:
    """A stage of every response body."""

    async def feed(self, data: bytes, last: bool) -> bytes:
        if (pending := fail(passed("stage:response"))) is not None:
            await pending
        return data


class Stages:
    def responseheaders(self, flow: Any) -> None:
        exchange = flow.__dict__["outgate"]
        if "staged" in flow.request.path:
            exchange.response_stages.append(FailingStage())


def sabotage_layer(owner: Any) -> None:
    name = "handle_event" if owner is stream.GateStream else "_handle_event"
    original = getattr(owner, name)

    def failing(self: Any, event: Any) -> Any:
        fail(passed(f"layer:{owner.__name__}:{type(event).__name__}"))
        yield from original(self, event)

    setattr(owner, name, failing)


def sabotage_task(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    async def failing(*arguments: Any, **named: Any) -> Any:
        fail(passed(f"task:{owner.__name__.rpartition('.')[2]}.{name}"))
        return await original(*arguments, **named)

    setattr(owner, name, failing)


def sabotage_lookup() -> None:
    original = resolve.SystemLookup.__call__

    async def failing(self: Any, host: str) -> Any:
        if (pending := fail(passed("lookup"))) is not None:
            await pending
        return await original(self, host)

    resolve.SystemLookup.__call__ = failing  # type: ignore[method-assign]


def main() -> int:
    for owner in LAYERS:
        sabotage_layer(owner)
    for owner, name in TASKS:
        sabotage_task(owner, name)
    sabotage_lookup()
    policy, listen, *pairs = sys.argv[1:]
    flags = {"policy": (Path(policy),), "mode": ListenMode.TRANSPARENT, "listen": parse_address(listen)}
    return app.run(read_settings(flags, pairs, {}), [Stages(), Saboteur()])


if __name__ == "__main__":
    sys.exit(main())
