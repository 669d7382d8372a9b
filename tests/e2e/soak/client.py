"""The workload of a soak: it asks at random, as a program of the pod under a uid of its own, and judges what it gets.

Owns asking and counting. `python -m e2e.soak.client CONFIG`, where CONFIG is JSON: `state` (a file with the name of the
policy that is surely in force, or nothing), `seconds`, `width`, `trust`, `seed`. Prints one JSON object at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from .oracle import CASES, Case, Outcome, wrong

PATIENCE = 8.0
PROBE = CASES[0]
PAUSE = 0.02
"""Seconds between two probes, and on average between two requests of one client: the machine has other work."""


class Client:
    def __init__(self, config: dict[str, Any]) -> None:
        self.state = Path(config["state"])
        self.until = time.monotonic() + config["seconds"]
        self.width = config["width"]
        self.tls = ssl.create_default_context(cafile=config["trust"])
        self.draw = random.Random(config["seed"])
        self.outcomes: dict[str, Counter[str]] = {case.name: Counter() for case in CASES}
        self.wrong: list[str] = []
        self.outages: list[float] = []

    async def run(self) -> None:
        await asyncio.gather(self.probe(), *(self.ask_on() for _ in range(self.width)))

    async def ask_on(self) -> None:
        while time.monotonic() < self.until:
            await self.judged(self.draw.choice(CASES))
            await asyncio.sleep(self.draw.random() * 2 * PAUSE)

    async def probe(self) -> None:
        """How long nothing gets through that may: the longest times between two answers."""
        answered = time.monotonic()
        while time.monotonic() < self.until:
            outcome = await self.judged(PROBE, patience=0.5)
            now = time.monotonic()
            if outcome.status == 200:
                self.outages.append(now - answered)
                answered = now
            await asyncio.sleep(PAUSE)
        self.outages.append(time.monotonic() - answered)

    async def judged(self, case: Case, patience: float = PATIENCE) -> Outcome:
        before = self.state.read_text()
        outcome = await self.outcome(case, patience)
        policy = before if before == self.state.read_text() else ""
        self.outcomes[case.name][f"{outcome.status or 'nothing'} {outcome.code}".strip()] += 1
        if (complaint := wrong(case, policy, outcome)) is not None and len(self.wrong) < 50:
            self.wrong.append(f"{case.name} under {policy or 'either policy'}: {complaint} ({outcome})")
        return outcome

    async def outcome(self, case: Case, patience: float) -> Outcome:
        try:
            async with asyncio.timeout(patience):
                return _read(await self.answer(case))
        except (OSError, TimeoutError, ssl.SSLError, asyncio.IncompleteReadError):
            return Outcome(0)

    async def answer(self, case: Case) -> bytes:
        how = {"ssl": self.tls, "server_hostname": case.host} if case.tls else {}
        reader, writer = await asyncio.open_connection(case.host, 443 if case.tls else 80, **how)
        try:
            head = f"GET {case.path} HTTP/1.1\r\nHost: {case.said or case.host}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    def summary(self) -> dict[str, Any]:
        outcomes = {name: dict(counter.most_common()) for name, counter in self.outcomes.items()}
        return {
            "requests": sum(sum(counter.values()) for counter in self.outcomes.values()),
            "wrong": self.wrong,
            "longest_outages": [round(outage, 2) for outage in sorted(self.outages, reverse=True)[:10]],
            "outcomes": outcomes,
        }


def _read(answer: bytes) -> Outcome:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end or not head.startswith(b"HTTP/1."):
        return Outcome(0)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return Outcome(int(head[9:12]), json.loads(body)["outgate"]["code"])
    return Outcome(int(head[9:12]))


async def main() -> None:
    client = Client(json.loads(sys.argv[1]))
    await client.run()
    sys.stdout.write(json.dumps(client.summary()) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
