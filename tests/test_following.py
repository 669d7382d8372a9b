"""What joins a gate and its cluster: freshness is shown, loads are told, and all processes have the same set."""

from __future__ import annotations

import asyncio
import os

import pytest

from cluster.conftest import OWN, kind
from outgate import following
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster
from outgate.cluster.objects import read
from outgate.cluster.shared import SharedSet
from outgate.cluster.store import Set
from outgate.following import Following
from outgate.policy.compile import load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.reload import PolicyWatcher
from outgate.settings import Settings


def holding(name):
    metadata = {"name": name, "namespace": "default", "resourceVersion": "1", "generation": 4}
    found = read(kind(OWN), {"metadata": metadata, "spec": {"hosts": [f"{name}.example"], "ports": [{"number": 443}]}})
    return Set((found,), name)


@pytest.fixture
def cluster():
    made = Cluster(Api(), [kind(OWN)])
    made.offered = holding("a")
    return made


def joined(cluster, **settings):
    snapshot = Snapshot(load((), Setting(), cluster.documents()))
    watcher = PolicyWatcher((), Setting(), snapshot, beneath=cluster)
    return Following(cluster, Settings(**settings), snapshot, watcher), snapshot, watcher


def test_how_fresh_the_policy_is_is_shown_beside_it(cluster):
    _, snapshot, _ = joined(cluster)
    assert snapshot.freshness().documents == 1
    assert snapshot.freshness().reason.startswith(f"{OWN}.outgate.dev: not listed yet")


def test_each_load_is_told_and_the_one_at_the_start_too(cluster):
    made, _, watcher = joined(cluster)
    place = "cluster:EgressDestination/default/a"
    accepted, programmed = made._writer._wanted[place]
    assert (accepted.true, programmed.true, programmed.generation) == (True, True, 4)
    watcher._refuse(())
    assert not made._writer._wanted[place][1].true


def test_nothing_is_written_where_that_is_not_wanted(cluster):
    made, _, watcher = joined(cluster, cluster_status=False)
    watcher._refuse(())
    assert made._writer is None


def test_other_processes_have_the_set_of_now(cluster):
    made, _, _ = joined(cluster)
    shared = SharedSet(made.share())
    assert [one.name for one in shared.documents()] == ["a"]
    before = shared.look()
    cluster._offer(holding("b"))
    assert [one.name for one in shared.documents()] == ["b"]
    assert shared.look() != before
    os.close(shared._file)


async def test_what_fails_is_begun_again(cluster, monkeypatch, caplog):
    """A defect in following leaves the policy as it was, and ends nothing."""
    runs, begun = [], asyncio.Event()

    async def fails():
        runs.append(1)
        if len(runs) == 3:
            begun.set()
            await asyncio.sleep(60)
        raise RuntimeError("a defect")

    monkeypatch.setattr(following, "AGAIN", 0.01)
    monkeypatch.setattr(cluster, "run", fails)
    made, _, _ = joined(cluster)
    task = asyncio.create_task(made.run())
    await asyncio.wait_for(begun.wait(), 20)
    task.cancel()
    await asyncio.wait((task,))
    assert [record.message for record in caplog.records].count("the cluster could not be followed, and is again") == 2
