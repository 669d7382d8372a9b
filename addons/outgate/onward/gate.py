"""A gate in the process of a replay, that misses go through: under a policy, and with a capture of what passed.

Owns its life, and that it is reached by the replay alone. What may leave is for the policy to say, what is kept of it
for its redaction.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from outgate.capture.keeper import Keeper
from outgate.onward.asking import Client
from outgate.pki.authority import Authority, create_authority
from outgate.policy.current import Snapshot
from outgate.policy.redaction_model import CapturePolicy
from outgate.policy.snapshot import Policy
from outgate.proxy import listen
from outgate.proxy.engine import Engine, build
from outgate.proxy.guard import contained_task
from outgate.settings import ListenMode, Settings
from outgate.sockets import bind
from outgate.telemetry.accesslogs import AccessLogs
from outgate.upstream.environment import Environment, Timeouts
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.trust import Trust

log = logging.getLogger(__name__)

NAME = "replay"
HOST = "127.0.0.1"
DAYS = 7
MASTER = 32
"""Bytes of the key that replacements are made with."""
ENDING = 10.0
"""Seconds in which what waits is redacted and written at the end."""


@dataclass(frozen=True, slots=True)
class Way:
    """Out: under which policy, and into which folder what passed is written."""

    settings: Settings
    policy: Policy
    folder: Path

    @property
    def capturing(self) -> Policy:
        """With everything that was answered in a capture of its own, and nothing in the policy's."""
        capture = CapturePolicy(NAME, folder=str(self.folder), denied=False, retention=0.0)
        keeping = replace(self.policy.keeping, captures=(capture,))
        return replace(self.policy, keeping=keeping)


@asynccontextmanager
async def gate(way: Way) -> AsyncIterator[Client]:
    """Up until the block ends; then everything that passed is in the folder. Raises `OSError`."""
    asyncio.get_running_loop().set_task_factory(contained_task)
    sockets = bind(HOST, 0)
    port = sockets[0].getsockname()[1]
    policy, keeper = way.capturing, Keeper(secrets.token_bytes(MASTER))
    authority = create_authority("outgate replay", DAYS)
    keeper.follow(policy.keeping)
    keeper.start()
    engine = _engine(way.settings, policy, authority, keeper, port)
    listener = listen.Listener(engine.plane, sockets)
    await engine.master.running()
    listener.start()
    try:
        yield Client((HOST, port), authority.certificate)
    finally:
        engine.plane.draining = True
        await listener.close()
        await listener.drained(engine.plane.settings.limits.linger_timeout)
        await engine.stop()
        keeper.close(ENDING)
        await asyncio.to_thread(keeper.join)


def _engine(settings: Settings, policy: Policy, authority: Authority, keeper: Keeper, port: int) -> Engine:
    settings = replace(settings, mode=ListenMode.REGULAR, admin="", access_log=False)
    identities = Identities(
        Trust(roots=tuple(map(str, settings.upstream_ca))), report=lambda problem: log.error("%s", problem)
    )
    environment = Environment(
        Resolver(),
        identities,
        timeouts=Timeouts(total=settings.limits.connect_timeout),
        own_ports=frozenset({port}),
    )
    return build(settings, Snapshot(policy), environment, authority, AccessLogs(None), keeper=keeper)
