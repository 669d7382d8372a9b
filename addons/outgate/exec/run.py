"""A gate around one command: it comes up, the command runs, it goes down, and what was tried is told.

Owns that order. The command's network is `sandbox`'s; with `Proxied` the command has the machine's own, and a proxy.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from outgate.capture.keeper import Keeper
from outgate.exec import signals, trust
from outgate.exec.captured import Unwritten, capturing
from outgate.exec.tally import Tally
from outgate.naming.message import Address
from outgate.naming.resolver import Resolver
from outgate.pki.authority import Authority, create_authority
from outgate.pki.problem import CertificateProblem
from outgate.policy.addresses import PASSTHROUGH
from outgate.policy.current import Snapshot
from outgate.policy.hosts import matches
from outgate.policy.model import Mode
from outgate.policy.snapshot import Policy
from outgate.proxy import listen
from outgate.proxy.engine import Engine, build
from outgate.proxy.guard import contained_task
from outgate.sandbox import cover
from outgate.sandbox.confinement import FAILED, NOT_EXECUTABLE, NOT_FOUND, Order
from outgate.sandbox.launch import Child, Confined, Refused
from outgate.sandbox.names import Names
from outgate.settings import ListenMode, Settings
from outgate.sockets import bind
from outgate.startup import KEY_LOGS
from outgate.telemetry.accesslogs import AccessLogs
from outgate.telemetry.sinks import StreamSink
from outgate.upstream import resolve
from outgate.upstream.environment import Environment, Timeouts
from outgate.upstream.errors import UpstreamError
from outgate.upstream.identity import Identities
from outgate.upstream.trust import Trust

log = logging.getLogger(__name__)

CA_DAYS = 30
"""A command that runs longer has its TLS refused."""
PROXY_HOST = "127.0.0.1"
LOCAL, LOOPBACK = "localhost", (ip_address("127.0.0.1"), ip_address("::1"))

type Made = Callable[[frozenset[int]], Engine]
"""The gate, which never leads to these ports of its own."""


class Command(Protocol):
    """The command, however it was started."""

    def start(self) -> None: ...

    def signal(self, number: int) -> None: ...

    async def ended(self) -> int: ...

    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """What to run under which policy. `names` have the addresses that its documents already speak of."""

    command: tuple[str, ...]
    settings: Settings
    policy: Policy
    names: Names
    proxied: bool = False
    capture: Path | None = None
    """A file for everything that it does."""


def execute(job: Job, tally: Tally, environ: Mapping[str, str]) -> int:
    """Run the command to its end and give its exit code. Raises Refused where it is not run at all.

    `environ` is the command's; this process's own loses what would write session keys to a file.
    """
    for name in KEY_LOGS:
        os.environ.pop(name, None)
    signals.hold()
    with tempfile.TemporaryDirectory(prefix="outgate-exec-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        try:
            with capturing(job.policy, job.capture, folder) as (policy, keeper):
                return _executed(replace(job, policy=policy), tally, environ, folder, keeper)
        except (CertificateProblem, OSError, Unwritten) as error:
            raise Refused(FAILED, str(error)) from error


def _executed(job: Job, tally: Tally, environ: Mapping[str, str], folder: Path, keeper: Keeper) -> int:
    authority = create_authority("outgate exec", CA_DAYS)
    trusted = trust.trusting(authority, folder, job.settings.upstream_ca, environ)
    gate = partial(_engine, job, tally, authority, keeper)
    if job.proxied:
        return asyncio.run(_proxied(job, gate, {**environ, **trusted}))
    variables = trust.without_proxies({**environ, **trusted})
    cover.prepare(folder, platform.node())
    confined = Confined(Order(job.command, variables, folder, tuple(cover.named_sockets())))
    return asyncio.run(_confined(job, tally, gate, confined))


async def _confined(job: Job, tally: Tally, gate: Made, command: Confined) -> int:
    """In a network of its own, with a resolver of its own."""
    sockets = command.sockets
    engine = gate(frozenset())
    lookup = Lookup(job, engine.plane.environment, tally, versions=(4, 6) if len(sockets.gates) > 1 else (4,))
    resolver = Resolver(lookup)
    await resolver.start(sockets.queries, sockets.calls)
    try:
        return await _served(engine, list(sockets.gates), command)
    finally:
        resolver.close()


async def _proxied(job: Job, gate: Made, environ: Mapping[str, str]) -> int:
    """In the machine's network, told of a proxy."""
    sockets = bind(PROXY_HOST, 0)
    port = sockets[0].getsockname()[1]
    engine = gate(frozenset({port}))
    variables = trust.through_proxy(environ, PROXY_HOST, port)
    return await _served(engine, sockets, Spawned(job.command, variables))


def _engine(job: Job, tally: Tally, authority: Authority, keeper: Keeper, ports: frozenset[int]) -> Engine:
    asyncio.get_running_loop().set_task_factory(contained_task)
    mode = ListenMode.REGULAR if job.proxied else ListenMode.TRANSPARENT
    settings = replace(job.settings, mode=mode, admin="", access_log=True)
    trusted = Trust(roots=tuple(map(str, settings.upstream_ca)))
    identities = Identities(trusted, report=lambda problem: log.error("%s", problem))
    timeouts = Timeouts(total=settings.limits.connect_timeout)
    environment = Environment(resolve.Resolver(), identities, timeouts=timeouts, own_ports=ports)
    keeper.start()
    logs = AccessLogs(StreamSink(cast(BinaryIO, tally)))
    return build(settings, Snapshot(job.policy), environment, authority, logs, keeper=keeper)


async def _served(engine: Engine, sockets: list[socket.socket], command: Command) -> int:
    """The gate up, the command from its start to its end, the gate down. What is left running has no network then."""
    listener = listen.Listener(engine.plane, sockets)
    await engine.master.running()
    listener.start()
    signals.pass_on(command.signal)
    try:
        await asyncio.to_thread(command.start)
        return await command.ended()
    finally:
        command.kill()
        engine.plane.draining = True
        await listener.close()
        await listener.drained(engine.plane.settings.limits.linger_timeout)
        await engine.stop()


class Lookup:
    """What the command's resolver answers: for what is registered, an address that means the name; for the rest
    nothing, or under a mode that lets it pass, the addresses that the gate finds."""

    def __init__(self, job: Job, environment: Environment, tally: Tally, versions: Sequence[int]) -> None:
        self.policy, self.names, self.tally, self.environment = job.policy, job.names, tally, environment
        self.versions = frozenset(versions)
        self.passes = job.policy.sight(job.settings.workload).mode is not Mode.REGISTRY_ONLY

    async def __call__(self, host: str, kind: int) -> list[Address] | None:
        if host == LOCAL or host.endswith(f".{LOCAL}"):
            return [ip for ip in LOOPBACK if ip.version in self.versions]
        if registered(self.policy, host):
            return [ip for ip in self.names.addresses(host) if ip.version in self.versions]
        if self.passes:
            return await self._found(host)
        if not host.endswith(".arpa"):  # names of addresses, which nobody is kept from asking for by a registry
            self.tally.unknown(host, kind)
        return None

    async def _found(self, host: str) -> list[Address] | None:
        try:
            found = map(ip_address, await self.environment.resolver.addresses(host, PASSTHROUGH))
        except UpstreamError:
            return None
        return [ip for ip in found if ip.version in self.versions]


def registered(policy: Policy, host: str) -> bool:
    """Whether a canonical name could be allowed on some port."""
    return bool(policy.registry.named(host)) or any(matches(each, host) for each in policy.defaults.internal_hosts)


class Spawned:
    """A command in the machine's own network."""

    def __init__(self, command: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self.command, self.environ = command, dict(environ)
        self.child: Child | None = None

    def start(self) -> None:
        """Raises Refused if it cannot be run."""
        name, reset = self.command[0], (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT)
        try:
            self.child = Child(os.posix_spawnp(name, self.command, self.environ, setsigmask=(), setsigdef=reset))
        except FileNotFoundError:
            raise Refused(NOT_FOUND, f"{name}: not found") from None
        except OSError as error:
            raise Refused(NOT_EXECUTABLE, f"{name}: cannot be run: {error.strerror}") from error

    def signal(self, number: int) -> None:
        if self.child is not None:
            self.child.signal(number)

    async def ended(self) -> int:
        assert self.child is not None
        return await self.child.ended()

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
