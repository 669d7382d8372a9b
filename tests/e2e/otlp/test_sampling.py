"""Which traces a gate exports: none of what went well, if so told, but everything that was denied or failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.otlp.collecting import Collector, collector
from e2e.otlp.traffic import POLICY, SETTINGS, App, asked
from e2e.workload import Workload

pytestmark = pytest.mark.netns

FORCED = 0.001
"""Traces a second that workloads may force: one, and no second one within a test."""


@pytest.fixture
def collecting(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Collector]:
    """With a gate that keeps no trace that begins there."""
    settings = {**SETTINGS, "trace_sampling": 0, "trace_parent_rate": FORCED}
    with collector(lab) as made, Gate(lab, POLICY, origin_pki, settings=settings, environment=made.environ()):
        yield made


def keys(workload: Workload, collecting: Collector, mark: str) -> list[str]:
    """Of the SERVER spans that came before one of a denial, which comes after all that was asked before it."""
    assert workload.curl(f"http://forbidden.example{mark}").status == 502
    collecting.told.attempt(mark)
    return [each.key for each in collecting.told.spans(kind="SERVER")]


def test_what_went_well_is_left_out_and_the_origin_is_told_so(workload: Workload, collecting: Collector) -> None:
    answer = workload.curl("http://api.example/well")
    told = dict(answer.json["headers"])["traceparent"]
    assert told.endswith("-00")
    assert workload.curl("http://api.example/status/404").status == 404
    assert keys(workload, collecting, "/mark") == ["/mark"]


def test_denials_and_errors_are_kept(workload: Workload, collecting: Collector) -> None:
    assert workload.curl("https://api.example/forbidden").status == 403
    assert workload.curl("http://api.example/status/503").status == 503
    assert workload.curl("http://api.example:81/refused").status == 503
    assert workload.say("tcp.example", b"\0bytes", 7009) == b""
    assert workload.say("forbidden.example", b"\0bytes", 7777) == b""
    assert keys(workload, collecting, "/mark") == [
        "/forbidden",
        "/status/503",
        "/refused",
        "tcp.example:7009",
        f"{world.ADDRESSES['forbidden'][0]}:7777",
        "/mark",
    ]
    server, (client,) = collecting.told.attempt("/status/503")
    assert (server.failed, client.failed, client.attributes["http.response.status_code"]) == (True, True, 503)


def test_a_workload_has_its_traces_kept_and_not_more_of_them_than_it_may(
    workload: Workload, collecting: Collector
) -> None:
    told = [dict(asked(workload, f"http://api.example/forced/{n}", App(n)).json["headers"]) for n in range(1, 5)]
    assert [each["traceparent"][-2:] for each in told] == ["01", "00", "00", "00"]
    assert keys(workload, collecting, "/mark") == ["/forced/1", "/mark"]


def test_what_the_workload_does_not_keep_is_kept_where_it_is_denied(workload: Workload, collecting: Collector) -> None:
    unkept = ("-H", f"traceparent: 00-{App(9).trace}-{App(9).span}-00")
    assert dict(workload.curl("http://api.example/unkept", *unkept).json["headers"])["traceparent"].endswith("-00")
    assert workload.curl("http://forbidden.example/denied", *unkept).status == 502
    assert keys(workload, collecting, "/mark") == ["/denied", "/mark"]
    server, _ = collecting.told.attempt("/denied")
    assert (server.trace, server.parent) == (App(9).trace, App(9).span)


def test_everything_is_counted_all_the_same(workload: Workload, collecting: Collector) -> None:
    for number in range(3):
        assert workload.curl(f"http://api.example/counted/{number}").status == 200
    collecting.told.wait(lambda: collecting.told.total("istio_requests_total", response_code="200") == 3)
    assert collecting.told.spans() == []


def test_under_spans_client_origins_asked_are_children_of_the_workload_s_own(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, workload: Workload
) -> None:
    settings = {**SETTINGS, "trace_spans": "client"}
    with collector(lab) as made, Gate(lab, POLICY, origin_pki, settings=settings, environment=made.environ()):
        told = dict(asked(workload, "http://api.example/one", App(1)).json["headers"])["traceparent"]
        assert asked(workload, "http://forbidden.example/denied", App(2)).status == 502
        made.told.wait(lambda: len(made.told.spans()) == 2)
        allowed, denied = made.told.spans()
    assert (allowed.kind, denied.kind) == ("CLIENT", "CLIENT")
    assert (allowed.trace, allowed.parent, allowed.remote) == (App(1).trace, App(1).span, True)
    assert told == f"00-{allowed.trace}-{allowed.id}-01"
    assert allowed.attributes["url.full"] == "http://api.example/one"
    assert (allowed.attributes["outgate.verdict"], allowed.attributes["outgate.code"]) == ("allow", "registered")
    assert (denied.trace, denied.parent) == (App(2).trace, App(2).span)
    assert (denied.attributes["outgate.verdict"], denied.attributes["error.type"]) == ("deny", "outgate_denied")
