"""Fixtures for tests on real traffic. Where namespaces cannot be made, what needs them is skipped, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from e2e.journal import Journal, load
from e2e.lab import counters, engines, world
from e2e.lab.gate import Documents, Gate
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins
from e2e.stage import Stage
from e2e.workload import Workload
from outgate.pki.authority import Authority, create_authority


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `core` is tried in every engine, and everything else behind `outgate run`, whose name is left out
    of the names of tests."""
    if "engine" in metafunc.fixturenames:
        others = engines.HOSTED if metafunc.definition.get_closest_marker("core") else ()
        known = [pytest.param(engines.OWN, id=pytest.HIDDEN_PARAM), *others]
        metafunc.parametrize("engine", known, indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> str:
    """The program that the module's gate is: `outgate`, `mitmdump` or `mitmweb`."""
    return str(request.param)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Of gates inside the test's own process."""
    return create_authority("test CA", 365)


@pytest.fixture(scope="session")
def origin_pki() -> Iterator[world.OriginPki]:
    pki = world.make_pki()
    yield pki
    world.remove_pki(pki)


@pytest.fixture(scope="session")
def stages(origin_pki: world.OriginPki) -> Iterator[dict[str, Stage]]:
    with ExitStack() as stack:
        yield {engine: stack.enter_context(Stage(engine, origin_pki)) for engine in engines.ENGINES}


@pytest.fixture(scope="module")
def lab(stages: dict[str, Stage], engine: str) -> Lab:
    """One pair of namespaces per engine for the session. A test that changes rules or names in it changes them back."""
    if reason := unavailable():
        pytest.skip(reason)
    return stages[engine].lab


@pytest.fixture(scope="module")
def standing_origins(lab: Lab, stages: dict[str, Stage], engine: str) -> LabOrigins:
    return stages[engine].origins


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
    request: pytest.FixtureRequest, standing_origins: LabOrigins, stages: dict[str, Stage], engine: str
) -> Iterator[Gate]:
    """A gate for the whole module in each engine, with the documents that it calls POLICY and its SETTINGS, if it has
    some."""
    with stages[engine].gate(request.module.POLICY, getattr(request.module, "SETTINGS", {})) as running:
        yield running


@pytest.fixture
def under(request: pytest.FixtureRequest, gate: Gate) -> Iterator[Callable[[Documents], object]]:
    """Puts the module's gate under other documents for one test."""
    yield partial(load, gate, quiet=True)
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
