"""Fixtures for tests on real traffic. Where namespaces cannot be made, what needs them is skipped, and says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.lab import counters, world
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins


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
