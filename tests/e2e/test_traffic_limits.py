"""Rate limits on real traffic: what is refused and how, by connection and by key, and limits that all gates share."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from e2e.faulty import client, faulty
from outgate.policy.access_model import Attribute, Condition
from outgate.policy.route_model import (
    Bucket,
    HeaderChange,
    LimitBy,
    LimitPart,
    LimitScope,
    NamedMatch,
    RateLimit,
    Route,
    TextKind,
    TextMatch,
)
from outgate.upstream import shared_buckets
from outgate.upstream.shared_buckets import RedisBuckets
from proxy.gates import gate, to
from redis_server import redis_server

TWO = Bucket(2, 2, 3600.0)


def known(port: int, *limits: RateLimit) -> Any:
    made = to("api.example", 80, port)
    return replace(made, ports=(replace(made.ports[0], routes=(Route(limits=limits),)),))


async def statuses(running, count: int, path: str = "/ok", **more: str) -> list[int]:
    async with client(running.address) as asking:
        return [(await asking.ask("api.example", path, **more)).status for _ in range(count)]


async def test_what_is_beyond_the_limit_is_refused_and_told_when_to_come_again(authority):
    told = HeaderChange(add=(("x-local-rate-limit", "yes"),))
    async with (
        faulty() as origin,
        gate(authority, known(origin.port, RateLimit("two", TWO, response_headers=told))) as running,
    ):
        async with client(running.address) as asking:
            answers = [await asking.ask("api.example") for _ in range(4)]
        assert [one.status for one in answers] == [200, 200, 429, 429]
        refused = answers[-1]
        assert (refused.flags, refused.code) == ("RL", "rate_limited")
        assert refused.headers["x-rate-limited"] == refused.headers["x-envoy-ratelimited"] == "true"
        assert refused.headers["x-local-rate-limit"] == "yes"
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert len(origin.asked) == 2
        assert [line.get("flags", "") for line in await running.lines(4)] == ["", "", "RL", "RL"]


async def test_each_connection_has_its_own(authority):
    limit = RateLimit("own", TWO, LimitScope.CONNECTION)
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        for _ in range(2):
            assert await statuses(running, 3) == [200, 200, 429]


async def test_each_value_has_its_own_and_what_has_none_is_not_limited(authority):
    limit = RateLimit("user", TWO, by=(LimitPart(LimitBy.HEADER, "x-user"), LimitPart(LimitBy.PATH)))
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        assert await statuses(running, 3, x_user="a") == [200, 200, 429]
        assert await statuses(running, 3, x_user="b") == [200, 200, 429]
        assert await statuses(running, 2, "/ok/other", x_user="a") == [200, 200]
        assert await statuses(running, 4) == [200] * 4


@pytest.mark.parametrize(("account", "last"), [("prod/web", 429), ("prod/other", 200)])
async def test_it_counts_whom_it_is_about(authority, account, last):
    limit = RateLimit("who", TWO, caller=(Condition(Attribute.SERVICE_ACCOUNT, (account,)),))
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        assert await statuses(running, 3) == [200, 200, last]


async def test_it_counts_requests_with_a_header_of_its_own(authority):
    limit = RateLimit("h", TWO, headers=(NamedMatch("x-bulk", TextMatch(TextKind.EXACT, "yes")),))
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        assert await statuses(running, 3, x_bulk="yes") == [200, 200, 429]
        assert await statuses(running, 2) == [200, 200]


async def test_what_is_not_enforced_passes(authority):
    limit = RateLimit("soft", TWO, enforced_percent=0.0)
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        assert await statuses(running, 4) == [200] * 4


async def test_another_status(authority):
    async with faulty() as origin, gate(authority, known(origin.port, RateLimit("s", TWO, status=503))) as running:
        assert await statuses(running, 3) == [200, 200, 503]


class Shared:
    """Buckets of all gates that say what they are told."""

    def __init__(self, *waits: float | None) -> None:
        self.waits = list(waits)

    async def take(self, limit: RateLimit, values: tuple[str, ...]) -> float | None:
        return self.waits.pop(0)

    async def close(self) -> None:
        return


@pytest.mark.parametrize(("allow", "status", "flags"), [(True, 200, ""), (False, 500, "RLSE")])
async def test_the_stated_answer_is_given_where_nobody_knows(authority, allow, status, flags):
    limit = RateLimit("all", TWO, LimitScope.GLOBAL, allow_on_failure=allow)
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        running.engine.plane.governor.shared = Shared(0.0, 7.2, None)
        async with client(running.address) as asking:
            first, beyond, unknown = [await asking.ask("api.example") for _ in range(3)]
        assert (first.status, beyond.status, beyond.headers["retry-after"]) == (200, 429, "8")
        assert (unknown.status, unknown.flags) == (status, flags)


async def test_of_connections_only_the_first_request_counts(authority):
    limit = RateLimit("cx", TWO, connections=True)
    async with faulty() as origin, gate(authority, known(origin.port, limit)) as running:
        assert [await statuses(running, 2) for _ in range(3)] == [[200, 200], [200, 200], [429, 429]]


@pytest.mark.parametrize(("allow", "away"), [(True, 200), (False, 500)])
async def test_two_gates_share_a_limit_and_go_on_without_redis_as_it_says(
    authority, tmp_path, monkeypatch, allow, away
):
    monkeypatch.setattr(shared_buckets, "AWAY", 0.1)
    limit = RateLimit("all", Bucket(20, 20, 3600.0), LimitScope.GLOBAL, allow_on_failure=allow)
    with redis_server(tmp_path) as redis:
        async with faulty() as origin:
            known_ = known(origin.port, limit)
            async with gate(authority, known_) as one, gate(authority, known_) as other:
                for running in (one, other):
                    running.engine.plane.governor.shared = RedisBuckets(redis.url)
                came = await asyncio.gather(*(statuses(running, 15) for running in (one, other)))
                assert Counter([*came[0], *came[1]]) == {200: 20, 429: 10}
                redis.stop()
                assert await statuses(one, 3) == [away] * 3
                redis.start()
                for _ in range(200):
                    if (found := await statuses(one, 1)) == [200] and one.engine.plane.governor.shared.failures:
                        break
                    await asyncio.sleep(0.05)
                assert found == [200]
                failed = one.engine.plane.governor.shared.failures
                assert await statuses(one, 3) == [200] * 3
                assert one.engine.plane.governor.shared.failures == failed


@pytest.mark.slow
async def test_over_ten_seconds_two_gates_pass_what_the_limit_gives(authority, tmp_path, monkeypatch):
    """Both are asked all the time. What passes is within a twentieth of what the bucket gives to whoever asks then."""
    monkeypatch.setattr(shared_buckets, "PATIENCE", 5.0)  # a busy machine is no Redis that is away
    bucket = Bucket(20, 20, 0.5)
    limit = RateLimit("rate", bucket, LimitScope.GLOBAL)
    with redis_server(tmp_path) as redis:
        async with faulty() as origin:
            known_ = known(origin.port, limit)
            async with gate(authority, known_) as one, gate(authority, known_) as other:
                for running in (one, other):
                    running.engine.plane.governor.shared = RedisBuckets(redis.url)
                began = time.monotonic()
                asked = await asyncio.gather(*(asking_until(running, began + 10) for running in (one, other)))
    answers = sorted(asked[0] + asked[1])
    passed = sum(status == 200 for _, status in answers)
    given = gives(bucket, [at for at, _ in answers])
    assert given >= 200, "the machine was too busy to ask"
    assert abs(passed - given) <= max(0.05 * given, bucket.refill)  # a refill may fall between question and answer
    assert passed <= 1.05 * (bucket.size + bucket.refill * (10 // bucket.interval))


async def asking_until(running, until: float) -> list[tuple[float, int]]:
    """When it was asked, and the status; after a request that does not pass a moment is waited."""
    answers = []
    async with client(running.address) as asking:
        while (at := time.monotonic()) < until:
            answers.append((at, (await asking.ask("api.example")).status))
            if answers[-1][1] != 200:
                await asyncio.sleep(0.005)
    return answers


def gives(bucket: Bucket, times: list[float]) -> int:
    """How many of requests at these times a bucket lets pass: what is full while nobody asks fills no further."""
    given, tokens, refilled = 0, bucket.size, 0
    for at in times:
        intervals = int((at - times[0]) // bucket.interval)
        tokens = min(bucket.size, tokens + bucket.refill * (intervals - refilled))
        refilled = intervals
        given += tokens > 0
        tokens = max(0, tokens - 1)
    return given
