"""What a workload is told of a name, and that nobody is asked about a name that is not registered."""

import textwrap
from ipaddress import ip_address

import pytest

from outgate.naming.known_names import KnownNames
from outgate.naming.message import Kind
from outgate.naming.virtual import POOL_4, POOL_6
from outgate.policy.current import Snapshot
from outgate.policy.model import Identity
from outgate.upstream.errors import Failure, UpstreamError
from policy.building import DEFAULTS, policy

HTTPS, TXT, PTR = 65, 16, 12
REGISTRY = """
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: api}
spec: {hosts: [api.example.com, "*.wild.example"], ports: [{number: 443, protocol: HTTPS}]}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: over}
spec: {hosts: [over.example], expires: 2020-01-01, ports: [{number: 443, protocol: HTTPS}]}
"""
CLOSED = DEFAULTS + "{mode: REGISTRY_ONLY, internal: {hosts: ['*.cluster.local']}}" + REGISTRY
OPEN = DEFAULTS + "{mode: ALLOW_ANY}" + REGISTRY


class Asked:
    """Addresses that are known, and what was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def addresses(self, host, permit):
        self.names.append(host)
        if host.startswith("broken"):
            raise UpstreamError(Failure.RESOLVE_FAILED, "nobody knows")
        return ("192.0.2.7", "2001:db8::7")


def known(text: str = CLOSED, **more) -> KnownNames:
    return KnownNames(Snapshot(policy(textwrap.dedent(text))), Asked(), Identity(), **more)


async def ask(made: KnownNames, name: str, kind: int = Kind.A) -> list[str] | None:
    """The addresses of the kind that was asked for; None for a name that does not exist."""
    found = await made.look(name, kind)
    version = {Kind.A: 4, Kind.AAAA: 6}.get(kind)
    return None if found is None else [str(one) for one in found if one.version == version]


async def test_a_registered_name_has_an_address_that_stands_for_it():
    made = known()
    for kind, pool in ((Kind.A, POOL_4), (Kind.AAAA, POOL_6)):
        (address,) = await ask(made, "api.example.com", kind)
        assert made.host_at(ip_address(address)) == "api.example.com"
        assert ip_address(address) in pool
    assert made.resolver.names == []
    assert made.counts == {"dns_answered": 2}


async def test_where_nothing_is_turned_it_has_its_real_ones():
    made = known(stands_in=False)
    assert await ask(made, "api.example.com") == ["192.0.2.7"]
    assert await ask(made, "api.example.com", Kind.AAAA) == ["2001:db8::7"]
    assert made.host_at(ip_address("240.0.0.1")) is None


async def test_a_name_under_a_wildcard_has_its_real_ones():
    made = known()
    assert await ask(made, "a.wild.example") == ["192.0.2.7"]
    assert made.resolver.names == ["a.wild.example"]


async def test_what_is_inside_the_mesh_is_looked_up():
    assert await ask(known(), "db.prod.svc.cluster.local") == ["192.0.2.7"]


@pytest.mark.parametrize("name", ["c2VjcmV0.evil.example", "evil.example", "x.api.example.com", "over.example"])
async def test_any_other_name_does_not_exist_and_nobody_is_asked(name):
    heard = []
    made = known(refused=heard.append)
    assert await ask(made, name) is None
    assert made.resolver.names == []
    assert made.counts == {"dns_refused": 1}
    assert heard == [name]


@pytest.mark.parametrize("kind", [HTTPS, TXT, PTR])
async def test_nothing_is_told_but_addresses(kind):
    made = known()
    assert await made.look("api.example.com", kind) == ()
    assert await made.look("a.wild.example", kind) == ()
    assert made.resolver.names == []


async def test_where_anything_may_leave_anything_is_looked_up():
    made = known(OPEN)
    assert await ask(made, "other.example") == ["192.0.2.7"]
    (address,) = await ask(made, "api.example.com")
    assert ip_address(address) in POOL_4


async def test_what_is_not_found_is_no_answer():
    with pytest.raises(UpstreamError):
        await known().look("broken.wild.example", Kind.A)


async def test_a_new_policy_holds_at_once():
    made = known()
    assert await ask(made, "new.example") is None
    made.snapshot.policy = policy(CLOSED.replace("api.example.com", "new.example"))
    (address,) = await ask(made, "new.example")
    assert made.host_at(ip_address(address)) == "new.example"
    assert await ask(made, "api.example.com") is None
