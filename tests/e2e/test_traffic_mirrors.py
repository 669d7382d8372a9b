"""Copies of requests: all of them arrive, nobody waits for their answers, and they go nowhere that is not permitted."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from e2e.faulty import client, faulty
from e2e.faulty2 import faulty2
from outgate.policy.model import Endpoint, HeaderInjection, Resolution, Upstream
from outgate.policy.route_model import Backend, HeaderChange, Mirror, Route
from outgate.proxy import mirroring
from proxy.gates import gate, to
from proxy.streams import Wire
from proxy.wires import until


def mirrored(port: int, to_: Upstream, percent: float = 100.0, **more: Any) -> Any:
    made = to("api.example", 80, port)
    mirror = Mirror(Backend("mirror", to_), percent)
    route = Route(mirrors=(mirror,), request_headers=HeaderChange(set=(("x-route", "yes"),)))
    return replace(made, ports=(replace(made.ports[0], routes=(route,)),), **more)


def at(port: int) -> Upstream:
    return Upstream(port, Resolution.STATIC, (Endpoint("127.0.0.1", port),))


async def test_a_mirror_has_every_request_and_the_workload_its_answer(authority):
    async with (
        faulty() as origin,
        faulty() as mirror,
        gate(authority, mirrored(origin.port, at(mirror.port))) as running,
    ):
        async with client(running.address) as asking:
            for number in range(3):  # the first on a new connection, the others on an idle one
                answer = await asking.ask("api.example", f"/ok?{number}", "POST", b"body %d" % number)
                assert answer.status == 200
                assert answer.json["headers"]["host"] == "api.example"
        await until(lambda: len(mirror.asked) == 3)
        assert sorted(one["body"] for one in mirror.asked) == ["body 0", "body 1", "body 2"]
        assert {one["headers"]["host"] for one in mirror.asked} == {"api.example-shadow"}
        assert {one["headers"]["x-route"] for one in mirror.asked} == {"yes"}
        assert len(origin.asked) == 3
        assert running.counts["mirrored"] == 3


async def test_a_mirror_of_http2_has_whole_bodies_too(authority):
    """A body that is longer than what may be under way at once, one without a body, and a mirror that refuses."""
    async with (
        faulty() as origin,
        faulty2() as mirror,
        gate(authority, mirrored(origin.port, replace(at(mirror.port), http2=True))) as running,
    ):
        async with client(running.address) as asking:
            for path, body in (("/ok?long", b"x" * 200_000), ("/ok?none", b""), ("/refuse-once", b"")):
                assert (await asking.ask("api.example", path, "POST", body)).status in (200, 404)
        await until(lambda: len(mirror.asked) == 3 and running.counts["mirrors_failed"] == 1)
        assert sorted(map(len, mirror.bodies)) == [0, 0, 200_000]
        assert "/ok?long" in mirror.asked
        assert running.counts["mirrored"] == 3
        assert running.counts["crashes"] == 0


async def test_a_mirror_that_is_not_of_http2_after_all_is_counted(authority):
    async with (
        faulty() as origin,
        faulty() as mirror,
        gate(authority, mirrored(origin.port, replace(at(mirror.port), http2=True))) as running,
    ):
        async with client(running.address) as asking:
            assert (await asking.ask("api.example")).status == 200
        await until(lambda: running.counts["mirrors_failed"] == 1)
        assert running.counts["crashes"] == 0


@pytest.mark.parametrize("path", ["/hang", "/reset", "/midway"])
async def test_what_a_mirror_does_is_nobody_s_business(authority, path):
    async with (
        faulty() as origin,
        faulty() as mirror,
        gate(authority, mirrored(origin.port, at(mirror.port))) as running,
    ):
        mirror.path = path
        async with client(running.address) as asking:
            began = time.monotonic()
            assert [(await asking.ask("api.example")).status for _ in range(3)] == [200] * 3
            assert time.monotonic() - began < 5  # a mirror that hangs does so for longer
        await until(lambda: len(mirror.asked) == 3)
        assert running.counts["crashes"] == 0


async def test_a_share_of_none_copies_nothing(authority):
    known = Upstream(1, Resolution.STATIC, (Endpoint("127.0.0.1", 1),))
    async with faulty() as origin, gate(authority, mirrored(origin.port, known, 0.0)) as running:
        async with client(running.address) as asking:
            assert (await asking.ask("api.example")).status == 200
        assert running.counts["mirrored"] == 0


async def test_no_copy_goes_to_an_address_that_is_not_permitted(authority):
    """A name that resolves to a private address, which no entry names."""
    async with faulty() as origin, faulty() as mirror:
        forbidden = Upstream(mirror.port, Resolution.DNS)
        made = mirrored(origin.port, forbidden)
        mirror_of = replace(made.ports[0].routes[0].mirrors[0].backend, host="localhost")
        route = replace(made.ports[0].routes[0], mirrors=(Mirror(mirror_of),))
        made = replace(made, ports=(replace(made.ports[0], routes=(route,)),))
        async with gate(authority, made) as running:
            async with client(running.address) as asking:
                assert (await asking.ask("api.example")).status == 200
            await until(lambda: running.counts["mirrors_failed"] == 1)
        assert mirror.opened == 0


async def test_injected_credentials_are_not_copied(authority):
    async with faulty() as origin, faulty() as mirror:
        known = mirrored(origin.port, at(mirror.port), headers=(HeaderInjection("x-key", "secret"),))
        async with gate(authority, known) as running:
            async with client(running.address) as asking:
                assert (await asking.ask("api.example")).status == 200
            await until(lambda: len(mirror.asked) == 1)
        assert origin.asked[0]["headers"]["x-key"] == "secret"
        assert "x-key" not in mirror.asked[0]["headers"]


async def test_a_workload_that_speaks_http2_is_copied_too(authority):
    async with (
        faulty() as origin,
        faulty() as mirror,
        gate(authority, mirrored(origin.port, at(mirror.port))) as running,
    ):
        wire = await Wire.open(running.address)
        number = wire.ask("api.example", "/ok", method="POST", end=False)
        wire.send(number, b"bo")
        wire.send(number, b"dy", end=True)
        assert (await wire.answer(number)).status == b"200"
        wire.close()
        await until(lambda: len(mirror.asked) == 1)
        (copy,) = mirror.asked
        assert (copy["method"], copy["body"], copy["headers"]["host"]) == ("POST", "body", "api.example-shadow")
        assert (copy["headers"]["content-length"], "transfer-encoding" in copy["headers"]) == ("4", False)


async def test_no_more_copies_are_under_way_than_may_be(authority, monkeypatch):
    monkeypatch.setattr(mirroring, "MOST", 2)
    async with (
        faulty() as origin,
        faulty() as mirror,
        gate(authority, mirrored(origin.port, at(mirror.port))) as running,
    ):
        mirror.path = "/hang"
        async with client(running.address) as asking:
            assert [(await asking.ask("api.example")).status for _ in range(5)] == [200] * 5
        assert (running.counts["mirrored"], running.counts["mirrors_dropped"]) == (2, 3)
