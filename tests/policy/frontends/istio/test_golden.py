"""Whole sets of documents and what they come to, side by side in `golden/`."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from outgate.policy.documents import load
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.frontends.istio.resilience import USUAL
from outgate.policy.frontends.istio.route_actions import RETRIES
from outgate.policy.model import Destination, Gate, Port, Scope, UpstreamTLS, Verification
from outgate.policy.resilience_model import Resilience
from outgate.policy.route_model import Route
from outgate.policy.telemetry_model import TelemetryPolicy, TraceRule

GOLDEN = Path(__file__).parent / "golden"


def lines(found: Contribution) -> Iterator[str]:
    for name, overrides in sorted(found.defaults.items()):
        yield f"default {name}: {', '.join(str(override.value) for override in overrides)}"
    for destination in found.destinations:
        yield from _destination(destination)
    yield from (_scope(scope) for scope in found.scopes)
    for policy in found.access:
        yield f"access {policy.action} of {policy.source.namespace}/{policy.source.name}: {len(policy.rules)} rules"
    yield from _telemetry(found.telemetry)
    for problem in found.problems:
        yield f"{problem.severity} {problem.where.line}:{problem.where.column} {problem.what}"


def _destination(made: Destination) -> Iterator[str]:
    where = " ".join((*made.hosts, *map(str, made.networks)))
    inside = " inside" if made.internal else ""
    yield f"destination {made.key}: {where}; seen in {' '.join(made.export_to)}{inside}"
    yield from (f"  {line}" for port in made.ports for line in _port(port))


def _port(port: Port) -> Iterator[str]:
    upstream = port.upstream
    more = " over HTTP/2" if upstream.http2 else ""
    yield (
        f"{port.number} {port.protocol} {port.intercept} -> {upstream.port} by {upstream.resolution}, "
        f"{upstream.connect_timeout:g}s{more}"
    )
    for endpoint in upstream.endpoints:
        extra = " ".join((endpoint.locality, *(f"{key}={value}" for key, value in endpoint.labels))).strip()
        yield f"  at {endpoint.address}:{endpoint.port} weight {endpoint.weight} {extra}".rstrip()
    yield from (f"  {line}" for line in _resilience(upstream.resilience))
    for route in port.routes:
        yield from (f"  {line}" for line in _route(route))
    if port.unmatched is not None:
        yield f"  else {port.unmatched}"
    if upstream.tls is not None:
        yield f"  starts {_tls(upstream.tls)}"
    elif port.tls.names:
        yield f"  decrypted, then {_tls(port.tls)}"


def _resilience(resilience: Resilience) -> Iterator[str]:
    if resilience.source is not None:
        yield f"holds to {', '.join(_told(resilience, USUAL))}"


def _route(route: Route) -> Iterator[str]:
    """What is said of it, and what it does beside."""
    if route.source is not None:
        told = _told(route, Route(retry=RETRIES))
        yield f"route of {route.source.name}: {', '.join(told) or 'everything to its own'}"


def _told(value: object, usual: object) -> Iterator[str]:
    for entry in dataclasses.fields(value):  # type: ignore[arg-type]
        said = getattr(value, entry.name)
        if said != getattr(usual, entry.name) and entry.name not in ("source", "extra"):
            yield f"{entry.name} {_short(said)}"


def _short(value: object) -> str:
    """A value of the model without what is as it always is."""
    if isinstance(value, tuple):
        return f"[{'; '.join(map(_short, value))}]"
    if not dataclasses.is_dataclass(value):
        return str(value)
    told = ((entry, getattr(value, entry.name)) for entry in dataclasses.fields(value) if entry.name != "source")
    named = (f"{entry.name} {_short(said)}" for entry, said in told if said != entry.default)
    return f"{{{', '.join(named)}}}"


def _tls(tls: UpstreamTLS) -> str:
    said = {
        "as": tls.client_certificate,
        "ca": tls.ca,
        "sni": tls.sni,
        "names": " ".join(name.value for name in tls.names),
        "": tls.verification if tls.verification is not Verification.FULL else "",
        "by": f"{tls.source.kind} {tls.source.name}" if tls.source else "",
    }
    return "TLS " + ", ".join(f"{key} {value}".strip() for key, value in said.items() if value)


def _scope(scope: Scope) -> str:
    who = f"{scope.namespace or '*'} {dict(scope.labels) or ''}".strip()
    seen = scope.imports
    imports = "all" if seen is None else " ".join(f"{'~' * each.excluded}{each.namespace}/{each.host}" for each in seen)
    return f"scope {who}: sees {imports}; {scope.mode or 'the default mode'}"


def _telemetry(made: TelemetryPolicy) -> Iterator[str]:
    for sink in made.sinks:
        uses = [name for name in ("default", "fallback") if sink.name in getattr(made, f"{name}_sinks")]
        form = sink.text or dict(sink.fields) or "the usual"
        yield f"log {' '.join((sink.name, *uses))}: {sink.encoding} to {sink.target or sink.kind}: {form!r}"
    for span in made.span_sinks:
        yield f"spans {span.name}: {span.protocol} to {span.target}"
    if made.default_trace is not None:
        yield f"traces: {_trace(made.default_trace)}"
    for rule in made.rules:
        labels = f" {dict(rule.labels)}" if rule.labels else ""
        yield f"telemetry for {rule.namespace or '*'}{labels}{' and the gate' * rule.gate}"
        for log in rule.logs:
            where = " ".join(log.sinks) or "those before"
            only = f" if {log.filter}" if log.filter else ""
            yield f"  {'does not log' if log.disabled else 'logs'} to {where}{only}"
        for metric in rule.metrics:
            tags = " ".join(f"{tag.tag}={tag.value}" for tag in metric.tags)
            yield f"  {metric.metric} {'is off' if metric.disabled else 'is on'} {tags}".rstrip()
        yield from (f"  traces: {_trace(trace)}" for trace in rule.traces)


def _trace(trace: TraceRule) -> str:
    said = {
        "to": trace.sink,
        "share": trace.sampling,
        "tags": " ".join(f"{tag.name}={tag.kind}:{tag.value}" for tag in trace.tags),
        "off": trace.disabled,
        "passed on": trace.propagates,
    }
    return ", ".join(f"{key} {value}" for key, value in said.items() if value not in (None, ""))


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.yaml")), ids=lambda file: file.stem)
def test_documents_come_to_what_stands_beside_them(file):
    """OUTGATE_REFRESH=1 writes what they come to; read the difference before it is kept."""
    found = IstioFrontend().translate(load(file), Setting(gate=Gate(namespace="kitchen")))
    text = "\n".join(lines(found)) + "\n"
    expected = file.with_suffix(".txt")
    if os.environ.get("OUTGATE_REFRESH"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
