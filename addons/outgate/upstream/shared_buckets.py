"""Token buckets that all gates share, in Redis.

Owns the script, which is one atomic step there, and how long it may take. Redis being away is an answer like another:
`None`, at once for a while after it was found out, so that nobody waits for it one by one. What a request is answered
then is for others.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from outgate.policy.route_model import RateLimit

log = logging.getLogger(__name__)

PATIENCE = 0.25
"""Seconds for one answer, connecting included."""
AWAY = 1.0
"""Seconds after a failure in which nobody asks."""
CONNECTIONS = 16
PREFIX = "outgate:limit:"
# By Redis' own clock, which is the same for all. Times in microseconds, which are whole numbers below 2 ** 53. Where it
# was set back, an interval begins now: else nobody would pass until it has caught up.
SCRIPT = """
local told = redis.call('TIME')
local now = told[1] * 1000000 + told[2]
local size, refill, interval = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'filled')
local tokens, filled = tonumber(kept[1]) or size, math.min(tonumber(kept[2]) or now, now)
local passed = math.floor((now - filled) / interval)
if passed > 0 then
  tokens = math.min(size, tokens + passed * refill)
  filled = filled + passed * interval
end
local wait = 0
if tokens >= 1 then
  tokens = tokens - 1
else
  wait = filled + math.ceil((1 - tokens) / refill) * interval - now
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'filled', string.format('%.0f', filled))
redis.call('PEXPIRE', KEYS[1], math.ceil((math.ceil(size / refill) + 1) * interval / 1000))
return string.format('%.0f', wait)
"""


class SharedBuckets(Protocol):
    """What others see of it."""

    async def take(self, limit: RateLimit, values: tuple[str, ...]) -> float | None:
        """0.0 where it may pass, else the seconds until the next one may; None: nobody knows."""

    async def close(self) -> None: ...


class RedisBuckets:
    """Used by one event loop. Raises `ImportError` where the extra `redis` is not installed."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._clock, self._away, self.failures = clock, 0.0, 0
        pool = BlockingConnectionPool.from_url(
            url,
            socket_connect_timeout=PATIENCE,
            socket_timeout=PATIENCE,
            max_connections=CONNECTIONS,
            timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Any = Redis.from_pool(pool)
        self._script: Any = self._redis.register_script(SCRIPT)

    async def take(self, limit: RateLimit, values: tuple[str, ...]) -> float | None:
        if self._clock() < self._away:
            return None
        bucket = limit.bucket
        arguments = [bucket.size, bucket.refill, round(bucket.interval * 1_000_000)]
        try:
            async with asyncio.timeout(PATIENCE):
                wait = float(await self._script(keys=[_key(limit, values)], args=arguments))
        except Exception as error:  # whatever it is, there is no answer
            self._failed(error)
            return None
        return max(wait / 1_000_000, 1e-3) if wait > 0 else 0.0

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self._clock() >= self._away + AWAY:
            log.warning("Redis does not answer, so shared limits are not known: %s", type(error).__name__)
        self._away = self._clock() + AWAY

    async def close(self) -> None:
        await self._redis.aclose()


def _key(limit: RateLimit, values: tuple[str, ...]) -> str:
    """Says nothing of whom it is about. A limit that is given another size begins anew."""
    bucket = limit.bucket
    texts = (limit.key, str(bucket.size), str(bucket.refill), str(bucket.interval), *values)
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogateescape")
        digest.update(len(data).to_bytes(8, "big") + data)
    return PREFIX + digest.hexdigest()[:32]
