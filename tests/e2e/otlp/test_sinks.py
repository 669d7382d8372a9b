"""Documents name where spans go, and what of them: Istio's providers and Telemetry, and the gate's own kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from e2e.documents import Document, access, defaults, destination, istio, native, policy
from e2e.journal import load
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.otlp.collecting import FAST, Collector, collector
from e2e.otlp.traffic import SETTINGS, App, asked
from e2e.workload import Workload
from telemetry.receiver import OVER

pytestmark = pytest.mark.netns

COLLECTOR = "collector.example"
REGISTRY = (
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP",)),
    destination("tcp.example", ports=("7000/TCP",)),
    access("no-forbidden", action="DENY", rules=[{"to": [{"hosts": ["api.example"], "paths": ["/forbidden"]}]}]),
)


def mesh(protocol: str, port: str) -> Document:
    """A provider of spans, its service as a name that only the pod resolves."""
    way = {"http": {"path": "/v1/traces", "headers": [{"name": "x-tenant", "value": "blue"}]}}
    provider = {"service": COLLECTOR, "port": int(port), **(way if protocol == "http/protobuf" else {})}
    spec = {"meshConfig": {"enableTracing": True, "extensionProviders": [{"name": "spans", "opentelemetry": provider}]}}
    return {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": "mesh", "namespace": "istio-system"},
        "spec": spec,
    }


def tracing(**more: object) -> Document:
    rule = {"providers": [{"name": "spans"}], "randomSamplingPercentage": 100, **more}
    return istio("Telemetry", "tracing", {"tracing": [rule]}, "telemetry", namespace="prod")


@pytest.fixture(autouse=True)
def named(lab: Lab) -> None:
    lab.resolve(COLLECTOR, "127.0.0.1")


@pytest.fixture(params=OVER)
def collecting(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Collector]:
    with collector(lab, request.param) as made:
        yield made


def gate(lab: Lab, pki: world.OriginPki, *documents: Document, environment: dict[str, str] | None = None) -> Gate:
    return Gate(lab, policy(*REGISTRY, *documents), pki, settings=SETTINGS, environment=environment or FAST)


def test_spans_go_to_the_provider_that_telemetry_names(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, workload: Workload, collecting: Collector
) -> None:
    told, port = collecting.told, collecting.address.rpartition(":")[2]
    tags = {"zone": {"literal": {"value": "eu"}}, "team": {"header": {"name": "x-team", "defaultValue": "none"}}}
    with gate(lab, origin_pki, mesh(collecting.protocol, port), tracing(customTags=tags)):
        answer = asked(workload, "http://api.example/named", App(1), "-H", "x-team: blue")
        assert asked(workload, "http://api.example/forbidden", App(2)).status == 403
        with workload.dial("tcp.example", 7000) as client:
            client.sendall(b"\0bytes")
            assert client.recv(100) == b"\0bytes"
        server, (span,) = told.attempt("/named")
        _, none = told.attempt("/forbidden")
        relayed, _ = told.attempt("tcp.example:7000")
    assert (server.trace, server.parent, none) == (App(1).trace, App(1).span, [])
    assert dict(answer.json["headers"])["traceparent"] == f"00-{span.trace}-{span.id}-01"
    assert (span.attributes["zone"], span.attributes["team"]) == ("eu", "blue")
    assert (relayed.attributes["zone"], relayed.attributes["team"]) == ("eu", "none")
    if collecting.protocol == "http/protobuf":
        assert {head["x-tenant"] for head in told.received.headers} == {"blue"}
    assert told.received.metrics == []


def test_spans_that_documents_disable_are_not_reported_and_their_context_goes_on(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, workload: Workload
) -> None:
    with collector(lab) as made:
        disabled = tracing(disableSpanReporting=True)
        port = made.address.rpartition(":")[2]
        with gate(lab, origin_pki, mesh(made.protocol, port), disabled) as running:
            left = dict(asked(workload, "http://api.example/unreported", App(1)).json["headers"])
            assert left["traceparent"].startswith(f"00-{App(1).trace}-")
            assert workload.say("forbidden.example", b"\0bytes", 7777) == b""
            running.stop()
        assert made.told.spans() == []


def test_another_policy_leads_spans_elsewhere_and_loses_none(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, workload: Workload
) -> None:
    """At first to the collector of the variables, then to one that the gate's own kind names, and back."""
    with ExitStack() as stack:
        usual, named = stack.enter_context(collector(lab)), stack.enter_context(collector(lab, "grpc"))
        telemetry = native("EgressTelemetry", "traces", {"traces": {"to": f"otlp://{named.address}"}})
        running = stack.enter_context(gate(lab, origin_pki, environment=usual.environ()))
        assert asked(workload, "http://api.example/first", App(1)).status == 200
        load(running, policy(*REGISTRY, telemetry))
        assert asked(workload, "http://api.example/second", App(2)).status == 200
        load(running, policy(*REGISTRY))
        assert asked(workload, "http://api.example/third", App(3)).status == 200
        usual.told.attempt("/third")
        named.told.attempt("/second")
        usual.told.wait(lambda: running.admin("/status")["counts"]["traces_exported"] == 3)
    assert [each.key for each in usual.told.spans(kind="SERVER")] == ["/first", "/third"]
    assert [each.key for each in named.told.spans(kind="SERVER")] == ["/second"]
