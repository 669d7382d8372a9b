"""Values as OpenTelemetry's exporters take them: the SDK's own data classes, cumulative since the start.

Owns the translation. The SDK aggregates nothing here: it would take a hundred times as long for each request, and has
a bound of its own that hides every label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from outgate.telemetry.aggregate import Labels, Scraped, Value
from outgate.telemetry.exposition import printable
from outgate.telemetry.names import SPECS, STATUS, Kind, Spec

CUMULATIVE = AggregationTemporality.CUMULATIVE
NUMBERS = frozenset({STATUS, "server.port"})
"""Attributes that are numbers by the conventions."""

type Attribute = str | int


def metrics_data(scraped: Scraped, resource: Resource, version: str, start: int, now: int) -> MetricsData:
    """`start` and `now` in nanoseconds since the epoch; `start` is when counting began."""
    known: dict[Labels, dict[str, Attribute]] = {}
    metrics = [
        _metric(spec, series, known, start, now)
        for spec in SPECS.values()
        if (series := scraped.get(spec.name)) is not None
    ]
    scope = ScopeMetrics(InstrumentationScope("outgate", version), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], resource.schema_url)])


def _metric(
    spec: Spec, series: Mapping[Labels, Value], known: dict[Labels, dict[str, Attribute]], start: int, now: int
) -> Metric:
    numbers: list[NumberDataPoint] = []
    spreads: list[HistogramDataPoint] = []
    for labels, value in series.items():
        if (attributes := known.get(labels)) is None:
            attributes = known[labels] = _attributes(labels)
        if isinstance(value, list):
            spreads.append(_spread(spec, attributes, value, start, now))
        else:
            numbers.append(NumberDataPoint(attributes, start, now, value))
    data: Sum | Gauge | Histogram
    match spec.kind:
        case Kind.HISTOGRAM:
            data = Histogram(spreads, CUMULATIVE)
        case Kind.MARK:
            data = Gauge(numbers)
        case _:
            data = Sum(numbers, CUMULATIVE, is_monotonic=spec.kind is Kind.COUNTER)
    return Metric(spec.convention or spec.name, spec.help, spec.unit or "1", data)


def _spread(
    spec: Spec, attributes: Mapping[str, Attribute], value: list[float], start: int, now: int
) -> HistogramDataPoint:
    counts = [int(count) for count in value[:-1]]
    # The least and the most are not known. The SDK would say infinity; left out, receivers do not take it for a value.
    unsaid: Any = None
    return HistogramDataPoint(attributes, start, now, sum(counts), value[-1], counts, spec.bounds, unsaid, unsaid)


def _attributes(labels: Labels) -> dict[str, Attribute]:
    pairs = ((name, value) for name, value in zip(*labels, strict=True) if value)
    return {name: int(value) if name in NUMBERS and value.isdigit() else printable(value) for name, value in pairs}
