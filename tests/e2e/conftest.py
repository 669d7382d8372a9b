"""Fixtures for tests on real traffic. Where namespaces cannot be made, what needs them is skipped, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from e2e.journal import Journal, load
from e2e.lab import counters, world
from e2e.lab.gate import Documents, Gate
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload


@pytest.fixture(scope="session")
def origin_pki() -> Iterator[world.OriginPki]:
    pki = world.make_pki()
    yield pki
    world.remove_pki(pki)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One pair of namespaces for the session. A test that changes rules or names in it changes them back."""
    if reason := unavailable():
        pytest.skip(reason)
    with Lab(world.NAMES) as made:
        yield made


@pytest.fixture(scope="session")
def standing_origins(lab: Lab, origin_pki: world.OriginPki) -> Iterator[LabOrigins]:
    with LabOrigins(lab, world.cast(origin_pki)) as running:
        yield running


@pytest.fixture
def origins(standing_origins: LabOrigins) -> LabOrigins:
    """The whole cast in the world, its record empty."""
    standing_origins.records.forget()
    return standing_origins


@pytest.fixture
def counting(lab: Lab) -> Lab:
    """The lab, where packets can be counted."""
    if not counters.available():
        pytest.skip("packets are counted by nft, which is not here")
    return lab


@pytest.fixture(scope="module")
def gate(
    request: pytest.FixtureRequest, lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki
) -> Iterator[Gate]:
    """A gate for the whole module, with the documents that it calls POLICY and its SETTINGS, if it has some. Whatever
    was done to it, nothing in it crashed."""
    settings = getattr(request.module, "SETTINGS", None)
    with Gate(lab, request.module.POLICY, origin_pki, settings=settings) as running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()


@pytest.fixture
def under(request: pytest.FixtureRequest, gate: Gate) -> Iterator[Callable[[Documents], object]]:
    """Puts the module's gate under other documents for one test."""
    yield partial(load, gate)
    load(gate, request.module.POLICY)


@pytest.fixture
def workload(gate: Gate, lab: Lab, origin_pki: world.OriginPki) -> Workload:
    """Behind the module's gate, which has to stand before anything is asked: without it the world is open."""
    return Workload(lab, origin_pki)


@pytest.fixture
def journal(gate: Gate) -> Journal:
    """The access log of the module's gate from the beginning of the test."""
    return Journal(gate)


@pytest.fixture
def named(lab: Lab) -> Iterator[Callable[..., None]]:
    """Gives names in the pod other addresses for one test."""
    before = dict(lab.names)
    yield lab.name
    for host in [host for host, addresses in lab.names.items() if addresses != before.get(host, ())]:
        lab.name(host, *before.get(host, ()))
