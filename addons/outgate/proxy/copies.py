"""Flows as they may be kept: redacted under the policy in force, with a key of this process's own.

Owns the redactor and the thread that it works in, and the bounds of what waits for it. What is made never has the
flow's own bytes in it, unless no rule takes them.
"""

from __future__ import annotations

import asyncio
import io
import logging
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from mitmproxy import flow, http

from outgate.capture.formats.writing import Writer
from outgate.capture.redactors import Redact, digest_of
from outgate.capture.report import Report
from outgate.capture.told import Malformed
from outgate.policy.redaction_model import KeepingPolicy
from outgate.proxy.exchange import Exchange
from outgate.proxy.flowfile import FlowFileWriter
from outgate.proxy.flowfile_reading import exchange_in
from outgate.proxy.marks import verdict_of
from outgate.redact import exchange as neutral
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Redacted
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

log = logging.getLogger(__name__)

WAITING = 1024
"""Exchanges that wait to be redacted; those that come then are not."""
HELD = 64 * 1024 * 1024
"""Bytes of their bodies, likewise."""
OVERHEAD = 4096
"""Bytes of an exchange beside its bodies, about."""


class Copies:
    """`keeping` tells what the policy in force says. Needs a running event loop."""

    def __init__(self, keeping: Callable[[], KeepingPolicy]) -> None:
        self.keeping = keeping
        self.lost = 0
        """Flows for which there was no room, or with which something was wrong."""
        self._key = secrets.token_bytes(32)
        self._thread = ThreadPoolExecutor(1, "page")
        self._waiting = self._held = 0
        self._under: tuple[KeepingPolicy, Redactor] | None = None

    def redactor(self) -> Redactor:
        """The one of now."""
        keeping = self.keeping()
        if self._under is None or self._under[0] is not keeping:
            digest = digest_of(keeping)
            self._under = keeping, Redactor(keeping, Replacer(Keys(self._key, "page", digest)), digest)
        return self._under[1]

    def later(self, found: flow.Flow, then: Callable[[Redacted], None]) -> None:
        """Redact what is in a flow now, in the thread, and go on here. Never raises: the flow is over, and its log
        comes behind. Where it does not work, nothing is shown of it."""
        try:
            exchange = neutral_of(found)
        except Exception as error:  # whatever a flow may hold
            self._lose(type(error).__name__)
            return
        size = OVERHEAD + _size(exchange)
        if self._waiting >= WAITING or self._held + size > HELD:
            self._lose("too much waits")
            return
        self._waiting, self._held = self._waiting + 1, self._held + size
        running = asyncio.get_running_loop().run_in_executor(self._thread, self.redactor().redact, exchange)
        running.add_done_callback(partial(self._done, size, then))

    def _done(self, size: int, then: Callable[[Redacted], None], ended: asyncio.Future[Redacted]) -> None:
        self._waiting, self._held = self._waiting - 1, self._held - size
        if ended.cancelled():
            return
        try:
            then(ended.result())
        except Exception as error:  # its message may quote what was received
            self._lose(type(error).__name__)

    def _lose(self, why: str) -> None:
        """Say so once: under a load each would be a line."""
        self.lost += 1
        if self.lost == 1:
            log.warning("a flow is not shown, or without what redaction takes: %s", why)

    def run[Result](self, work: Callable[[Redact], Result]) -> Future[Result]:
        """Something longer, in the thread, with the redactor of now."""
        return self._thread.submit(work, self.redactor().redact)

    async def dump(self, flows: Iterable[flow.Flow]) -> bytes:
        """As a file of mitmproxy's."""
        exchanges, out = neutrals(flows), io.BytesIO()
        await asyncio.wrap_future(self.run(partial(write, FlowFileWriter(out), exchanges)))
        return out.getvalue()


def write(writer: Writer, exchanges: Iterable[neutral.Exchange], redact: Redact) -> Report:
    """Redact exchanges, and write them."""
    report = Report()
    for exchange in exchanges:
        kept = redact(exchange)
        report.add(kept, writer.write(kept))
    writer.close()
    return report


def neutrals(flows: Iterable[flow.Flow]) -> list[neutral.Exchange]:
    """Those of the flows that are exchanges."""
    found = []
    for each in flows:
        try:
            found.append(neutral_of(each))
        except Malformed as why:
            log.warning("a flow is left out: %s", why)
    return found


def neutral_of(found: flow.Flow) -> neutral.Exchange:
    """What is in a flow now, under its id; with its verdict, where it came through the gate. Raises `Malformed`."""
    made = replace(exchange_in(found), id=found.id)
    passed: Exchange | None = found.__dict__.get("outgate")
    if passed is None or not isinstance(found, http.HTTPFlow):
        return made
    caller = passed.facts.caller
    known = f"{caller.namespace}/{caller.service_account}" if caller.namespace or caller.service_account else ""
    error = passed.error_code if passed.failure else ""
    if made.request is not None and passed.attempt is not None:  # the origin's port may be another
        made = replace(made, request=replace(made.request, port=passed.attempt.port))
    return replace(made, verdict=verdict_of(found, passed), caller=known, error=error or made.error)


def _size(exchange: neutral.Exchange) -> int:
    bodies = [message.body.content or b"" for message in (exchange.request, exchange.response) if message is not None]
    return sum(map(len, [*bodies, *(message.content for message in exchange.messages)]))
