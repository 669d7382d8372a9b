"""Commands for the command bar of mitmweb's page: why something was decided so, and what may be kept of it.

Owns what they say and where a file may appear. What is written was redacted as for a capture.
"""

from __future__ import annotations

import logging
import os
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mitmproxy import command, exceptions, flow, http

from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.ndjson import LineWriter
from outgate.capture.formats.vcr import CassetteWriter
from outgate.capture.formats.writing import Writer
from outgate.capture.redactors import Redact
from outgate.capture.report import Report
from outgate.policy.decide import decide
from outgate.policy.steps import Steps
from outgate.proxy.copies import neutrals, write
from outgate.proxy.exchange import Exchange
from outgate.proxy.flowfile import FlowFileWriter
from outgate.redact import exchange as neutral

if TYPE_CHECKING:
    from outgate.proxy.web import Web

log = logging.getLogger(__name__)

FORMATS: Mapping[str, Callable[[IO[bytes]], Writer]] = {
    ".har": HarWriter,
    ".flow": FlowFileWriter,
    ".ndjson": LineWriter,
    ".yaml": CassetteWriter,
}
"""By the end of a file's name: HAR, mitmproxy's flows, records, a VCR.py cassette."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\.[a-z]+)")
EXPLAINED, ENTERED = 20, 100
"""Flows at once, and commands that are remembered."""


class Bar:
    """The commands. `folder` is where files may appear; without one none does."""

    name = "outgatebar"

    def __init__(self, web: Web, folder: Path | None) -> None:
        self.web, self.folder = web, folder
        self.entered: deque[str] = deque(maxlen=ENTERED)

    @command.command("commands.history.get")  # type: ignore[untyped-decorator]
    def recall(self) -> Sequence[str]:
        """What was entered, for the bar itself: it is not written to a file."""
        return list(self.entered)

    @command.command("commands.history.add")  # type: ignore[untyped-decorator]
    def remember(self, entered: str) -> None:
        """Something was entered."""
        self.entered.append(entered)

    @command.command("outgate.explain")  # type: ignore[untyped-decorator]
    def explain(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        """Why a request is allowed or denied by the policy of now, step by step."""
        return [line for each in flows[:EXPLAINED] for line in self._explained(each)]

    @command.command("outgate.export")  # type: ignore[untyped-decorator]
    def export(self, flows: Sequence[flow.Flow], file: str) -> str:
        """Write what may be kept of flows, redacted: NAME.har, .flow, .ndjson, or .yaml for VCR.py."""
        if self.folder is None:
            raise exceptions.CommandError("no folder is set for exports; start with --exports DIR")
        path = self.folder / _checked(file)
        if path.exists():
            raise exceptions.CommandError(f"{path} exists; choose another name")
        exchanges = neutrals(flows)
        self.web.copies.run(partial(_write, path, exchanges)).add_done_callback(partial(_tell, path))
        return f"{path} appears when it is whole; the event log says so"

    def _explained(self, known: flow.Flow) -> list[str]:
        exchange: Exchange | None = known.__dict__.get("outgate")
        if exchange is None or self.web.plane is None or not isinstance(known, http.HTTPFlow):
            raise exceptions.CommandError("this flow did not come through this gate; outgate explain is for others")
        if (attempt := exchange.attempt) is None:
            return [f"{known.request.method} {known.request.path}: refused before the policy was asked"]
        scheme = "https" if attempt.encrypted else "http"
        title = f"{attempt.method} {scheme}://{attempt.host}{attempt.path}"
        policy, steps = self.web.plane.snapshot.policy, Steps()
        caller = exchange.facts.under(policy.defaults).caller
        decision = decide(policy, replace(attempt, caller=caller), steps)
        taken = [f"{each.what} [{each.source}]" if each.source else each.what for each in steps.taken]
        return [f"{title}: {decision.verdict} {decision.code}", *(f"{at}. {said}" for at, said in enumerate(taken, 1))]


def _checked(file: str) -> str:
    """The name of a file that may appear in the folder."""
    found = NAME.fullmatch(file)
    if found is None or found[1] not in FORMATS:
        raise exceptions.CommandError(f"{file!r} is no name for an export; use NAME and one of {', '.join(FORMATS)}")
    return file


def _write(path: Path, exchanges: Sequence[neutral.Exchange], redact: Redact) -> Report:
    """The file appears when it is whole, and never in the place of another."""
    part = path.with_name(f".{path.name}.part")
    out = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
    try:
        with out:
            report = write(FORMATS[path.suffix](out), exchanges, redact)
        os.link(part, path)
        return report
    finally:
        part.unlink()


def _tell(path: Path, written: Future[Report]) -> None:
    if (error := written.exception()) is not None:
        log.error(
            "%s was not written: %s", path, error.strerror if isinstance(error, OSError) else type(error).__name__
        )
        return
    report = written.result()
    replaced = sum(report.marks.values())
    log.info("%s: %d flows, %d values replaced", path, report.written, replaced)
