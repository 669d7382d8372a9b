"""An authority that the workloads of these tests trust, leafs from it, and a client that trusts it."""

import ssl

import pytest

from outgate.pki import pem
from outgate.pki.authority import Authority, create_authority
from outgate.pki.leaf import LeafCache
from pki.loopback import client


@pytest.fixture(scope="session")
def authority() -> Authority:
    return create_authority("test CA", 365)


@pytest.fixture(scope="session")
def leaves(authority: Authority) -> LeafCache:
    return LeafCache(authority)


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    """A client that trusts the authority and checks names."""
    return client(pem.text(authority.certificate))
