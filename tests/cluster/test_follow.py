"""A kind is followed as the protocol has it, whatever the server does meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from cluster.apiserver import event
from cluster.conftest import ENTRIES, POLICIES, entry, following, kind, until
from outgate.cluster.follow import LOOKS, SURE

ONE = [kind(ENTRIES)]
TWO = [kind(ENTRIES), kind(POLICIES)]


def lists(server, plural=ENTRIES):
    return [request for request in server.requests if f"/{plural}?" in request and "watch=true" not in request]


async def test_what_is_there_and_what_comes_is_known(server, config):
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, ONE) as followed:
        await followed.knows("a")
        server.put(ENTRIES, "b", entry("b.example"))
        await followed.knows("a", "b")
        server.put(ENTRIES, "b", entry("c.example"))
        await until(lambda: followed.sets[-1]["cluster:ServiceEntry/default/b"]["hosts"] == ["c.example"])
        server.delete(ENTRIES, "a")
        await followed.knows("b")
    assert len(lists(server)) == 1


async def test_nothing_is_offered_before_every_kind_is_listed(server, config):
    server.put(ENTRIES, "a", entry("a.example"))
    server.trouble(f"/{POLICIES}?", 500, times=2)
    async with following(config, TWO) as followed:
        await until(lambda: server.watches == 1)
        await asyncio.sleep(0.1)
        assert followed.sets == []
        await followed.knows("a")


async def test_a_list_of_many_pages_is_one_set(server, config):
    server.page = 2
    for number in range(5):
        server.put(ENTRIES, f"e{number}", entry(f"e{number}.example"))
    async with following(config, ONE) as followed:
        await followed.knows(*(f"e{number}" for number in range(5)))
        assert len(followed.sets) == 1
    assert len(lists(server)) == 3


async def test_a_list_that_expires_between_two_pages_is_begun_again(server, config):
    server.page = 2
    for number in range(3):
        server.put(ENTRIES, f"e{number}", entry(f"e{number}.example"))
    server.trouble("continue=2", 410)
    async with following(config, ONE) as followed:
        await followed.knows("e0", "e1", "e2")
        assert len(followed.sets) == 1


async def test_a_bookmark_saves_a_list_after_what_was_before_is_forgotten(server, config):
    async with following(config, ONE) as followed:
        await followed.knows()
        server.version += 100
        server.bookmark()
        await until(lambda: followed.cluster.store.parts[0].version == str(server.version))
        server.forget(ENTRIES)
        server.drop()
        await until(lambda: server.watches == 0)
        server.put(ENTRIES, "a", entry("a.example"))
        await followed.knows("a")
    assert len(lists(server)) == 1


@pytest.mark.parametrize("partial", [b"", b'{"type": "DELETED", "object": {"kind": "Servi'], ids=["between", "within"])
async def test_a_watch_that_breaks_goes_on_where_it_was(server, config, partial):
    """What was cut off counts for nothing, and what came meanwhile is not missed."""
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, ONE) as followed:
        await followed.knows("a")
        server.drop(partial=partial)
        server.put(ENTRIES, "b", entry("b.example"))
        await followed.knows("a", "b")
        assert [len(each) for each in followed.sets] == [1, 2]
    assert len(lists(server)) == 1


@pytest.mark.parametrize("how", ["status", "event"])
async def test_what_has_expired_is_listed_again_and_replaced_at_once(server, config, how):
    server.put(ENTRIES, "a", entry("a.example"))
    server.put(ENTRIES, "b", entry("b.example"))
    async with following(config, ONE) as followed:
        await followed.knows("a", "b")
        if how == "event":
            server.error(ENTRIES, 410, "too old resource version")
            await until(lambda: server.watches == 0)
        server.drop()
        server.delete(ENTRIES, "a")
        server.put(ENTRIES, "c", entry("c.example"))
        server.forget(ENTRIES)
        await followed.knows("b", "c")
        names = [sorted(place.rpartition("/")[2] for place in each) for each in followed.sets]
        assert names == [["a", "b"], ["b", "c"]]
    assert len(lists(server)) == 2


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff not json\n",
        b"[1, 2]\n",
        b'{"type": "RENAMED", "object": {}}\n',
        b'{"object": {}}\n',
        event("ADDED", {"metadata": {}}),
        event("ADDED", {"metadata": {"name": "x"}}),
        b'{"type": "BOOKMARK", "object": {"metadata": {}}}\n',
        b'{"type": "ADDED", "object": null}\n',
    ],
    ids=range(8),
)
async def test_after_what_cannot_be_read_everything_is_listed_again(server, config, garbage):
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, ONE) as followed:
        await followed.knows("a")
        server.say(ENTRIES, garbage)
        await until(lambda: len(lists(server)) == 2 and server.watches == 1)
        server.put(ENTRIES, "b", entry("b.example"))
        await followed.knows("a", "b")
        assert [len(each) for each in followed.sets] == [1, 2]


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"items": {}}', b'{"items": [], "metadata": {}}'])
async def test_a_list_that_cannot_be_read_is_none(server, config, body):
    server.put(ENTRIES, "a", entry("a.example"))
    server.trouble(f"/{ENTRIES}?", 200, body=body)
    async with following(config, ONE) as followed:
        await followed.knows("a")
        assert len(followed.sets) == 1


async def test_other_errors_of_a_watch_have_it_listed_again(server, config):
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, ONE) as followed:
        await followed.knows("a")
        server.error(ENTRIES, 500, "etcd event received with PrevKv=nil")
        await until(lambda: len(lists(server)) == 2)
        await followed.knows("a")


@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
async def test_a_refusal_leaves_what_is_known_and_says_why(server, config, code):
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, ONE) as followed:
        await followed.knows("a")
        server.trouble("watch=true", code, times=1000)
        server.drop()
        await until(lambda: f"answers {code}" in followed.cluster.freshness().reason)
        assert followed.cluster.freshness().age > 0
        assert [len(each) for each in followed.sets] == [1]
        server.troubles.clear()
        server.put(ENTRIES, "b", entry("b.example"))
        await followed.knows("a", "b")
        assert followed.cluster.freshness().age == 0


async def test_a_server_that_asks_for_time_is_given_it(server, config):
    server.trouble(f"/{ENTRIES}?", 429, retry_after="7")
    async with following(config, []) as followed:
        follower_waits = await _one(followed, kind(ENTRIES))
    assert follower_waits >= 7


async def _one(followed, of):
    from outgate.cluster.follow import Follower

    part = followed.cluster.store.part(of)
    return await Follower(followed.cluster.api, part, followed.cluster.counts).once()


async def test_a_kind_that_is_not_served_is_no_fault_and_is_noticed_when_it_comes(server, config):
    del server.resources["security.istio.io", POLICIES]
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, TWO) as followed:
        for follower in followed.cluster._followers:
            follower._again = 0.05
        await followed.knows("a")
        assert followed.cluster.freshness().reason == ""
        assert followed.cluster.freshness().absent == ("authorizationpolicies.security.istio.io",)
        server.serve("security.istio.io", "v1beta1", POLICIES, "AuthorizationPolicy")
        server.put(POLICIES, "deny", {"action": "DENY", "rules": [{}]})
        await followed.knows("a", "deny")
        assert followed.cluster.freshness().absent == ()


async def test_what_a_server_has_forgotten_stays_until_that_is_sure(server, config):
    """A server that is starting knows no kind for a moment, and may say that it is ready: what it has forgotten is
    still in force, and told to be old."""
    server.put(POLICIES, "deny", {"action": "DENY", "rules": [{}]})
    async with following(config, TWO) as followed:
        await followed.knows("deny")
        resource = server.resources["security.istio.io", POLICIES]
        server.withdraw(POLICIES)
        await until(lambda: len(asked(server)) > LOOKS)
        assert [len(each) for each in followed.sets] == [1]
        assert followed.cluster.freshness().reason == "authorizationpolicies.security.istio.io: it is not served"
        assert followed.cluster.freshness().absent == ()
        server.resources["security.istio.io", POLICIES] = resource
        await until(lambda: server.watches == 2)
        assert [len(each) for each in followed.sets] == [1]


async def test_in_the_end_what_nobody_serves_is_gone(server, config):
    server.put(POLICIES, "deny", {"action": "DENY", "rules": [{}]})
    async with following(config, TWO) as followed:
        await followed.knows("deny")
        server.withdraw(POLICIES)
        await until(lambda: asked(server))
        followed.cluster.store.clock = lambda: time.monotonic() + SURE
        await followed.knows()
        assert followed.cluster.freshness().absent == ("authorizationpolicies.security.istio.io",)


def asked(server):
    return [request for request in server.requests if request == "GET /readyz"]


async def test_no_kind_is_absent_of_a_server_that_is_not_ready(server, config):
    """Else a gate that starts beside it would begin without the denials."""
    resource = server.resources.pop(("security.istio.io", POLICIES))
    server.ready = False
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, TWO) as followed:
        await until(lambda: len(asked(server)) > LOOKS)
        assert followed.sets == []
        assert "/readyz: the API answers 500" in followed.cluster.freshness().reason
        server.resources["security.istio.io", POLICIES] = resource
        server.put(POLICIES, "deny", {"action": "DENY", "rules": [{}]})
        await followed.knows("a", "deny")
        assert [len(each) for each in followed.sets] == [2]


async def test_looks_that_are_not_in_a_row_are_not_counted_together(server, config):
    server.put(POLICIES, "deny", {"action": "DENY", "rules": [{}]})
    async with following(config, [kind(POLICIES)]) as followed:
        await followed.knows("deny")
        (follower,) = followed.cluster._followers
        server.withdraw(POLICIES)
        await until(lambda: follower._missing == 1)
        server.trouble(f"/{POLICIES}?", 503)
        await until(lambda: "503" in followed.cluster.freshness().reason)
        assert follower._missing == 0


async def test_a_server_that_is_away_leaves_what_is_known(server, config):
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, TWO) as followed:
        await followed.knows("a")
        await server.stop()
        await until(lambda: followed.cluster.freshness().reason)
        server.put(ENTRIES, "b", entry("b.example"))
        assert [len(each) for each in followed.sets] == [1]
        await server.start()
        await followed.knows("a", "b")


async def test_while_one_kind_is_away_no_other_changes_alone(server, config):
    """A destination that came after its denial is not offered before it."""
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, TWO) as followed:
        await followed.knows("a")
        server.trouble(f"/{POLICIES}?", 503, times=3)
        server.drop(POLICIES)
        await until(lambda: "503" in followed.cluster.freshness().reason)
        server.put(POLICIES, "deny", {"action": "DENY", "rules": [{}]})
        server.put(ENTRIES, "b", entry("b.example"))
        await followed.knows("a", "b", "deny")
        assert [len(each) for each in followed.sets] == [1, 3]


async def test_only_named_namespaces_count(server, config):
    for namespace in ("one", "two", "three"):
        server.put(ENTRIES, namespace, entry(f"{namespace}.example"), namespace)
    async with following(config, ONE, ("one", "two")) as followed:
        await followed.knows("one", "two")
        server.put(ENTRIES, "other", entry("other.example"), "three")
        server.put(ENTRIES, "more", entry("more.example"), "two")
        await followed.knows("one", "two", "more")
    assert all("/namespaces/" in request for request in server.requests)
