"""The supervisor: it binds one set of sockets a worker, keeps every seat occupied, and speaks for all of them.

Owns the sockets, the signals and the admin endpoint. It reads no traffic; the policy it loads is for telling what is
in force, for every worker loads its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from outgate.admin import Admin
from outgate.policy.current import Snapshot
from outgate.proxy.peer import peer_uid
from outgate.pushing import push
from outgate.reload import PolicyWatcher
from outgate.scrape import Listener
from outgate.settings import Settings
from outgate.sockets import bind
from outgate.startup import UNABLE, Prepared, place, prepare, ready_line, say
from outgate.telemetry import levels
from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.calls import Calls, summed
from outgate.telemetry.exporting import SHUTDOWN, Exports
from outgate.telemetry.merged import merged as added
from outgate.telemetry.usage import Usage, merged
from outgate.workers.bonds import Orphans
from outgate.workers.nursery import Nursery
from outgate.workers.post import Plan, Post
from outgate.workers.report import counted

if TYPE_CHECKING:
    from outgate.following import Following

log = logging.getLogger(__name__)

GATHER = 10.0
"""Seconds between two times that workers are asked what they have counted, for they may end without a word."""
LATE = SHUTDOWN + 2.0
"""Seconds that workers have to end beyond their time to drain: what they export takes the most of it."""


def supervise(settings: Settings, nursery: Nursery) -> int:
    """Serve with `settings.workers` processes from the nursery until a signal says otherwise. Returns the exit code."""
    try:
        return _supervise(settings, nursery)
    finally:
        nursery.close()


def _supervise(settings: Settings, nursery: Nursery) -> int:
    prepared = prepare(settings)
    if isinstance(prepared, int):
        return prepared
    prepared.warn()
    try:
        sockets = _bind(settings)
    except OSError as error:
        return say(f"cannot listen: {error}", UNABLE)
    return asyncio.run(Supervisor(settings, prepared, sockets, nursery).run())


def _bind(settings: Settings) -> list[list[socket.socket]]:
    """A set of sockets for each worker, all on one port."""
    host, port = settings.listen
    sets = [bind(host, port, shared=True)]
    port = sets[0][0].getsockname()[1]
    return sets + [bind(host, port, shared=True) for _ in range(settings.workers - 1)]


class Supervisor:
    """What the admin endpoint shows of all workers, and what the signals act on."""

    def __init__(
        self,
        settings: Settings,
        prepared: Prepared,
        sockets: Sequence[Sequence[socket.socket]],
        nursery: Nursery,
    ) -> None:
        self.settings = settings
        self.snapshot = Snapshot(prepared.policy)
        self._sockets = sockets
        self._turn = os.memfd_create("outgate-turn")
        self._nursery = nursery
        self._watcher = PolicyWatcher(
            settings.policy, prepared.setting, self.snapshot, loaded=prepared.digest, beneath=prepared.beneath
        )
        self._following = self._followed(prepared)
        self._documents = self._following.share() if self._following else os.memfd_create("outgate-cluster")
        plan = Plan(
            nursery,
            settings.workers,
            self._turn,
            self._documents,
            settings.heartbeat_timeout,
            policy=self._policy,
            heard=self._heard,
        )
        self._posts = [Post(index, plan, own) for index, own in enumerate(sockets, 1)]
        self._exports = Exports(settings.export.of_metrics, environ=os.environ)
        self._stop, self._ready = asyncio.Event(), asyncio.Event()
        self._draining = False
        self._orphans = Orphans()
        self._reloading: asyncio.Task[bool] | None = None

    def _followed(self, prepared: Prepared) -> Following | None:
        if prepared.cluster is None:
            return None
        from outgate.following import Following  # the client of Kubernetes

        return Following(prepared.cluster, self.settings, self.snapshot, self._watcher)

    # What the admin endpoint shows.

    def unready(self) -> str:
        if self._draining:
            return "draining"
        reasons = ((post.index, post.report.unready) for post in self._posts)
        return next((f"worker {index} is {reason}" for index, reason in reasons if reason), "")

    def connections(self) -> int:
        return counted(post.report for post in self._posts).connections

    def counts(self) -> Mapping[str, int]:
        followed = self._following.counts() if self._following is not None else {}
        return {**counted(post.report for post in self._posts).counts, **self._exports.counts(), **followed}

    def trips(self) -> int:
        return counted(post.report for post in self._posts).trips

    def workers(self) -> list[dict[str, object]]:
        return [
            {"worker": post.index, "pid": post.pid, "restarts": post.restarts}
            | {key: value for key, value in post.report.plain().items() if key not in ("counts", "trips")}
            for post in self._posts
        ]

    def places(self) -> list[str]:
        return [place(sock.getsockname()) for sock in self._sockets[0]]

    async def usage(self) -> Usage:
        """The newest times of all workers, since the one that has known longest."""
        told = [usage for usage in await asyncio.gather(*(post.usage() for post in self._posts)) if usage is not None]
        if not told:
            return Usage(time.time(), {}, problem="no worker answers")
        problem = next((usage.problem for usage in told if usage.problem), "")
        used = merged(*(usage.used for usage in told))
        return Usage(min(usage.since for usage in told), used, all(usage.persisted for usage in told), problem)

    async def scraped(self) -> Scraped:
        parts = await asyncio.gather(*(post.scraped() for post in self._posts))
        return await asyncio.to_thread(added, parts)

    async def calls(self) -> Calls:
        """The sum of all workers; one that ended has taken its part with it."""
        told = [calls for calls in await asyncio.gather(*(post.calls() for post in self._posts)) if calls is not None]
        return summed(told or [Calls(time.time())])

    async def origins(self) -> list[dict[str, Any]]:
        """Of each worker, one after the other: they count for themselves."""
        told = await asyncio.gather(*(post.origins() for post in self._posts))
        return [origin for origins in told for origin in origins]

    async def set_level(self, level: str, name: str) -> str:
        """Here and in every worker."""
        refused = await asyncio.gather(*(post.set_level(level, name) for post in self._posts))
        levels.set_level(level, name)  # what is refused there may be unknown here, and the other way round
        return next(filter(None, refused), "")

    async def refresh(self) -> None:
        await asyncio.gather(*(post.refresh() for post in self._posts))

    async def reload(self) -> bool:
        """Whether the policy files are in force here and in every worker."""
        loaded = await self._watcher.reload()
        answers = await asyncio.gather(*(post.reload() for post in self._posts))
        return loaded and all(answers)

    # Life.

    async def run(self) -> int:
        self._heed_signals()
        push(self._exports, self)
        self._exports.start()
        doors = self._doors()
        loop = asyncio.get_running_loop()
        kept = [loop.create_task(post.keep()) for post in self._posts]
        beside = [loop.create_task(self._watcher.run()), loop.create_task(self._gather())]
        if self._following is not None:
            beside.append(loop.create_task(self._following.run()))
        try:
            for door in doors:
                door.start()
            await self._until_stopped(kept)
        except OSError as error:
            return say(f"cannot listen: {error}", UNABLE)
        finally:
            await self._down(kept)
            for task in beside:
                task.cancel()
            for door in doors:
                await door.stop()
        return max(post.failure for post in self._posts)

    def _doors(self) -> list[Admin | Listener]:
        settings = self.settings
        admin = [Admin(settings.admin, self, peer_uid)] if settings.admin else []
        return [*admin, *([Listener(settings.metrics, self)] if settings.metrics else [])]

    async def _gather(self) -> None:
        while True:
            await asyncio.sleep(GATHER)
            self._orphans.bury({self._nursery.pid, *(post.pid for post in self._posts)})
            await asyncio.gather(*(post.scraped() for post in self._posts))

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)

    def _policy(self) -> bytes:
        return pickle.dumps(self.snapshot.policy)

    def _heard(self) -> None:
        if self.unready():
            return
        self._ready.set()
        try:
            self._nursery.replenish()
        except OSError as error:  # it is tried again when a worker has to be followed
            log.warning("the process that workers come from cannot be started: %s", error)

    def _reload_soon(self) -> None:
        self._reloading = asyncio.get_running_loop().create_task(self.reload())

    async def _until_stopped(self, kept: Sequence[asyncio.Task[None]]) -> None:
        """A post is left by its own task only when its first worker could not start."""
        announcing = asyncio.get_running_loop().create_task(self._announce())
        stopped = asyncio.get_running_loop().create_task(self._stop.wait())
        await asyncio.wait((*kept, stopped), return_when=asyncio.FIRST_COMPLETED)
        announcing.cancel()
        stopped.cancel()

    async def _announce(self) -> None:
        await self._ready.wait()
        say(ready_line(self.settings, self.places(), self.snapshot.policy.generation))

    async def _down(self, kept: Sequence[asyncio.Task[None]]) -> None:
        """Drain: no new connections, what is under way may finish within the grace period."""
        self._draining = True
        for sock in (sock for own in self._sockets for sock in own):
            sock.close()
        for post in self._posts:
            post.leave()
        _, late = await asyncio.wait(kept, timeout=self.settings.drain_timeout + LATE)
        if late:
            log.warning("%d workers had to be ended", len(late))
            for post in self._posts:
                post.kill()
            await asyncio.wait(late)
        await asyncio.to_thread(self._exports.stop)
        os.close(self._turn)
        os.close(self._documents)
