"""Policy from a cluster: every kind followed, and the sets that they come to, given out whole.

Owns who is followed, when a set has settled, and how long nothing has been heard. What a set means, and whether it is
put in force, is the business of whoever takes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from outgate.cluster.api import Api
from outgate.cluster.follow import Follower
from outgate.cluster.kinds import Kind
from outgate.cluster.objects import documents
from outgate.cluster.store import Set, Store, contents
from outgate.policy.current import Freshness
from outgate.policy.documents import Document

log = logging.getLogger(__name__)

SETTLE, LONGEST = 0.25, 5.0
"""Seconds without a change after which what there is is a set, and after which it is one in any case."""


class Unheard(Exception):
    """The cluster has not told all of its policy in time."""


class Cluster:
    """`namespaces`: those whose documents count; all where none is named. Kinds without a namespace always count."""

    def __init__(
        self,
        api: Api,
        kinds: Iterable[Kind],
        namespaces: Sequence[str] = (),
        *,
        settle: float = SETTLE,
        longest: float = LONGEST,
    ) -> None:
        self.api = api
        self.counts: Counter[str] = Counter()
        self.offered: Set | None = None
        """What is given out: the last set that was whole."""
        self.given = Set()
        """What whoever asked last was given."""
        self.heard: list[Callable[[Set], None]] = []
        """Told of each set that is offered."""
        self.store = Store()
        self._settle, self._longest = settle, longest
        self._followers = [
            Follower(api, self.store.part(kind, namespace), self.counts)
            for kind in kinds
            for namespace in (namespaces if kind.namespaced and namespaces else ("",))
        ]

    async def run(self) -> None:
        """Follow until cancelled, in whichever event loop."""
        self.store.stirred = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                for follower in self._followers:
                    tasks.create_task(follower.run())
                tasks.create_task(self._settling())
        finally:
            for part in self.store.parts:
                part.fall()
            await self.api.close()

    async def first(self, within: float) -> None:
        """Until there is a set. What was heard stays known to `run`. Raises `Unheard`."""
        loop = asyncio.get_running_loop()
        offered = asyncio.Event()

        def told(found: Set) -> None:
            offered.set()

        self.heard.append(told)
        following = loop.create_task(self.run())
        try:
            await asyncio.wait_for(offered.wait(), within)
        except TimeoutError as error:
            _, why = self.store.away()
            what = f"the cluster has not told its policy within {within:g} s"
            raise Unheard(f"{what}: {why or 'it keeps changing'}") from error
        finally:
            self.heard.remove(told)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    # As a reload asks for it, from any thread.

    def look(self) -> str:
        """The digest of the set that is offered."""
        return self.offered.digest if self.offered is not None else ""

    def documents(self) -> list[Document]:
        """Those of the set that is offered. Raises `PolicyError`."""
        self.given = self.offered or Set()
        return documents(contents(self.given))

    # As it is told of.

    def freshness(self) -> Freshness:
        age, reason = self.store.away()
        documents = len(self.offered.objects) if self.offered is not None else 0
        return Freshness(age, reason, documents, self.store.absent())

    def objects(self) -> Mapping[str, Any]:
        """What is known of now, by place."""
        return {each.file: each for part in self.store.parts for each in part.objects.values()}

    async def _settling(self) -> None:
        store = self.store
        while True:
            await store.stirred.wait()
            began = store.clock()
            while store.stirred.is_set() and store.clock() - began < self._longest:
                store.stirred.clear()
                await asyncio.sleep(self._settle)
            if store.standing():
                self._offer(store.whole())

    def _offer(self, found: Set) -> None:
        if self.offered is not None and self.offered.digest == found.digest:
            return
        if self.offered is None and (absent := self.store.absent()):
            log.info("the cluster does not serve, and is asked again for: %s", ", ".join(absent))
        self.offered = found
        log.info("the cluster has %d documents of policy", len(found.objects))
        for told in self.heard:
            told(found)
