"""The fields of a Telemetry: shapes, and what Istio's own validation refuses.

Owns the fate of each field. What the fields come to is `telemetry.py`'s.
"""

from __future__ import annotations

import difflib
import re

from outgate.policy.frontends.istio.authorization_checks import check_selection
from outgate.policy.frontends.istio.authorization_fields import MAX_TARGETS, TARGET
from outgate.policy.frontends.istio.common import Labels, Placed, unapplied
from outgate.policy.frontends.istio.resource import Resource, envelope
from outgate.policy.frontends.istio.span_tags import TAGS, check_tags
from outgate.policy.model import Fate
from outgate.policy.schema import (
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Mapping,
    Number,
    Reading,
    Record,
    Sequence,
    Text,
)
from outgate.policy.telemetry_model import METRIC_ATTRIBUTES
from outgate.policy.telemetry_rules import ALL_METRICS, METRICS

MODES = Choice(("CLIENT_AND_SERVER", "CLIENT", "SERVER"))
INBOUND = "what is said of SERVER alone is about what comes in, and left out"
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
REQUIRED = frozenset(
    {
        "destination_canonical_revision",
        "destination_canonical_service",
        "destination_service",
        "destination_service_name",
        "destination_service_namespace",
        "destination_workload",
        "destination_workload_namespace",
        "request_protocol",
        "response_code",
        "response_flags",
        "source_canonical_revision",
        "source_canonical_service",
        "source_workload",
        "source_workload_namespace",
    }
)
"""Labels without which Kiali leaves a series out."""

PROVIDERS = Sequence(Fields({"name": Field(Placed(Text(empty=False)), required=True)}))
MATCH = Fields({"mode": Field(MODES, fate=Fate.APPROXIMATED, note=INBOUND)})
LOGGING = Fields(
    {
        "match": Field(MATCH),
        "providers": Field(PROVIDERS),
        "disabled": Field(Boolean()),
        "filter": Field(Fields({"expression": Field(Text())})),
    }
)
OVERRIDE = Fields(
    {
        "match": Field(
            Fields(
                {
                    "metric": Field(Choice((ALL_METRICS, *METRICS))),
                    "customMetric": Field(Text(empty=False), fate=Fate.IGNORED, note="the gate has no such metrics"),
                    "mode": Field(MODES, fate=Fate.APPROXIMATED, note=INBOUND),
                },
                snake=True,
            )
        ),
        "disabled": Field(Boolean()),
        "tagOverrides": Field(
            Mapping(Fields({"operation": Field(Choice(("UPSERT", "REMOVE"))), "value": Field(Text(maximum=4096))}))
        ),
    },
    snake=True,
)
WHOLE = "the gate's metrics are the same wherever they are read"
METRIC = Fields(
    {
        "providers": Field(PROVIDERS, fate=Fate.APPROXIMATED, note=WHOLE),
        "overrides": Field(Sequence(OVERRIDE)),
        "reportingInterval": Field(Duration(), fate=Fate.IGNORED, note="metrics are of now whenever they are read"),
    },
    snake=True,
)
TRACE = Fields(
    {
        "match": Field(MATCH),
        "providers": Field(PROVIDERS),
        "randomSamplingPercentage": Field(Number(0, 100)),
        "customTags": Field(TAGS),
        "disableSpanReporting": Field(Boolean()),
        "disableContextPropagation": Field(Boolean()),
        "useRequestIdForTraceSampling": Field(Boolean(), fate=Fate.IGNORED, note="the trace itself decides"),
        "enableIstioTags": Field(Boolean(), fate=Fate.IGNORED, note="the gate's spans have attributes of their own"),
    },
    snake=True,
)
SPEC = Fields(
    {
        "selector": Field(Fields({"matchLabels": Field(Labels(selector=True))}, snake=True)),
        "targetRef": Field(TARGET),
        "targetRefs": Field(Sequence(TARGET, most=MAX_TARGETS)),
        "accessLogging": Field(Sequence(LOGGING)),
        "metrics": Field(Sequence(METRIC)),
        "tracing": Field(Sequence(TRACE)),
    },
    snake=True,
)
SHAPE = envelope(Field(SPEC))


def check(resource: Resource) -> None:
    """What Istio refuses, and what it warns of."""
    spec, reading = resource.spec, resource.reading
    check_selection(spec, reading)
    for metric in spec.get("metrics", []):
        for override in metric.get("overrides", []):
            _check_override(override, reading)
    _check_traces(spec, reading)


def _check_override(override: Record, reading: Reading) -> None:
    match: Record | None = override.get("match")
    if match is not None and "metric" in match and "customMetric" in match:
        what = 'cannot stand beside "metric"'
        reading.error(match.at("customMetric"), match.under("customMetric"), what, "keep one of them")
    for tag, said in override.get("tagOverrides", {}).items():
        where, path, value = said.at("value"), said.under("value"), said.get("value", "")
        if said.get("operation") == "REMOVE":
            if value:
                reading.error(where, path, "means nothing where the label is removed", "remove it")
            elif tag in REQUIRED:
                reading.warn(said.where, said.path, f"Kiali leaves out what has no {tag}", "set it to a text instead")
        elif not value:
            reading.error(where, path, "value must be set when operation is UPSERT", 'write "request.host"')
        elif not is_value(value):
            _check_value(value, said, reading)


def is_value(text: str) -> bool:
    """Whether a label can be set to it."""
    return QUOTED.fullmatch(text.strip()) is not None or text.strip() in METRIC_ATTRIBUTES


def _check_value(value: str, said: Record, reading: Reading) -> None:
    close = difflib.get_close_matches(value.strip(), METRIC_ATTRIBUTES, 1, 0.8)
    known = f"did you mean {close[0]}?" if close else "write a text in quotes, or one of the attributes"
    listed = "" if close else f" {', '.join(sorted(METRIC_ATTRIBUTES))}"
    unapplied(reading, said.at("value"), said.under("value"), f'"{value[:60]}" is an expression ({known}{listed})')


def _check_traces(spec: Record, reading: Reading) -> None:
    traces: list[Record] = spec.get("tracing", [])
    if len(traces) > 1:
        reading.warn(spec.at("tracing"), spec.under("tracing"), "of several entries the later one's fields hold")
    for trace in traces:
        check_tags(trace.get("customTags", {}), reading)
        if len(trace.get("providers", [])) > 1:
            what = "spans go to one place, the first of these"
            reading.warn(trace.at("providers"), trace.under("providers"), what, "keep one of them")
