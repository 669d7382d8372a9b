"""What holds for one origin: which endpoint is asked, how much may be under way, what is ejected and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from e2e.faulty import Answer, client, faulty
from outgate.policy.header_formats import header_value
from outgate.policy.model import Endpoint, HeaderInjection, Resolution, Upstream
from outgate.policy.resilience_model import (
    Balancer,
    Balancing,
    HashKey,
    HashOn,
    HealthCheck,
    Limits,
    Outliers,
    Probe,
    Resilience,
    RetryBudget,
)
from outgate.policy.route_model import Backend, Backoff, HeaderChange, RetryPolicy, Rewrite, Route
from proxy.gates import gate, to
from proxy.wires import until

RETRY = RetryPolicy(3, frozenset({"5xx"}), backoff=Backoff(0.001, 0.002))


def under(resilience: Resilience, *ports: int, host: str = "api.example", **more: Any) -> Any:
    """A destination of one host with these endpoints."""
    made = to(host, 80, ports[0])
    endpoints = tuple(Endpoint("127.0.0.1", port) for port in ports)
    upstream = Upstream(ports[0], Resolution.STATIC, endpoints, resilience=resilience)
    return replace(made, ports=(replace(made.ports[0], upstream=upstream, **more),))


@asynccontextmanager
async def several(count: int):
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(faulty(f"o{number}")) for number in range(count)]


async def asked(running, path: str = "/ok", host: str = "api.example", **more: str) -> Answer:
    async with client(running.address) as asking:
        return await asking.ask(host, path, **more)


async def again(ask: Callable[[], Awaitable[Answer]], status: int) -> bool:
    """Whether this is the answer at last."""
    for _ in range(200):
        if (await ask()).status == status:
            return True
        await asyncio.sleep(0.05)
    return False


async def together(running, paths: list[str], host: str = "api.example") -> list[Answer]:
    return await asyncio.gather(*(asked(running, path, host) for path in paths))


async def test_endpoints_are_asked_in_turn(authority):
    turn = Resilience(Balancing(Balancer.ROUND_ROBIN))
    async with several(3) as origins, gate(authority, under(turn, *(one.port for one in origins))) as running:
        for _ in range(9):
            assert (await asked(running)).status == 200
        assert [len(one.asked) for one in origins] == [3, 3, 3]


async def test_what_hashes_alike_goes_to_one_endpoint(authority):
    by_user = Resilience(Balancing(Balancer.RING_HASH, hash_keys=(HashKey(HashOn.HEADER, "x-user"),)))
    async with several(3) as origins, gate(authority, under(by_user, *(one.port for one in origins))) as running:
        places = [{(await asked(running, x_user=f"u{user}")).json["at"] for _ in range(4)} for user in range(6)]
        assert {len(place) for place in places} == {1}
        assert len(set.union(*places)) > 1


async def test_a_cookie_that_is_missing_is_made_and_leads_back(authority):
    key = HashKey(HashOn.COOKIE, "sticky", ttl=60.0, path="/")
    by_cookie = Resilience(Balancing(Balancer.MAGLEV, hash_keys=(key,)))
    async with several(3) as origins, gate(authority, under(by_cookie, *(one.port for one in origins))) as running:
        first = await asked(running)
        cookie, *attributes = first.headers["set-cookie"].split("; ")
        assert attributes == ["Max-Age=60", "Path=/", "HttpOnly"]
        again = [await asked(running, cookie=cookie) for _ in range(4)]
        assert {one.json["at"] for one in again} == {first.json["at"]}
        assert not any("set-cookie" in one.headers for one in again)


async def test_an_endpoint_that_fails_is_ejected_and_comes_back(authority):
    outliers = Outliers(consecutive_5xx=3, interval=0.1, base_ejection=0.4, maximum_percent=100)
    async with faulty() as origin, gate(authority, under(Resilience(outliers=outliers), origin.port)) as running:
        assert [(await asked(running, "/status/503")).status for _ in range(3)] == [503] * 3
        refused = await asked(running)
        assert (refused.status, refused.flags, refused.code) == (503, "UH", "no_healthy_upstream")
        assert len(origin.asked) == 3
        assert await again(lambda: asked(running), 200)


async def test_of_two_endpoints_the_failing_one_is_passed_over(authority):
    outliers = Outliers(consecutive_5xx=1, interval=60, base_ejection=60, maximum_percent=50)
    turn = Resilience(Balancing(Balancer.ROUND_ROBIN), outliers=outliers)
    async with several(2) as (good, bad), gate(authority, under(turn, good.port, bad.port)) as running:
        bad.status = 500
        assert sorted([(await asked(running)).status for _ in range(6)]) == [200] * 5 + [500]
        assert len(bad.asked) == 1


async def test_local_failures_eject_too_and_a_retry_goes_elsewhere(authority):
    outliers = Outliers(consecutive_5xx=None, split_local=True, consecutive_local=1, maximum_percent=50)
    turn = Resilience(Balancing(Balancer.ROUND_ROBIN), outliers=outliers)
    async with faulty() as origin:
        dead = 1  # nobody listens there
        known = under(turn, origin.port, dead, routes=(Route(retry=RETRY),))
        async with gate(authority, known) as running:
            assert [(await asked(running)).status for _ in range(6)] == [200] * 6
            (state,) = running.engine.plane.governor.origins
            shown = {one.endpoint.port: one.ejected for one in state.shown(0.0)}
            assert (bool(shown[dead]), bool(shown[origin.port])) == (True, False)


async def test_requests_beyond_the_limit_overflow(authority):
    limited = Resilience(limits=Limits(requests=2))
    async with faulty() as origin, gate(authority, under(limited, origin.port)) as running:
        came = await together(running, ["/slow/0.5"] * 4)
        assert sorted(one.status for one in came) == [200, 200, 503, 503]
        over = next(one for one in came if one.status == 503)
        assert (over.flags, over.code, over.headers["x-envoy-overloaded"]) == ("UO", "overflow", "true")
        assert (await asked(running)).status == 200


async def test_a_connection_is_waited_for_and_one_more_overflows(authority):
    limited = Resilience(limits=Limits(connections=1, pending=2))
    async with faulty() as origin, gate(authority, under(limited, origin.port)) as running:
        came = await together(running, ["/slow/0.3"] * 5)
        assert sorted(one.status for one in came) == [200, 200, 200, 503, 503]
        assert (origin.opened, origin.most_under_way) == (1, 1)
        assert {one.flags for one in came if one.status == 503} == {"UO"}
        (state,) = running.engine.plane.governor.origins
        assert state.under_way.counts["requests"] == state.under_way.counts["pending"] == 0


async def test_an_idle_connection_elsewhere_makes_room(authority):
    limited = Resilience(Balancing(Balancer.ROUND_ROBIN), limits=Limits(connections=1, pending=1))
    async with several(2) as origins, gate(authority, under(limited, *(one.port for one in origins))) as running:
        assert [(await asked(running)).status for _ in range(6)] == [200] * 6
        assert [len(one.asked) for one in origins] == [3, 3]


async def test_a_connection_serves_so_many_requests(authority):
    limited = Resilience(limits=Limits(requests_per_connection=2))
    async with faulty() as origin, gate(authority, under(limited, origin.port)) as running:
        async with client(running.address) as asking:
            assert [(await asking.ask("api.example")).status for _ in range(5)] == [200] * 5
        assert origin.opened == 3


async def test_retries_stay_within_their_budget(authority):
    budget = Resilience(retry_budget=RetryBudget(percent=0.0, minimum=1))
    route = Route(retry=replace(RETRY, backoff=Backoff(0.2, 0.2)))
    async with faulty() as origin, gate(authority, under(budget, origin.port, routes=(route,))) as running:
        came = await together(running, [f"/status/503/503/503/503?{number}" for number in range(4)])
        assert {one.status for one in came} == {503}
        assert len(origin.asked) <= 4 + 3  # one at a time is tried again
        lines = await running.lines(4)
        assert any("UO" in line.get("flags", "") for line in lines)


async def test_two_names_for_one_host_do_not_trip_each_other(authority):
    outliers = Resilience(outliers=Outliers(consecutive_5xx=2, interval=60, base_ejection=60, maximum_percent=100))
    async with faulty() as origin:
        one, other = under(outliers, origin.port), under(outliers, origin.port, host="other.example")
        other = replace(other, key="other", name="other")
        async with gate(authority, one, other) as running:
            assert [(await asked(running, "/status/500")).status for _ in range(3)] == [500, 500, 503]
            assert (await asked(running, host="other.example")).status == 200


async def test_backends_take_their_share_under_names_of_their_own(authority):
    async with several(2) as (one, two):
        backends = tuple(
            Backend(
                f"d-1|{name}",
                Upstream(origin.port, Resolution.STATIC, (Endpoint("127.0.0.1", origin.port),)),
                weight=weight,
                request_headers=HeaderChange(set=(("x-subset", name),)),
                response_headers=HeaderChange(add=(("x-served", name),)),
            )
            for name, origin, weight in (("v1", one, 9), ("v2", two, 1))
        )
        rewrite = Rewrite(prefix="/ok", authority="inside.example")
        route = Route(
            backends=backends,
            rewrite=rewrite,
            request_headers=HeaderChange(set=(("x-set", "yes"), ("content-length", "7")), remove=("x-gone",)),
            response_headers=HeaderChange(remove=("x-origin",), set=(("x-by", "gate"),)),
        )
        async with gate(authority, under(Resilience(), one.port, routes=(route,))) as running:
            async with client(running.address) as asking:
                for _ in range(40):
                    answer = await asking.ask("api.example", "/anything?q=1", x_gone="yes")
                    assert (answer.status, answer.headers["x-by"]) == (200, "gate")
                    assert "x-origin" not in answer.headers
                    told = answer.json
                    assert told["headers"]["host"] == "inside.example"
                    assert told["headers"]["x-subset"] == answer.headers["x-served"]
                    assert told["headers"]["x-set"] == "yes"
                    assert not {"x-gone", "content-length"} & told["headers"].keys()
            assert len(one.asked) > len(two.asked)
            line = (await running.lines(40))[0]
            assert (line["path"], line["host"]) == ("/anything", "api.example")


async def test_headers_are_made_of_the_request_and_of_the_answer(authority):
    """On a new connection and on an idle one; the credential that the gate sets is not told."""
    told = HeaderChange(set=(("x-told", header_value("%REQ(x-me?x-you)%|%REQ(x-key)%|%PROTOCOL%")),))
    back = HeaderChange(add=(("x-from", header_value("%UPSTREAM_HOST% %RESPONSE_CODE% %REQ(:path)% %REQ(x-key)%")),))
    route = Route(request_headers=told, response_headers=back)
    async with faulty() as origin:
        known = under(Resilience(), origin.port, routes=(route,))
        known = replace(known, headers=(HeaderInjection("x-key", "secret"),))
        async with gate(authority, known) as running, client(running.address) as asking:
            for number in range(2):
                answer = await asking.ask("api.example", f"/ok?{number}", x_you=f"you {number}")
                assert answer.json["headers"]["x-told"] == f"you {number}||HTTP/1.1"
                assert answer.json["headers"]["x-key"] != ""
                assert answer.headers["x-from"] == f"127.0.0.1:{origin.port} 200 /ok?{number}"


@pytest.mark.parametrize("limit", [Limits(connections=1), Limits()])
async def test_nothing_is_held_when_clients_leave(authority, limit):
    limited = Resilience(limits=replace(limit, requests=5))
    async with faulty() as origin, gate(authority, under(limited, origin.port)) as running:
        for _ in range(3):
            async with client(running.address) as asking:
                asking.send("api.example", "/slow/0.2")
                await asyncio.sleep(0.05)
        await running.lines(3)
        (state,) = running.engine.plane.governor.origins
        await until(lambda: not any(state.under_way.counts.values()))
        assert not state.active


async def test_an_endpoint_that_fails_its_checks_gets_nothing_until_it_passes_them(authority):
    check = HealthCheck(Probe.HTTP, interval=0.05, timeout=1.0, unhealthy_threshold=1, path="/ok")
    checked = Resilience(Balancing(Balancer.ROUND_ROBIN), health=(check,))
    async with several(2) as (good, bad), gate(authority, under(checked, good.port, bad.port)) as running:
        bad.status = 503
        assert (await asked(running, "/status/200")).status in (200, 503)
        (state,) = running.engine.plane.governor.origins
        await until(lambda: [one.healthy for one in state.shown(0.0)] == [True, False])
        assert [(await asked(running, "/mine")).status for _ in range(4)] == [200] * 4
        bad.status = 0
        await until(lambda: all(one.healthy for one in state.shown(0.0)))
        assert "/mine" not in bad.paths()
        assert [(await asked(running, "/mine")).status for _ in range(4)] == [200] * 4
        assert bad.paths().count("/mine") == 2


async def test_where_nothing_is_healthy_there_is_no_upstream_and_in_a_panic_there_is(authority):
    check = HealthCheck(Probe.TCP, interval=0.05, timeout=0.5, unhealthy_threshold=1, receive=(b"never",))
    for resilience, status in (
        (Resilience(health=(check,)), 503),
        (Resilience(health=(check,), panic_percent=50.0), 200),
    ):
        async with faulty() as origin, gate(authority, under(resilience, origin.port)) as running:
            await asked(running)
            (state,) = running.engine.plane.governor.origins
            await until(lambda state=state: not state.shown(0.0)[0].healthy)
            answer = await asked(running)
            assert (answer.status, answer.flags) == (status, "UH" if status == 503 else "")


class Adding:
    """An addon that changes what may be changed, or (`host`) what may not."""

    def __init__(self, host: str = "") -> None:
        self.host = host

    def requestheaders(self, flow: Any) -> None:
        flow.request.headers["x-added"] = "yes"
        if self.host:
            flow.request.headers["host"] = self.host


@pytest.mark.parametrize(("addon", "status"), [(Adding(), 200), (Adding("other.example"), 502)], ids=["own", "not own"])
async def test_what_an_addon_changes_is_judged_by_the_destination_and_not_by_the_endpoint(authority, addon, status):
    route = Route(rewrite=Rewrite(prefix="/ok", authority="inside.example"))
    resilience = Resilience(Balancing(Balancer.ROUND_ROBIN), limits=Limits(requests=9))
    async with faulty() as origin:
        known = under(resilience, origin.port, routes=(route,))
        async with gate(authority, known, addons=(addon,)) as running:
            answers = [await asked(running, "/anything") for _ in range(3)]
            assert {one.status for one in answers} == {status}
            assert len(origin.asked) == (3 if status == 200 else 0)
            if status == 200:
                assert {one.json["headers"]["host"] for one in answers} == {"inside.example"}
                assert {one.json["headers"]["x-added"] for one in answers} == {"yes"}
            (state,) = running.engine.plane.governor.origins
            await until(lambda: not state.under_way.counts["requests"])
