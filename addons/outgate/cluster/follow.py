"""One part of the store, kept as the cluster has it: listed, then watched, and listed again where a watch is lost.

Owns the protocol of list and watch: pages, versions, bookmarks, what has expired and what is not served. What is made
of the objects is the store's.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from outgate.cluster.api import ABSENT, EXPIRED, Api, ApiError, said
from outgate.cluster.backoff import Backoff
from outgate.cluster.lines import Garbled
from outgate.cluster.objects import NotAnObject, Object, read
from outgate.cluster.store import UNKNOWN, Part

log = logging.getLogger(__name__)

PAGE = 500
"""Objects asked for at once."""
WATCH = 240.0
"""Seconds, at least, after which a watch is asked for anew; twice as many at most."""
GRACE = 30.0
"""Seconds beyond, after which a server that says nothing is given up."""
LOOKS = 3
"""How often in a row a kind must not be served, by a server that says that it is ready, to be taken for absent: one
that is starting knows none yet."""
SURE = 600.0
"""Seconds in which that must be so before objects that were there count no more, for denials may be among them. Whoever
deletes a definition has its objects deleted one by one before."""
AGAIN = 60.0
"""Seconds after which it is looked whether an absent kind has come, half of them at least."""
LASTED = 5.0
"""Seconds of a watch that went well."""


class Expired(Exception):
    """The version that a watch was to begin with is not known any more."""


class Follower:
    """`run` follows until it is cancelled; nothing that fails ends it."""

    def __init__(
        self,
        api: Api,
        part: Part,
        counts: Counter[str],
        *,
        chance: Callable[[], float] = random.random,
        again: float = AGAIN,
        watch: float = WATCH,
        sure: float = SURE,
    ) -> None:
        self.part = part
        self._api, self._counts, self._chance, self._again, self._watch = api, counts, chance, again, watch
        self._sure = sure
        self._backoff = Backoff(chance)
        self._missing, self._missing_since = 0, 0.0

    async def run(self) -> None:
        while True:
            wait = await self.once()
            await asyncio.sleep(wait)

    async def once(self) -> float:
        """List if that has to be, and watch until that ends. Seconds to wait before the next time."""
        began = self.part.store.clock()
        try:
            if wait := await self._round():
                return wait
            reason, wait = "", 0.0
        except Expired:
            reason, wait = "what was known has expired, and it is listed again", 0.0
        except ApiError as error:
            # What has never been served is no news before that is sure.
            unheard = error.status == ABSENT and not self.part.served
            reason, wait = UNKNOWN if unheard else str(error), error.wait
        except (Garbled, NotAnObject) as error:
            # What follows may rest on what could not be read.
            self.part.version, reason, wait = "", f"the API sends what cannot be read: {error}", 0.0
        except Exception as error:
            log.exception("%s could not be followed", self.part.name)
            self.part.version, reason, wait = "", f"{type(error).__name__}", 0.0
        return self._fell(reason, wait, began)

    async def _round(self) -> float:
        """A list and a watch. Seconds to wait where the kind is taken for absent, which is no fault; else 0."""
        try:
            await self._listed()
            await self._watched()
        except ApiError as error:
            if error.status != ABSENT:
                self._missing = 0
                raise
            if unready := await self._api.unready():
                self._missing = 0
                raise ApiError(0, unready, error.wait) from error
            if wait := self._absent():
                return wait
            raise
        return 0.0

    def _fell(self, reason: str, wait: float, began: float) -> float:
        if reason and reason != self.part.reason:
            log.warning("%s: %s", self.part.name, reason)
        lasted = self.part.stands and self.part.store.clock() - began > LASTED
        if self.part.stands:
            self._counts["cluster_reconnects"] += 1
        if lasted:
            self._backoff.reset()
        self.part.fall(reason)
        return 0.0 if lasted and not reason and not wait else self._backoff.next(wait)

    async def _listed(self) -> None:
        """All objects, unless they are known up to some version. They are taken when the last page is there."""
        part = self.part
        if part.version:
            return
        for version in dict.fromkeys((part.served or part.kind.versions[0], *part.kind.versions)):
            try:
                found, known = await self._pages(version)
            except ApiError as error:
                if error.status != ABSENT:
                    raise
                continue
            if part.absent:
                log.info("%s is served now", part.name)
            self._missing, part.served, part.absent = 0, version, False
            self._counts["cluster_lists"] += 1
            part.replace(found, known)
            return
        raise ApiError(ABSENT, "it is not served")

    async def _pages(self, version: str) -> tuple[list[Object], str]:
        part, found, after = self.part, list[Object](), ""
        while True:
            query = {"limit": str(PAGE)} | ({"continue": after} if after else {})
            try:
                page = await self._api.page(part.kind.path(version, part.namespace), query)
            except ApiError as error:
                if error.status == EXPIRED:
                    raise Expired from error
                raise
            items, metadata = page.get("items"), page.get("metadata")
            if not isinstance(metadata, dict) or not isinstance(items, list | None):
                raise Garbled("a list has no metadata, or items that are none")
            found += [read(part.kind, item) for item in items or ()]
            after = str(metadata.get("continue") or "")
            if not after:
                return found, _version(metadata)

    async def _watched(self) -> None:
        part = self.part
        within = self._watch * (1 + self._chance())
        query = {
            "resourceVersion": part.version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(within)),
        }
        path = part.kind.path(part.served, part.namespace)
        try:
            async with self._api.watch(path, query, within + GRACE) as events:
                part.stand()
                async for event in events:
                    self._take(event)
        except ApiError as error:
            if error.status == EXPIRED:
                part.version = ""
                raise Expired from error
            if error.status == ABSENT:
                part.version = ""
            raise

    def _take(self, event: dict[str, Any]) -> None:
        part, kind, found = self.part, event.get("type"), event.get("object")
        if kind == "ERROR":
            raise self._failed(found if isinstance(found, dict) else {})
        if kind == "BOOKMARK":
            metadata = found.get("metadata") if isinstance(found, dict) else None
            part.version = _version(metadata if isinstance(metadata, dict) else {})
        elif kind in ("ADDED", "MODIFIED"):
            part.put(read(part.kind, found))
        elif kind == "DELETED":
            part.remove(read(part.kind, found))
        else:
            raise Garbled(f"an event is {str(kind)[:40]!a}")

    def _failed(self, status: dict[str, Any]) -> Exception:
        """Whatever ends a watch like this, what was missed is not known."""
        self.part.version = ""
        code = status.get("code")
        if code == EXPIRED:
            return Expired()
        return ApiError(code if isinstance(code, int) else 0, said(code if isinstance(code, int) else 0, status))

    def _absent(self) -> float:
        """Seconds to wait once it is sure that the kind is absent; else 0."""
        part, now = self.part, self.part.store.clock()
        self._missing += 1
        if self._missing == 1:
            self._missing_since = now
        if self._missing < LOOKS or (part.objects and now - self._missing_since < self._sure):
            return 0.0
        if part.objects:
            log.warning("%s is served no more, and what there was of it is gone", part.name)
            part.replace((), "")
        part.served, part.absent = "", True
        if not part.stands:
            part.stand()
        return self._again * (1 + self._chance()) / 2


def _version(metadata: dict[str, Any]) -> str:
    version = metadata.get("resourceVersion")
    if not isinstance(version, str) or not version:
        raise Garbled("there is no resourceVersion")
    return version
