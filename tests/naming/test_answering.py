"""What a workload is told of a name, and that nobody is asked about a name that is not registered."""

import textwrap
from ipaddress import ip_address

import pytest

from naming.questions import AAAA, FINE, FORMERR, HTTPS, NXDOMAIN, PTR, SERVFAIL, TXT, A, question, told
from outgate.naming.answering import Answering
from outgate.naming.virtual import POOL_4, POOL_6
from outgate.policy.current import Snapshot
from outgate.policy.model import Identity
from outgate.upstream.errors import Failure, UpstreamError
from policy.building import DEFAULTS, policy

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
        if host.startswith("bug"):
            raise RuntimeError("a bug")
        return ("192.0.2.7", "2001:db8::7")


def answering(text: str = CLOSED, **more) -> Answering:
    return Answering(Snapshot(policy(textwrap.dedent(text))), Asked(), Identity(), **more)


async def ask(made: Answering, name: str, kind: int = A):
    asked = question(name, kind)
    return told(await made.answer(asked), asked)


@pytest.mark.parametrize("name", ["api.example.com", "API.example.com", "api.example.com."])
async def test_a_registered_name_has_an_address_that_stands_for_it(name):
    made = answering()
    for kind, pool in ((A, POOL_4), (AAAA, POOL_6)):
        code, (address,) = await ask(made, name, kind)
        assert (code, made.host_at(ip_address(address))) == (FINE, "api.example.com")
        assert ip_address(address) in pool
    assert made.resolver.names == []
    assert made.counts == {"dns_answered": 2}


async def test_where_nothing_is_turned_it_has_its_real_ones():
    made = answering(stands_in=False)
    assert await ask(made, "api.example.com") == (FINE, ["192.0.2.7"])
    assert await ask(made, "api.example.com", AAAA) == (FINE, ["2001:db8::7"])
    assert made.host_at(ip_address("240.0.0.1")) is None


async def test_a_name_under_a_wildcard_has_its_real_ones():
    made = answering()
    assert await ask(made, "a.wild.example") == (FINE, ["192.0.2.7"])
    assert made.resolver.names == ["a.wild.example"]


async def test_what_is_inside_the_mesh_is_looked_up():
    assert await ask(answering(), "db.prod.svc.cluster.local") == (FINE, ["192.0.2.7"])


@pytest.mark.parametrize(
    "name",
    [
        "secret-data.evil.example",
        "evil.example",
        "x.api.example.com",
        "over.example",
        "_dmarc.evil.example",
        "",
    ],
)
async def test_any_other_name_does_not_exist_and_nobody_is_asked(name):
    heard = []
    made = answering(refused=heard.append)
    code, found = await ask(made, name)
    assert (code, found) == (NXDOMAIN, [])
    assert made.resolver.names == []
    assert made.counts == {"dns_refused": 1}
    assert len(heard) == 1


@pytest.mark.parametrize("kind", [HTTPS, TXT, PTR])
async def test_nothing_is_told_but_addresses(kind):
    made = answering()
    assert await ask(made, "api.example.com", kind) == (FINE, [])
    assert await ask(made, "a.wild.example", kind) == (FINE, [])
    assert made.resolver.names == []


async def test_where_anything_may_leave_anything_is_looked_up():
    made = answering(OPEN)
    assert await ask(made, "other.example") == (FINE, ["192.0.2.7"])
    code, (address,) = await ask(made, "api.example.com")
    assert (code, ip_address(address) in POOL_4) == (FINE, True)


@pytest.mark.parametrize("name", ["broken.wild.example", "bug.wild.example"])
async def test_what_fails_is_told_so(name):
    made = answering()
    assert await ask(made, name) == (SERVFAIL, [])
    assert made.counts["dns_failed"] == 1


async def test_a_new_policy_holds_at_once():
    made = answering()
    assert (await ask(made, "new.example"))[0] == NXDOMAIN
    made.snapshot.policy = policy(CLOSED.replace("api.example.com", "new.example"))
    code, (address,) = await ask(made, "new.example")
    assert (code, made.host_at(ip_address(address))) == (FINE, "new.example")
    assert (await ask(made, "api.example.com"))[0] == NXDOMAIN


async def test_what_is_no_question_is_not_answered():
    made = answering()
    assert await made.answer(b"x") == b""
    assert (await made.answer(question("api.example.com", count=9)))[3] & 0xF == FORMERR
    assert made.counts == {"dns_malformed": 2}
