"""Conditions written into the status of the gate's own documents, by server-side apply.

Owns when: after a load that came to something else than the one before, a while later, and only where nobody has
written the same meanwhile. Nothing depends on it: what cannot be written is counted, and said once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from outgate.cluster.api import ABSENT, CONFLICT, FORBIDDEN, ApiError
from outgate.cluster.cluster import Cluster
from outgate.cluster.conditions import Condition, Outcome, by_type, conditions, differing
from outgate.cluster.kinds import VERSION
from outgate.cluster.objects import Object

log = logging.getLogger(__name__)

MANAGER = "outgate"
WITHIN = 5.0
"""Seconds, as chance has it, before a status is written: of several gates the first has written it by then."""
AGAIN = 60.0
"""Seconds after which what could not be written is tried again."""
DENIED = 600.0
"""Seconds for which nothing is tried after it was forbidden."""

type Wanted = dict[str, tuple[Condition, Condition]]


class Writer:
    """`judged` is told of each load; `run` writes until it is cancelled."""

    def __init__(
        self, cluster: Cluster, *, within: float = WITHIN, chance: Callable[[], float] = random.random
    ) -> None:
        self._cluster, self._within, self._chance = cluster, within, chance
        self._wanted: Wanted = {}
        self._due: set[str] = set()
        """Documents whose status may have to be written."""
        self._woken = asyncio.Event()
        self._silent_until = 0.0

    def judged(self, outcome: Outcome) -> None:
        """Documents that were given last have been loaded, or refused. What another gate may have written into a
        status meanwhile is no reason to write: two that disagree would not end."""
        before, self._wanted = self._wanted, conditions(self._cluster.given.objects, outcome)
        self._due |= {file for file, wanted in self._wanted.items() if before.get(file) != wanted}
        self._due &= self._wanted.keys()
        if self._due:
            self._woken.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), AGAIN)
            self._woken.clear()
            await asyncio.sleep(self._within * self._chance())
            await self.write()

    async def write(self) -> None:
        """What is due now."""
        loop, known = asyncio.get_running_loop(), self._cluster.objects()
        while self._due and loop.time() >= self._silent_until:
            file = self._due.pop()
            found, wanted = known.get(file), self._wanted.get(file)
            if found is None or wanted is None or not differing(found, wanted):
                continue
            if not await self._applied(found, wanted):
                self._due.add(file)
                return

    async def _applied(self, found: Object, wanted: Sequence[Condition]) -> bool:
        """Whether it is written, or the document is another by now."""
        counts, loop, before = self._cluster.counts, asyncio.get_running_loop(), by_type(found)
        now = datetime.now(UTC)
        metadata = {"name": found.name, "uid": found.uid}
        body = {
            "apiVersion": f"{found.kind.group}/{VERSION}",
            "kind": found.kind.name,
            "metadata": metadata | ({"namespace": found.namespace} if found.namespace else {}),
            "status": {"conditions": [each.plain(now, before.get(each.kind)) for each in wanted]},
        }
        path = found.kind.path(VERSION, found.namespace, found.name) + "/status"
        try:
            await self._cluster.api.apply(path, {"fieldManager": MANAGER, "force": "true"}, body)
        except ApiError as error:
            counts["cluster_status_failed"] += 1
            if error.status == FORBIDDEN:
                if not self._silent_until:
                    log.warning("statuses of documents are not written: %s", error)
                self._silent_until = loop.time() + DENIED
            else:
                log.info("the status of %s is not written: %s", found.file, error)
            return error.status in (ABSENT, CONFLICT)
        counts["cluster_status_written"] += 1
        return True
