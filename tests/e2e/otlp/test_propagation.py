"""What origins are told of a trace, by destination: what leaves, and that the spans are joined whatever leaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.documents import Document, defaults, destination, policy
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.otlp.collecting import Collector, collector
from e2e.otlp.told import Span
from e2e.otlp.traffic import SETTINGS, App
from e2e.workload import Workload

pytestmark = pytest.mark.netns

MODES = ("none", "w3c", "b3", "b3multi", "passthrough")
SENT = {
    "tracestate": "vendor=1",
    "baggage": "user=ada",
    "uber-trace-id": "1:2:0:1",
    "uberctx-user": "ada",
    "x-datadog-trace-id": "7",
    "x-b3-sampled": "1",
}
"""What a workload may say of traces beside its `traceparent`."""


def host(mode: str) -> str:
    return f"{mode}.propagated.example"


def registered(mode: str, **more: object) -> Document:
    return destination(host(mode), ports=("80/HTTP",), **more)


POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    *(registered(mode, propagation=mode) for mode in MODES),
    registered("default"),
    registered("inside", internal=True),
)


@pytest.fixture(scope="module")
def collecting(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Collector]:
    """With a gate that exports to it."""
    for mode in (*MODES, "default", "inside"):
        lab.name(host(mode), *world.ADDRESSES["api"])
    with collector(lab) as made, Gate(lab, POLICY, origin_pki, settings=SETTINGS, environment=made.environ()):
        yield made


def told(workload: Workload, mode: str, path: str, *flags: str) -> dict[str, str]:
    """What the origin was told of traces, by lower-case name."""
    answer = workload.curl(f"http://{host(mode)}{path}", *flags)
    fields = {name.lower(): value for name, value in answer.json["headers"]}
    known = {"traceparent", "b3", "x-b3-traceid", "x-b3-spanid", *SENT}
    return {name: value for name, value in fields.items() if name in known}


def headers(app: App) -> list[str]:
    sent = {"traceparent": app.traceparent, **SENT}
    return [part for name, value in sent.items() for part in ("-H", f"{name}: {value}")]


def joined(collecting: Collector, path: str, app: App) -> Span:
    """The CLIENT span, after what joins it to the workload's."""
    server, (client,) = collecting.told.attempt(path)
    assert (server.trace, server.parent, client.trace) == (app.trace, app.span, app.trace)
    return client


def test_by_default_an_origin_outside_is_told_of_the_span_and_of_nothing_else(
    workload: Workload, collecting: Collector
) -> None:
    left = told(workload, "default", "/default", *headers(App(1)))
    client = joined(collecting, "/default", App(1))
    mine = ("uber-trace-id", "x-datadog-trace-id")  # of tracers that the gate does not speak for
    assert {name: value for name, value in left.items() if name not in mine} == {
        "traceparent": f"00-{client.trace}-{client.id}-01"
    }


def test_w3c_is_the_default(workload: Workload, collecting: Collector) -> None:
    left = told(workload, "w3c", "/w3c", *headers(App(2)))
    client = joined(collecting, "/w3c", App(2))
    assert left["traceparent"] == f"00-{client.trace}-{client.id}-01"
    assert not {"tracestate", "baggage", "uberctx-user", "b3", "x-b3-sampled"} & set(left)


def test_b3_in_one_header(workload: Workload, collecting: Collector) -> None:
    left = told(workload, "b3", "/one", *headers(App(3)))
    client = joined(collecting, "/one", App(3))
    assert left["b3"] == f"{client.trace}-{client.id}-1"
    assert not {"traceparent", "tracestate", "baggage", "x-b3-sampled"} & set(left)


def test_b3_in_several(workload: Workload, collecting: Collector) -> None:
    left = told(workload, "b3multi", "/several", *headers(App(4)))
    client = joined(collecting, "/several", App(4))
    assert {name: value for name, value in left.items() if name.startswith("x-b3")} == {
        "x-b3-traceid": client.trace,
        "x-b3-spanid": client.id,
        "x-b3-sampled": "1",
    }
    assert not {"traceparent", "tracestate", "baggage", "b3"} & set(left)


def test_nothing_in_any_known_form(workload: Workload, collecting: Collector) -> None:
    assert told(workload, "none", "/nothing", *headers(App(5))) == {}
    joined(collecting, "/nothing", App(5))


def test_what_the_workload_wrote(workload: Workload, collecting: Collector) -> None:
    assert told(workload, "passthrough", "/as-it-was", *headers(App(6))) == {
        "traceparent": App(6).traceparent,
        **SENT,
    }
    joined(collecting, "/as-it-was", App(6))


def test_state_and_baggage_go_on_inside_the_mesh(workload: Workload, collecting: Collector) -> None:
    left = told(workload, "inside", "/inside", *headers(App(7)))
    client = joined(collecting, "/inside", App(7))
    assert left["traceparent"] == f"00-{client.trace}-{client.id}-01"
    assert (left["tracestate"], left["baggage"]) == ("vendor=1", "user=ada")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/one-header", {"b3": App(11).b3}),
        ("/several-headers", {"x-b3-traceid": App(11).trace, "x-b3-spanid": App(11).span, "x-b3-sampled": "1"}),
        ("/half-as-long", {"b3": f"{App(11).trace[16:]}-{App(11).span}-1"}),
    ],
)
def test_b3_of_the_workload_goes_on(workload: Workload, collecting: Collector, path: str, sent: dict[str, str]) -> None:
    flags = [part for name, value in sent.items() for part in ("-H", f"{name}: {value}")]
    left = told(workload, "w3c", path, *flags)
    server, (client,) = collecting.told.attempt(path)
    assert server.parent == App(11).span
    assert server.trace in (App(11).trace, App(11).trace[16:].rjust(32, "0"))
    assert left == {"traceparent": f"00-{client.trace}-{client.id}-01"}


@pytest.mark.parametrize(
    ("path", "flags"),
    [
        ("/none-at-all", []),
        ("/malformed", ["-H", f"traceparent: {App(12).traceparent.upper()}"]),
        ("/said-twice", ["-H", f"traceparent: {App(12).traceparent}", "-H", f"traceparent: {App(13).traceparent}"]),
    ],
)
def test_without_a_trace_that_can_be_read_one_begins(
    workload: Workload, collecting: Collector, path: str, flags: list[str]
) -> None:
    left = told(workload, "w3c", path, *flags, "-H", "tracestate: vendor=1")
    server, (client,) = collecting.told.attempt(path)
    assert (server.parent, server.state) == ("", "")
    assert server.trace not in (App(12).trace, App(13).trace)
    assert left == {"traceparent": f"00-{server.trace}-{client.id}-01"}
