"""Kiali's, Istio's and the guides' queries are right PromQL and find what a gate tells of itself."""

import pytest

from helm import promql, promtool, samples
from telemetry import queries

QUERIES = queries.every("5m")
OTHERS = {"istio_request_duration_seconds", "app"}
"""What they ask for that no gate has: a metric from before, and the label of a ztunnel."""


@promtool.needed
def test_each_is_promql(tmp_path):
    assert promtool.syntax(tmp_path, list(QUERIES.values())) == ""


@promtool.needed
def test_each_is_answered_with_data(tmp_path):
    assert promtool.without_data(tmp_path, list(QUERIES.values()), samples.series(60), "50m") == ""


@promtool.needed
def test_one_without_an_answer_is_noticed(tmp_path):
    nothing = "sum(istio_requests_total < 0)"
    assert nothing in promtool.without_data(tmp_path, [nothing], samples.series(60), "50m")


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_each_asks_for_metrics_and_labels_that_are_listed(query):
    names = promql.metrics(query) - OTHERS
    assert names <= set(samples.RELIED)
    known = {"le"}.union(*(sample for name in names for sample in samples.RELIED[name]))
    assert promql.labels(query) - OTHERS <= known


def test_samples_lack_nothing_that_kiali_requires():
    of_tcp = queries.KIALI_REQUIRED - {"response_code", "request_protocol"}
    assert all(set(sample) >= queries.KIALI_REQUIRED for sample in samples.HTTP)
    assert all(set(sample) >= of_tcp for sample in samples.TCP)
