"""MeshMetric: read and judged, and without an effect, for the gate has metrics of its own.

Owns the conf's shape, its checks, and what is said instead.
"""

from __future__ import annotations

from outgate.policy.frontends.expressions import expression_fault
from outgate.policy.frontends.kuma import open_telemetry
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.shapes import Count, OneOf, Span
from outgate.policy.frontends.kuma.single import Single
from outgate.policy.model import Fate
from outgate.policy.schema import Boolean, Field, Fields, Record, Sequence, Text

BLOCKS = {"Prometheus": "prometheus", "OpenTelemetry": "openTelemetry"}
MATCHES = ("Regex", "Prefix", "Exact", "Contains")
NO_PORT = "port must be a valid (1-65535)"
PORT = Field(Count(1, 65535, NO_PORT))
ELSEWHERE = "the gate's own metrics are where the settings admin and metrics say, and go where OTEL_* variables do"
NOT_ENVOYS = "the gate has no metrics of Envoy's to choose from"
NOT_APPLICATIONS = "the gate asks no application for metrics"

MATCH = Fields({"type": Field(Text()), "match": Field(Text())})
PROFILES = Fields(
    {
        "appendProfiles": Field(Sequence(Fields({"name": Field(OneOf("name", ("All", "Basic", "None")))}))),
        "exclude": Field(Sequence(MATCH)),
        "include": Field(Sequence(MATCH)),
    }
)
SIDECAR = Fields({"profiles": Field(PROFILES), "includeUnused": Field(Boolean())})
APPLICATION = Fields({"name": Field(Text()), "path": Field(Text()), "address": Field(Text()), "port": PORT})
PROMETHEUS = Fields(
    {
        "port": PORT,
        "path": Field(Text()),
        "clientId": Field(Text()),
        "tls": Field(
            Fields({"mode": Field(OneOf("mode", ("Disabled", "ProvidedTLS", "ActiveMTLSBackend")))}),
        ),
    }
)
BACKEND = Fields(
    {
        "type": Field(OneOf("type", tuple(BLOCKS)), required=True),
        "prometheus": Field(PROMETHEUS),
        "openTelemetry": Field(Fields({**open_telemetry.ENDPOINT, "refreshInterval": Field(Span())})),
    }
)
CONF = Fields(
    {
        "sidecar": Field(SIDECAR, fate=Fate.IGNORED, note=NOT_ENVOYS),
        "applications": Field(Sequence(APPLICATION), fate=Fate.IGNORED, note=NOT_APPLICATIONS),
        "backends": Field(Sequence(BACKEND), fate=Fate.IGNORED, note=ELSEWHERE),
    }
)


def _check(conf: Record, resource: Resource) -> None:
    reading = resource.reading
    sidecar: Record | None = conf.get("sidecar")
    profiles: Record | None = sidecar.get("profiles") if sidecar is not None else None
    for name in ("exclude", "include") if profiles is not None else ():
        for match in profiles.get(name, []) if profiles is not None else ():
            _check_match(match, resource)
    for application in conf.get("applications", []):
        if "port" not in application.places:
            reading.error(application.where, application.under("port"), NO_PORT, "add it")
    for backend in conf.get("backends", []):
        _check_backend(backend, resource)
    if not reading.failed:
        reading.warn(resource.document.where, "", f"{resource} says nothing here: {ELSEWHERE}")


def _check_match(match: Record, resource: Resource) -> None:
    kind = match.get("type", "")
    if kind not in MATCHES:
        what = f"unrecognized type '{kind}' - {', '.join(f"'{name}'" for name in MATCHES)} are supported"
        resource.reading.error(match.at("type"), match.under("type"), what)
    elif kind == "Regex" and (why := expression_fault(match.get("match", ""))):
        resource.reading.error(match.at("match"), match.under("match"), f"invalid regex: {why}")


def _check_backend(backend: Record, resource: Resource) -> None:
    name = BLOCKS[backend.get("type")]
    block: Record | None = backend.get(name)
    if block is None:
        resource.reading.error(backend.where, backend.under(name), "must be defined", "add it")
    elif name == "openTelemetry":
        open_telemetry.check(block, resource.dialect, resource.reading, used=False)
        found = open_telemetry.PLACE.fullmatch(block.get("endpoint", ""))
        if found is not None and not found["port"]:
            what = "must be in host:port format"
            resource.reading.error(block.at("endpoint"), block.under("endpoint"), what, 'write "collector:4317"')


KIND = Single("MeshMetric", CONF, _check)
