"""What Prometheus reads, byte for byte, and as its own tool sees it."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from helm import promtool
from outgate.policy.model import Gate
from outgate.policy.telemetry_model import (
    METRIC_ATTRIBUTES,
    MetricRule,
    TagOverride,
    TelemetryPolicy,
    TelemetryRule,
)
from outgate.policy.telemetry_rules import telemetry_of
from outgate.telemetry import names
from outgate.telemetry.aggregate import Families
from outgate.telemetry.exposition import PIECE, exposition
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.names import SPECS, Kind
from telemetry import exposed
from telemetry.events import DENIED, event, reached


def page(scraped):
    return b"".join(exposition(scraped)).decode()


def test_a_counter_and_a_histogram_and_a_level():
    families = Families()
    families.count(names.BOUNDS, "head_timeout").value += 3
    families.count(names.CONNECTIONS_OPEN).value = 7
    for seconds in (0.005, 0.006, 11):
        families.histogram(names.DNS_DURATION).at((names.DNS_DURATION.labels, ("a.example", ""))).add(seconds)
    bounds = ["0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5", "10"]
    buckets = [
        f'dns_lookup_duration_seconds_bucket{{dns_question_name="a.example",le="{bound}"}} {count}'
        for bound, count in zip([*bounds, "+Inf"], [1, *(2,) * 13, 3], strict=True)
    ]
    assert page(families.scraped()).splitlines() == [
        "# HELP dns_lookup_duration_seconds Lookups of origins' names.",
        "# TYPE dns_lookup_duration_seconds histogram",
        *buckets,
        'dns_lookup_duration_seconds_sum{dns_question_name="a.example"} 11.011',
        'dns_lookup_duration_seconds_count{dns_question_name="a.example"} 3',
        "# HELP outgate_connections Open connections of workloads.",
        "# TYPE outgate_connections gauge",
        "outgate_connections 7",
        "# HELP outgate_bounds_total Times that a bound held, by its name.",
        "# TYPE outgate_bounds_total counter",
        'outgate_bounds_total{bound="head_timeout"} 3',
    ]


def test_a_label_cannot_end_its_line():
    families = Families()
    families.count(names.BOUNDS, 'a"b\\c\nd\re\u202e\ud800').value += 1
    [*_, line] = page(families.scraped()).splitlines()
    assert line == 'outgate_bounds_total{bound="a\\"b\\\\c?d?e??"} 1'


EVERY = tuple(TagOverride(name.replace(".", "_"), name) for name in sorted(METRIC_ATTRIBUTES))


@settings(deadline=None)
@given(st.text(max_size=50), st.binary(max_size=50))
def test_whatever_a_workload_writes_is_a_value_of_one_line(text, raw):
    metrics = Metrics()
    policy = TelemetryPolicy(rules=(TelemetryRule(metrics=(MetricRule(tags=EVERY),)),))
    metrics.follow([], lambda caller: telemetry_of(policy, Gate(), caller))
    hostile = raw.decode("utf-8", "surrogateescape")
    metrics.observe(event(text, DENIED, method=hostile, sni=hostile, protocol=text, address=text))
    found = page(metrics.scraped())
    assert all(line.isprintable() for line in found.split("\n"))
    [(labels, value)] = exposed.read(found)["istio_requests_total"]
    assert (labels["outgate_verdict"], value) == ("deny", 1)


def test_a_long_page_comes_in_pieces():
    families = Families()
    for number in range(5000):
        families.count(names.BOUNDS, f"bound {number}").value += 1
    pieces = list(exposition(families.scraped()))
    assert len(pieces) > 2
    assert max(map(len, pieces)) < PIECE + 1000
    assert b"".join(pieces).count(b"\noutgate_bounds_total{") == 5000


def test_nothing_is_an_empty_page():
    assert page({}) == ""


def test_names_and_labels_are_such_as_prometheus_takes():
    for name, spec in SPECS.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert bool(spec.bounds) == (spec.kind is Kind.HISTOGRAM)
        assert list(spec.bounds) == sorted(set(spec.bounds))
        assert all(re.fullmatch(r"[a-z][a-z0-9_.]*", label) for label in spec.labels)
        assert "\n" not in spec.help


@promtool.needed
def test_promtool_finds_nothing_but_istios_milliseconds():
    metrics = Metrics()
    for made in (event(reached=(reached(),)), event("evil.example", DENIED), event(kind="tls"), event(status=0)):
        metrics.observe(made)
    found = metrics.scraped()
    for name, spec in SPECS.items():
        empty = [0.0] * (len(spec.bounds) + 2) if spec.bounds else 1.0
        found.setdefault(name, {(spec.labels, tuple("x" for _ in spec.labels)): empty})
    assert promtool.lint(page(found)) == ""
