"""A namespace of its own for each test of the rules, in each rule set and address family."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netfilter.traffic import Traffic, laboratory, need
from outgate.netfilter.backend import Kind
from outgate.netfilter.options import Family


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    with laboratory() as made:
        yield made


@pytest.fixture(params=list(Kind))
def kind(request: pytest.FixtureRequest, traffic: Traffic) -> Kind:
    return need(request.param, traffic)


@pytest.fixture(params=list(Family), ids=str)
def family(request: pytest.FixtureRequest) -> Family:
    wanted: Family = request.param
    return wanted
