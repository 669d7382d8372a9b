"""Names become permitted addresses, within bounds, and no answer is trusted twice without being asked of the permit."""

import asyncio
from ipaddress import IPv6Network, ip_network

import pytest

from outgate.policy.addresses import INTERNAL, PUBLIC_ONLY, Permit
from outgate.upstream import resolve
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.resolve import Resolver, SystemLookup
from upstream.building import LOOPBACK, Names

PUBLIC = "8.8.8.8"


async def code(resolver: Resolver, host: str, permit: Permit = PUBLIC_ONLY) -> Failure:
    with pytest.raises(UpstreamError) as refused:
        await resolver.addresses(host, permit)
    return refused.value.code


async def test_only_permitted_addresses_are_handed_out():
    names = Names({"mixed.example": ["10.0.0.1", PUBLIC, "169.254.169.254"]})
    assert await Resolver(names).addresses("mixed.example", PUBLIC_ONLY) == (PUBLIC,)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:0:0:0:0:f5ff:fffe",
    ],
)
async def test_a_name_that_leads_inside_is_refused(address):
    """NAT64, 6to4, Teredo and mapped addresses are judged by the IPv4 address in them."""
    assert await code(Resolver(Names({"rebound.example": [address]})), "rebound.example") is Failure.ADDRESS_REFUSED


async def test_nat64_of_a_public_address_is_public():
    found = await Resolver(Names({"a.example": ["64:ff9b::808:808"]})).addresses("a.example", PUBLIC_ONLY)
    assert found == ("64:ff9b::808:808",)


async def test_a_sites_own_nat64_prefix_is_seen_through():
    permit = Permit(nat64=(IPv6Network("2001:db8:64::/96"),))
    resolver = Resolver(Names({"in.example": ["2001:db8:64::a00:1"], "out.example": ["2001:db8:64::808:808"]}))
    assert await code(resolver, "in.example", permit) is Failure.ADDRESS_REFUSED
    assert await resolver.addresses("out.example", permit) == ("2001:db8:64::808:808",)


async def test_a_cached_answer_is_asked_of_each_permit():
    names = Names({"a.example": ["10.0.0.1"]})
    resolver = Resolver(names)
    assert await resolver.addresses("a.example", INTERNAL) == ("10.0.0.1",)
    assert await code(resolver, "a.example") is Failure.ADDRESS_REFUSED
    assert names.asked == ["a.example"]


async def test_an_answer_that_flips_is_checked_again(clock):
    """DNS rebinding: public at first, then the metadata service."""
    names = Names({"a.example": [PUBLIC]})
    resolver = Resolver(names, clock=clock)
    assert await resolver.addresses("a.example", PUBLIC_ONLY) == (PUBLIC,)
    names.known["a.example"] = ["169.254.169.254"]
    clock.now += 5
    assert await code(resolver, "a.example") is Failure.ADDRESS_REFUSED


async def test_the_refusal_says_what_the_address_is():
    resolver = Resolver(Names({"a.example": ["64:ff9b::a9fe:a9fe"]}))
    with pytest.raises(UpstreamError, match=r"\(169\.254\.169\.254 inside\) is a metadata address"):
        await resolver.addresses("a.example", PUBLIC_ONLY)


async def test_answers_are_kept_for_a_short_time_and_failures_for_a_shorter(clock):
    names = Names({"a.example": [PUBLIC]})
    resolver = Resolver(names, clock=clock)
    for passed, asked in ((0, 1), (4.9, 1), (0.2, 2)):
        clock.now += passed
        await resolver.addresses("a.example", PUBLIC_ONLY)
        assert len(names.asked) == asked
    for passed, asked in ((0, 3), (0.9, 3), (0.2, 4)):
        clock.now += passed
        assert await code(resolver, "none.example") is Failure.RESOLVE_FAILED
        assert len(names.asked) == asked


async def test_an_address_is_not_looked_up_but_checked():
    names = Names()
    resolver = Resolver(names)
    assert await resolver.addresses(PUBLIC, PUBLIC_ONLY) == (PUBLIC,)
    assert await code(resolver, "10.0.0.1") is Failure.ADDRESS_REFUSED
    assert await resolver.addresses("::1", LOOPBACK) == ("::1",)
    assert names.asked == []


async def test_the_families_take_turns_and_doubles_go():
    names = Names({"a.example": ["2001:4860::1", "2001:4860::2", "2001:4860::1", PUBLIC, "8.8.4.4"]})
    found = await Resolver(names).addresses("a.example", PUBLIC_ONLY)
    assert found == ("2001:4860::1", PUBLIC, "2001:4860::2", "8.8.4.4")


async def test_an_empty_answer_is_a_failure():
    assert await code(Resolver(Names({"a.example": []})), "a.example") is Failure.RESOLVE_FAILED


class Gate:
    """A lookup that waits to be let through, and counts those inside."""

    def __init__(self) -> None:
        self.open, self.inside, self.most, self.asked = asyncio.Event(), 0, 0, 0

    async def __call__(self, host: str) -> list[str]:
        self.asked += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        return [PUBLIC]


async def test_a_resolver_that_does_not_answer_is_not_waited_for():
    assert await code(Resolver(Gate(), deadline=0.05), "a.example") is Failure.RESOLVE_FAILED


async def test_a_name_is_looked_up_once_for_all_who_wait_and_survives_those_who_leave():
    gate = Gate()
    resolver = Resolver(gate)
    waiting = [asyncio.create_task(resolver.addresses("a.example", PUBLIC_ONLY)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    gate.open.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [(PUBLIC,)] * 4
    assert gate.asked == 1


async def test_lookups_are_bounded_at_once_and_in_number():
    gate = Gate()
    resolver = Resolver(gate, concurrency=2, pending=4)
    waiting = [asyncio.create_task(resolver.addresses(f"n{number}.example", PUBLIC_ONLY)) for number in range(4)]
    await asyncio.sleep(0.01)
    assert await code(resolver, "one-more.example") is Failure.RESOLVE_FAILED
    gate.open.set()
    assert await asyncio.gather(*waiting) == [(PUBLIC,)] * 4
    assert gate.most == 2


async def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(resolve, "KEPT", 3)
    names = Names({f"n{number}.example": [PUBLIC] for number in range(5)})
    resolver = Resolver(names)
    for host in [*names.known, "n0.example"]:
        await resolver.addresses(host, PUBLIC_ONLY)
    assert names.asked[-1] == "n0.example"
    assert len(names.asked) == 6


async def test_the_systems_resolver_knows_localhost():
    assert {"127.0.0.1", "::1"} & set(await SystemLookup(1)("localhost"))


def test_a_name_is_absolute_unless_the_hosts_file_has_it(monkeypatch, tmp_path):
    """Search domains would be tried first, inside the cluster."""
    listing = tmp_path / "hosts"
    listing.write_text("127.0.0.9  Listed.Example other # comment.example\n")
    monkeypatch.setattr(resolve, "HOSTS_FILE", listing)
    assert resolve._absolute("api.example") == "api.example."
    assert resolve._absolute("listed.example") == "listed.example"
    assert resolve._absolute("comment.example") == "comment.example."
    assert resolve._absolute("other") == "other"
    monkeypatch.setattr(resolve, "HOSTS_FILE", tmp_path / "missing")
    assert resolve._absolute("listed.example") == "listed.example."


async def test_named_networks_win_over_kinds():
    permit = PUBLIC_ONLY.naming([ip_network("169.254.169.254/32")])
    resolver = Resolver(Names({"meta.example": ["169.254.169.254"]}))
    assert await resolver.addresses("meta.example", permit) == ("169.254.169.254",)
