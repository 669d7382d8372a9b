"""Token buckets: how often something may happen.

Owns the arithmetic of one bucket and a bounded set of them. Which requests a limit is about, and what a refused one is
answered, is for others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor

from outgate.policy.route_model import Bucket, RateLimit

MOST = 10_000
"""Buckets that are kept apart. Where none of them can be let go, further ones are one together, by limit."""
TIDYING = 1.0
"""Seconds between two looks for those that can be let go."""
CROWD = ("", "*")
OWN = 4
"""Parts of a key that are the limit's own."""

type BucketKey = tuple[str | float, ...]
"""A limit's key and size, and the values that have a bucket of their own."""


@dataclass(slots=True)
class TokenBucket:
    """Starts full. Tokens come all at once at the end of each interval, as Envoy's do; parts of tokens add up."""

    size: float
    refill: float
    interval: float
    tokens: float
    filled: float
    """When tokens came last."""

    @classmethod
    def full(cls, bucket: Bucket, now: float, share: float = 1.0) -> TokenBucket:
        """`share` is the part of the limit that is this process's own. It can always hold one whole token; what does
        not make one by the time it is full is lost, so that all shares together are never more than the limit."""
        size = max(1.0, bucket.size * share)
        return cls(size, bucket.refill * share, bucket.interval, size, now)

    def take(self, now: float) -> float:
        """0.0 where a token was there, and is now taken; else the seconds until the next one."""
        if now - self.filled >= self.interval:
            self._fill(now)
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        intervals = ceil((1 - self.tokens) / self.refill)
        return max(self.filled + intervals * self.interval - now, 1e-3)

    def is_full(self, now: float) -> bool:
        """Whether it is as good as a new one."""
        self._fill(now)
        return self.tokens >= self.size

    def _fill(self, now: float) -> None:
        intervals = floor((now - self.filled) / self.interval)
        if intervals > 0:
            self.filled += intervals * self.interval
            self.tokens = min(self.size, self.tokens + intervals * self.refill)


@dataclass(slots=True)
class Buckets:
    """One bucket for each limit and combination of values."""

    share: float = 1.0
    most: int = MOST
    _buckets: dict[BucketKey, TokenBucket] = field(default_factory=dict)
    _tidied: float = float("-inf")

    def take(self, limit: RateLimit, values: tuple[str, ...], now: float) -> float:
        """0.0 where it may pass; else the seconds until the next one may."""
        shape = limit.bucket
        # One that is given another size begins anew, and what is still judged by the other one does not undo that.
        key: BucketKey = (limit.key, shape.size, shape.refill, shape.interval, *values)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._made(key, limit, now)
        if bucket.tokens >= 1 and now - bucket.filled < bucket.interval:  # as nearly always
            bucket.tokens -= 1
            return 0.0
        return bucket.take(now)

    def __len__(self) -> int:
        return len(self._buckets)

    def _made(self, key: BucketKey, limit: RateLimit, now: float) -> TokenBucket:
        if len(self._buckets) >= self.most and now - self._tidied >= TIDYING:
            self._tidy(now)
        if len(self._buckets) >= self.most:
            # To let go of one that is not full would give its owner a full one.
            key = (*key[:OWN], *CROWD)
        return self._buckets.setdefault(key, TokenBucket.full(limit.bucket, now, self.share))

    def _tidy(self, now: float) -> None:
        self._tidied = now
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
