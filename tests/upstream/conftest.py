"""Authorities and servers for the tests of upstream connections."""

import asyncio
import os

import pytest

from upstream.authorities import Authority, Pair
from upstream.building import Clock
from upstream.origins import Demanding


@pytest.fixture(scope="session")
def ca(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"), "partner-ca")


@pytest.fixture(scope="session")
def good(ca) -> Pair:
    return ca.issue("good", dns=("good.example", "*.wild.example"), uris=("spiffe://partner/ns/a/sa/b",))


@pytest.fixture(scope="session")
def evil(ca) -> Pair:
    """Valid under the same authority, for another name."""
    return ca.issue("evil", dns=("evil.example",))


@pytest.fixture(scope="session")
def client(ca) -> Pair:
    return ca.issue("client")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["TLSv1.2", "TLSv1.3"])
def version(request) -> str:
    return request.param


@pytest.fixture
def demanding(ca, version):
    """Makes servers that ask for a client certificate, of one TLS version."""
    made: list[Demanding] = []

    def make(pair: Pair, **given) -> Demanding:
        made.append(Demanding(pair, ca.path, version, **given))
        return made[-1]

    yield make
    for server in made:
        server.close()


class Descriptors:
    """How many file descriptors are open, beyond those at the beginning."""

    def __init__(self) -> None:
        self.before = 0
        self.mark()

    def mark(self) -> None:
        """Counts from here."""
        self.before = self.count()

    @staticmethod
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def settle(self, more: int = 0) -> int:
        """The number beyond the beginning, as soon as it is at most `more`, or after five seconds."""
        for _ in range(500):
            if self.count() - self.before <= more:
                break
            await asyncio.sleep(0.01)
        return self.count() - self.before


@pytest.fixture
async def descriptors() -> Descriptors:
    # A resolver's first thread and a context's first load open what stays open.
    await asyncio.sleep(0)
    return Descriptors()
