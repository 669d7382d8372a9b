"""The load of gRPC: unary calls on one connection, each of which has to end with status OK and the right answer.

`python bench/grpc_load.py CONFIG`, where CONFIG is as load.py's; `width` is the number of calls at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

# The pod's names are in its hosts file, which the library's own resolver need not read.
os.environ["GRPC_DNS_RESOLVER"] = "native"

import grpc
from load import PATIENCE, Budget, say, summary

MESSAGE = b"hello"


async def ask(asked: dict[str, Any], trusted: bytes) -> dict[str, float]:
    credentials = grpc.ssl_channel_credentials(trusted)
    latencies: list[float] = []
    async with grpc.aio.secure_channel(f"{asked['host']}:{asked['port']}", credentials) as channel:
        call = channel.unary_unary("/bench.Echo/Unary")

        async def run(budget: Budget) -> None:
            while budget.take():
                begun = time.perf_counter()
                # Any other status than OK is raised.
                answer = await call(MESSAGE, timeout=PATIENCE)
                if answer != b"echo:" + MESSAGE:
                    raise RuntimeError(f"not the origin's answer: {answer[:200]!r}")
                latencies.append(time.perf_counter() - begun)

        started = time.perf_counter()
        budget = Budget(started + asked["seconds"], asked["requests"] or sys.maxsize)
        await asyncio.gather(*(run(budget) for _ in range(asked["width"])))
        return summary(latencies, time.perf_counter() - started)


if __name__ == "__main__":
    config = json.loads(sys.argv[1])
    say(asyncio.run(ask(config, Path(config["trust"]).read_bytes())))
