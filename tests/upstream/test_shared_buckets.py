"""Limits of all gates, in a real Redis: what they share, and what is answered while it is away."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from outgate.policy.route_model import Bucket, LimitScope, RateLimit
from outgate.upstream import shared_buckets
from outgate.upstream.shared_buckets import RedisBuckets
from redis_server import Server, redis_server

LIMIT = RateLimit("l", Bucket(5, 5, 60.0), LimitScope.GLOBAL)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    with redis_server(tmp_path) as made:
        yield made


async def test_what_one_takes_the_other_has_not(redis):
    one, other = RedisBuckets(redis.url), RedisBuckets(redis.url)
    try:
        taken = [await buckets.take(LIMIT, ("a",)) for buckets in (one, other, one, other, one)]
        assert taken == [0.0] * 5
        for buckets in (one, other):
            wait = await buckets.take(LIMIT, ("a",))
            assert wait is not None
            assert 0 < wait <= 60
        assert await other.take(LIMIT, ("b",)) == 0.0
    finally:
        await one.close()
        await other.close()


async def test_a_clock_that_was_set_back_stops_nobody(redis):
    """As it looks from then on: tokens came last at a time that is still to come."""
    limit = RateLimit("l", Bucket(1, 1, 0.2), LimitScope.GLOBAL)
    buckets = RedisBuckets(redis.url)
    try:
        assert await buckets.take(limit, ()) == 0.0
        (key,) = await buckets._redis.keys(f"{shared_buckets.PREFIX}*")
        await buckets._redis.hset(key, "filled", f"{(time.time() + 3600) * 1e6:.0f}")
        wait = await buckets.take(limit, ())
        assert wait is not None
        assert 0 < wait <= 0.2
    finally:
        await buckets.close()


async def test_together_they_have_what_is_filled_in_and_no_more(redis):
    """Asked by both as fast as they can: a hundred tokens take four intervals behind the first twenty."""
    limit = RateLimit("fast", Bucket(20, 20, 0.1), LimitScope.GLOBAL)
    gates = [RedisBuckets(redis.url), RedisBuckets(redis.url)]
    taken: list[float] = []

    async def ask(buckets: RedisBuckets) -> None:
        while len(taken) < 100:
            if await buckets.take(limit, ()) == 0.0:
                taken.append(time.monotonic())

    try:
        async with asyncio.timeout(20):
            await asyncio.gather(*(ask(one) for one in gates for _ in range(2)))
        assert taken[99] - taken[0] > 0.3
    finally:
        for one in gates:
            await one.close()


async def test_a_limit_of_another_size_begins_anew_and_names_do_not_stand_in_redis(redis):
    buckets = RedisBuckets(redis.url)
    try:
        narrow = RateLimit("l", Bucket(1, 1, 60.0), LimitScope.GLOBAL)
        assert await buckets.take(narrow, ("somebody",)) == 0.0
        assert await buckets.take(narrow, ("somebody",))
        assert await buckets.take(LIMIT, ("somebody",)) == 0.0
        keys = await buckets._redis.keys("*")
        assert len(keys) == 2
        assert not any(b"somebody" in key for key in keys)
    finally:
        await buckets.close()


@pytest.mark.parametrize("hangs", [True, False], ids=["it hangs", "it is gone"])
async def test_there_is_an_answer_while_it_is_away_and_it_counts_when_it_is_back(redis, monkeypatch, hangs):
    monkeypatch.setattr(shared_buckets, "AWAY", 0.2)
    buckets = RedisBuckets(redis.url)
    try:
        assert await buckets.take(LIMIT, ()) == 0.0
        if hangs:
            redis.signal(signal.SIGSTOP)
        else:
            redis.stop()
        async with asyncio.timeout(5):
            assert await buckets.take(LIMIT, ()) is None
        began = time.monotonic()
        assert [await buckets.take(LIMIT, ()) for _ in range(100)] == [None] * 100
        assert buckets.failures <= 1 + (time.monotonic() - began) / 0.2  # the others did not ask
        if hangs:
            redis.signal(signal.SIGCONT)
        else:
            redis.start()
        for _ in range(200):
            if (answer := await buckets.take(LIMIT, ())) is not None:
                break
            await asyncio.sleep(0.05)
        assert answer is not None
    finally:
        redis.signal(signal.SIGCONT)
        await buckets.close()
