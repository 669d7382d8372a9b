"""The workload of a soak: it asks at random, as a program of the pod under a uid of its own, and judges what it gets.

Owns asking and counting. `python -m e2e.soak.client CONFIG`, where CONFIG is JSON: `state` (a file with the name of the
policy that is surely in force, or nothing), `seconds`, `width`, `trust`, `seed`. Prints one JSON object at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import ssl
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from .oracle import CASES, Case, Outcome, wrong

PROBE = replace(CASES[0], patience=0.5)
PAUSE = 0.02
"""Seconds between two probes, and on average between two requests of one client: the machine has other work."""
REST = 0.1
"""Seconds on average after no answer: who asks on and on takes the cores from a gate that is starting."""


class Client:
    def __init__(self, config: dict[str, Any]) -> None:
        self.state = Path(config["state"])
        self.until = time.monotonic() + config["seconds"]
        self.width = config["width"]
        self.tls = ssl.create_default_context(cafile=config["trust"])
        self.draw = random.Random(config["seed"])
        self.outcomes: dict[str, Counter[str]] = {case.name: Counter() for case in CASES}
        self.wrong: list[str] = []
        self.known: dict[str, tuple[list[str], float]] = {}
        self.probes: list[tuple[float, float]] = []
        """When each that was answered was asked and answered, by the clock that all processes share."""

    async def run(self) -> None:
        await asyncio.gather(self.probe(), *(self.ask_on() for _ in range(self.width)))

    async def ask_on(self) -> None:
        while time.monotonic() < self.until:
            outcome = await self.judged(self.draw.choice(CASES))
            await asyncio.sleep(self.draw.random() * 2 * (PAUSE if outcome.status else REST))

    async def probe(self) -> None:
        """Whether what may get through does, on a connection of its own each time."""
        while time.monotonic() < self.until:
            asked = time.monotonic()
            if (await self.judged(PROBE)).status == 200:
                self.probes.append((asked, time.monotonic()))
            await asyncio.sleep(PAUSE)

    async def judged(self, case: Case) -> Outcome:
        before = self.state.read_text()
        outcome = await self.outcome(case)
        policy = before if before == self.state.read_text() else ""
        self.outcomes[case.name][str(outcome)] += 1
        if (complaint := wrong(case, policy, outcome)) is not None and len(self.wrong) < 50:
            self.wrong.append(f"{case.name} under {policy or 'either policy'}: {complaint} ({outcome})")
        return outcome

    async def outcome(self, case: Case) -> Outcome:
        """By all that came, also where the end did not."""
        got = bytearray()
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(case.patience):
                await self.answer(case, got)
        return read(bytes(got))

    async def answer(self, case: Case, got: bytearray) -> None:
        how = {"ssl": self.tls, "server_hostname": case.host} if case.tls else {}
        reader, writer = await asyncio.open_connection(await self.address(case.host), 443 if case.tls else 80, **how)
        try:
            head = f"GET {case.path} HTTP/1.1\r\nHost: {case.said or case.host}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            while more := await reader.read(65536):
                got += more
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def address(self, host: str) -> str:
        """One of the name's addresses, as of a second ago at most: a look-up costs more than all else that is done."""
        known, until = self.known.get(host, ([], 0.0))
        if time.monotonic() > until:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
            known = [str(entry[4][0]) for entry in found]
            self.known[host] = known, time.monotonic() + 1.0
        return self.draw.choice(known)

    def summary(self) -> dict[str, Any]:
        outcomes = {name: dict(counter.most_common()) for name, counter in self.outcomes.items()}
        return {
            "requests": sum(sum(counter.values()) for counter in self.outcomes.values()),
            "wrong": self.wrong,
            "probes": self.probes,
            "outcomes": outcomes,
        }


def read(answer: bytes) -> Outcome:
    """The answer to a request whose connection has ended."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end or not head.startswith(b"HTTP/1."):
        return Outcome(0)
    status, whole = int(head[9:12]), _whole(head.lower(), body)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return Outcome(status, json.loads(body)["outgate"]["code"], whole)
    return Outcome(status, whole=whole)


def _whole(head: bytes, body: bytes) -> bool:
    if b"\r\ntransfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    _, promised, length = head.partition(b"\r\ncontent-length: ")
    return not promised or len(body) == int(length.partition(b"\r\n")[0])


async def main() -> None:
    client = Client(json.loads(sys.argv[1]))
    await client.run()
    sys.stdout.write(json.dumps(client.summary()) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
