"""Whatever a server sends, the sets that are offered are sets that the cluster had, and the last is what it has."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from cluster.apiserver import TOKEN, ApiServer, kubeconfig
from cluster.conftest import ENTRIES, POLICIES, entry, following, kind, known, until
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster, Unheard

KINDS = [kind(ENTRIES), kind(POLICIES)]
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.yaml"))


def had(server: ApiServer) -> dict[str, object]:
    """What the cluster has, as sets are compared."""
    return {
        f"cluster:{resource.kind}/{namespace}/{name}": found["spec"]
        for resource in server.resources.values()
        for (namespace, name), found in resource.objects.items()
    }


def act(server: ApiServer, step: dict[str, list[object]]) -> None:
    ((what, given),) = step.items()
    if what == "together":
        for each in given:
            act(server, each)
    elif what in ("say", "drop"):
        plural, text = (*given, "", "")[:2]
        getattr(server, what)(plural, str(text).encode())
    elif what == "trouble":
        path, status, times = given
        server.trouble(path, status, times=times)
    else:
        getattr(server, what)(*given)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
async def test_a_watch_is_followed_and_never_by_half(server, config, script):
    sets = [had(server)]
    async with following(config, KINDS) as followed:
        await followed.knows()
        for step in yaml.safe_load(script.read_text()):
            if "knows" in step:
                await followed.knows(*step["knows"])
                await until(lambda: known(followed.cluster.offered) == had(server))
            else:
                act(server, step)
                sets.append(had(server))
        assert all(each in sets for each in followed.sets)
        assert followed.sets[-1] == had(server)


NAMES = some.sampled_from(["a", "b", "c"])
PLURALS = some.sampled_from([ENTRIES, POLICIES])
STEPS = some.one_of(
    some.builds(
        lambda plural, name, number: {"put": [plural, name, {"n": number}]}, PLURALS, NAMES, some.integers(0, 9)
    ),
    some.builds(lambda plural, name: {"delete": [plural, name]}, PLURALS, NAMES),
    some.sampled_from(
        [
            {"bookmark": []},
            {"drop": []},
            {"drop": [ENTRIES, '{"type": "ADDED", "obj']},
            {"error": [ENTRIES, 410]},
            {"error": [POLICIES, 500]},
            {"forget": [ENTRIES]},
            {"say": [POLICIES, "garbage\n"]},
            {"trouble": [f"/{ENTRIES}?", 503, 1]},
            {"trouble": ["watch=true", 0, 1]},
            {"pause": []},
        ]
    ),
)


@settings(max_examples=10, deadline=None)
@given(steps=some.lists(STEPS, max_size=15))
def test_any_course_of_events_ends_in_what_a_fresh_list_says(steps):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_course(Path(folder) / "config", steps))


async def _course(config, steps):
    server = ApiServer()
    server.serve("networking.istio.io", "v1", ENTRIES, "ServiceEntry")
    server.serve("security.istio.io", "v1", POLICIES, "AuthorizationPolicy")
    await server.start()
    config.write_text(kubeconfig(server.url, TOKEN))
    try:
        async with following(config, KINDS) as followed:
            await followed.knows()
            for step in steps:
                if "pause" in step:
                    await asyncio.sleep(0.01)
                elif "delete" not in step or ("default", step["delete"][1]) in _objects(server, step["delete"][0]):
                    act(server, step)
            await until(lambda: known(followed.cluster.offered) == had(server))
            fresh = Cluster(Api(str(config)), KINDS, settle=0.02)
            server.troubles.clear()
            await fresh.first(20)
            assert fresh.offered is not None
            assert followed.cluster.offered is not None
            assert fresh.offered.digest == followed.cluster.offered.digest
    finally:
        await server.stop()


def _objects(server, plural):
    return next(one for (_, name), one in server.resources.items() if name == plural).objects


async def test_what_was_heard_first_is_watched_from_there(server, config):
    """The start of a gate is in another event loop than its life."""
    server.put(ENTRIES, "a", entry("a.example"))
    cluster = Cluster(Api(str(config)), KINDS, settle=0.02)
    await cluster.first(20)
    assert known(cluster.offered) == had(server)
    assert cluster.freshness().documents == 1
    listed = [request for request in server.requests if "limit=" in request]
    task = asyncio.create_task(cluster.run())
    server.put(ENTRIES, "b", entry("b.example"))
    await until(lambda: known(cluster.offered) == had(server))
    task.cancel()
    await asyncio.wait((task,))
    assert [request for request in server.requests if "limit=" in request] == listed


async def test_a_cluster_that_does_not_tell_everything_in_time_is_unheard(server, config):
    server.trouble(f"/{POLICIES}?", 403, times=1000, body=b'{"message": "forbidden: User \\"x\\" cannot list"}')
    cluster = Cluster(Api(str(config)), KINDS, settle=0.02)
    with pytest.raises(Unheard, match=r'authorizationpolicies.*answers 403: forbidden: User "x" cannot list'):
        await cluster.first(0.5)
    assert cluster.offered is None


async def test_a_status_alone_makes_no_other_set(server, config):
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, KINDS) as followed:
        await followed.knows("a")
        before = followed.cluster.look()
        resource = server.resources["networking.istio.io", ENTRIES]
        found = resource.objects["default", "a"]
        server.version += 1
        changed = {
            **found,
            "status": {"x": 1},
            "metadata": {**found["metadata"], "resourceVersion": str(server.version)},
        }
        server._happened(resource, "MODIFIED", changed)
        await until(lambda: followed.cluster.store.parts[0].version == str(server.version))
        await asyncio.sleep(0.1)
        assert followed.cluster.look() == before
        assert len(followed.sets) == 1


async def test_what_keeps_changing_is_taken_all_the_same(server, config):
    async with following(config, KINDS, settle=0.05) as followed:
        followed.cluster._longest = 0.2
        await followed.knows()
        for number in range(200):
            server.put(ENTRIES, "a", entry(f"n{number}.example"))
            await asyncio.sleep(0.01)
            if len(followed.sets) > 1:
                break
        assert len(followed.sets) > 1
