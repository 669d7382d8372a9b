"""What tests of the cluster share: a server, a file that leads to it, and a cluster that follows it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster.apiserver import TOKEN, ApiServer, kubeconfig
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster
from outgate.cluster.kinds import KINDS, Kind
from outgate.cluster.store import Set

WITHIN = 60.0
"""Seconds that anything may take; several failures in a row alone are followed by waits of twenty."""
ENTRIES, POLICIES, OWN = "serviceentries", "authorizationpolicies", "egressdestinations"


def kind(plural: str) -> Kind:
    return next(one for one in KINDS if one.plural == plural)


def entry(*hosts: str) -> dict[str, object]:
    """The spec of a ServiceEntry."""
    ports = [{"number": 443, "name": "tls", "protocol": "TLS"}]
    return {"hosts": list(hosts), "ports": ports, "location": "MESH_EXTERNAL", "resolution": "DNS"}


def known(found: Set | None) -> dict[str, object]:
    """A set as specs by place."""
    return {one.file: one.content["spec"] for one in found.objects} if found is not None else {}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another process's hands, or a socket's
            await asyncio.sleep(0.005)


@dataclass
class Followed:
    """A cluster that follows, and every set that it has offered."""

    cluster: Cluster
    sets: list[dict[str, object]] = field(default_factory=list)

    async def knows(self, *names: str) -> None:
        """Wait until what is offered are the objects of these names."""
        wanted = set(names)

        def those() -> bool:
            offered = self.cluster.offered
            return offered is not None and {one.name for one in offered.objects} == wanted

        await until(those)


@contextlib.asynccontextmanager
async def following(
    config: Path | str, kinds: Iterable[Kind], namespaces: Iterable[str] = (), *, settle: float = 0.02
) -> AsyncIterator[Followed]:
    made = Followed(Cluster(Api(str(config)), kinds, tuple(namespaces), settle=settle))
    made.cluster.heard.append(lambda found: made.sets.append(known(found)))
    task = asyncio.create_task(made.cluster.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    """With the two kinds that most tests are about, and one of the gate's own."""
    made = ApiServer()
    made.serve("networking.istio.io", "v1", ENTRIES, "ServiceEntry")
    made.serve("security.istio.io", "v1", POLICIES, "AuthorizationPolicy")
    made.serve("outgate.dev", "v1alpha1", OWN, "EgressDestination")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def config(server: ApiServer, tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(server.url, TOKEN))
    return file
