"""A gate's cluster: followed while the gate runs, shown beside its policy, and told what became of its documents.

Owns what joins the two. How a cluster is followed is `cluster`'s, and when a set is loaded `reload`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence

from outgate.cluster import shared
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster, Unheard
from outgate.cluster.conditions import Outcome
from outgate.cluster.kinds import watched
from outgate.cluster.store import Set
from outgate.cluster.writer import Writer
from outgate.policy.current import Snapshot
from outgate.problems import Problem
from outgate.reload import PolicyWatcher
from outgate.settings import Settings

__all__ = ["Following", "Unheard", "heard"]

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds before it is tried again."""


def heard(settings: Settings) -> Cluster:
    """The cluster of the settings, once it has told all of its policy. Raises `Unheard`."""
    cluster = Cluster(Api(settings.kubeconfig), watched(settings.cluster_meshes), settings.cluster_namespaces)
    asyncio.run(cluster.first(settings.cluster_timeout))
    return cluster


class Following:
    """`run` follows until it is cancelled."""

    def __init__(self, cluster: Cluster, settings: Settings, snapshot: Snapshot, watcher: PolicyWatcher) -> None:
        self._cluster = cluster
        snapshot.freshness = cluster.freshness
        self._writer = Writer(cluster) if settings.cluster_status else None
        watcher.judged.append(self._judged)
        self._judged(snapshot.policy.problems, in_force=True)

    async def run(self) -> None:
        while True:
            try:
                await self._run()
            except* Exception as failed:
                log.error("the cluster could not be followed, and is again", exc_info=failed)
            await asyncio.sleep(AGAIN)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._cluster.run())
            if self._writer is not None:
                tasks.create_task(self._writer.run())

    def counts(self) -> Mapping[str, int]:
        return self._cluster.counts

    def share(self) -> int:
        """A file in memory that always has the set of now, for the other processes of the gate."""
        file = os.memfd_create("outgate-cluster")

        def write(found: Set) -> None:
            shared.write(file, found)

        write(self._cluster.offered or Set())
        self._cluster.heard.append(write)
        return file

    def _judged(self, problems: Sequence[Problem], in_force: bool) -> None:
        if self._writer is not None:
            self._writer.judged(Outcome(tuple(problems), in_force))
