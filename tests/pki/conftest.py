"""An authority and a clock for the tests of certificates."""

import time

import pytest

from outgate.pki.authority import Authority, create_authority


class Clock:
    """Seconds since 1970, which move only when told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += days * 86400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return create_authority("test CA", 365)


@pytest.fixture(scope="session")
def constrained() -> Authority:
    return create_authority("narrow CA", 365, ["partner.example", "localhost"])
