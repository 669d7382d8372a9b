"""What documents say of Istio's metrics becomes of their labels, and of nothing else."""

import pytest

from outgate.policy.model import Endpoint, Gate
from outgate.policy.telemetry_model import MetricRule, TagOverride, TelemetryPolicy, TelemetryRule
from outgate.policy.telemetry_rules import telemetry_of
from outgate.telemetry import names
from outgate.telemetry.metrics import Metrics
from telemetry.counted import only, series
from telemetry.events import PARTNER, event, reached


def following(*rules, metrics=None):
    """Metrics under these documents."""
    made, policy = metrics or Metrics(), TelemetryPolicy(rules=rules)
    made.follow([PARTNER], lambda caller: telemetry_of(policy, Gate(), caller))
    return made


def ruled(*rules, namespace="", labels=(), metrics=None):
    return following(TelemetryRule(namespace, labels, metrics=rules), metrics=metrics)


def test_a_label_is_added_changed_and_taken_away():
    metrics = ruled(
        MetricRule(
            "REQUEST_COUNT",
            tags=(
                TagOverride("request_host", "request.host"),
                TagOverride("destination_app", "'partner'"),
                TagOverride("source_principal", None),
            ),
        )
    )
    metrics.observe(event())
    labels, _ = only(metrics, names.REQUESTS)
    assert (labels["request_host"], labels["destination_app"]) == ("api.partner.example", "partner")
    assert "source_principal" not in labels
    assert "request_host" not in only(metrics, names.REQUEST_DURATION)[0]


def test_messages_of_grpc_are_spoken_of_by_names_of_their_own():
    tag = TagOverride("destination_app", "'partner'")
    metrics = ruled(MetricRule("GRPC_REQUEST_MESSAGES", tags=(tag,)), MetricRule("GRPC_RESPONSE_MESSAGES", True))
    metrics.observe(event(grpc=True, sent_messages=2, received_messages=2))
    labels, sent = only(metrics, names.REQUEST_MESSAGES)
    assert (labels["destination_app"], sent) == ("partner", 2)
    assert series(metrics, names.RESPONSE_MESSAGES) == []
    assert only(metrics, names.REQUESTS)[0]["destination_app"] == "unknown"


def test_values_that_differ_are_series_that_differ():
    metrics = ruled(MetricRule(tags=(TagOverride("port", "destination.port"),)))
    metrics.observe(event(port=443))
    metrics.observe(event(port=8443))
    assert [labels["port"] for labels, _ in series(metrics, names.REQUESTS)] == ["443", "8443"]


def test_labels_that_become_alike_are_one_series():
    metrics = ruled(MetricRule("REQUEST_COUNT", tags=(TagOverride("response_code", None),)))
    metrics.observe(event())
    metrics.observe(event(status=404))
    assert only(metrics, names.REQUESTS)[1] == 2
    assert len(series(metrics, names.REQUEST_DURATION)) == 2


def test_a_metric_is_dropped_and_a_later_rule_brings_it_back():
    metrics = ruled(MetricRule(disabled=True), MetricRule("REQUEST_COUNT", disabled=False))
    metrics.observe(event())
    metrics.observe(event(kind="tls"))
    assert only(metrics, names.REQUESTS)[1] == 1
    assert series(metrics, names.REQUEST_DURATION) == series(metrics, names.TCP_CLOSED) == []
    assert only(metrics, names.SERVER_DURATION)[1][-1] == 0.25


@pytest.mark.parametrize(("namespace", "labels"), [("other", ()), ("", (("app", "web"),))])
def test_a_rule_for_others_changes_nothing(namespace, labels):
    metrics = ruled(MetricRule(disabled=True), namespace=namespace, labels=labels)
    metrics.observe(event())
    assert only(metrics, names.REQUESTS)[1] == 1


def tier(value):
    return (MetricRule("REQUEST_COUNT", tags=(TagOverride("tier", f"'{value}'"),)),)


def test_what_selects_the_gateway_holds_whoever_calls():
    metrics = following(
        TelemetryRule(metrics=tier("all")),
        TelemetryRule("istio-system", (("istio", "egressgateway"),), gate=True, metrics=tier("gateway")),
    )
    metrics.observe(event())
    assert only(metrics, names.REQUESTS)[0]["tier"] == "gateway"


def test_of_documents_about_the_same_callers_the_first_counts():
    metrics = following(*(TelemetryRule("shop", metrics=tier(value)) for value in ("first", "second")))
    metrics.observe(event())
    assert only(metrics, names.REQUESTS)[0]["tier"] == "first"


def test_connections_are_counted_by_endpoint_where_documents_want_that():
    tags = (
        TagOverride("endpoint", "outgate.endpoint"),
        TagOverride("of", "outgate.endpoint_labels"),
        TagOverride("in", "outgate.region"),
    )
    metrics = ruled(MetricRule("TCP_SENT_BYTES", tags=tags))
    for last in (7, 8):
        endpoint = Endpoint(f"192.0.2.{last}", 5432, labels=(("zone", f"z{last}"),))
        metrics.observe(event(None, kind="tcp", reached=(reached(endpoint=endpoint),)))
    found = [(labels["endpoint"], labels["of"]) for labels, _ in series(metrics, names.TCP_SENT)]
    assert found == [("192.0.2.7:5432", "zone=z7"), ("192.0.2.8:5432", "zone=z8")]


def test_values_of_added_labels_are_bounded():
    metrics = ruled(
        MetricRule(tags=(TagOverride("sni", "connection.requested_server_name"),)), metrics=Metrics(hosts=3)
    )
    for number in range(100):
        metrics.observe(event(sni=f"{number}.example"))
    assert [(labels["sni"], value) for labels, value in series(metrics, names.REQUESTS)] == [
        ("0.example", 1),
        ("1.example", 1),
        ("2.example", 1),
        ("other", 97),
    ]


def test_a_value_that_nobody_knows_and_a_label_that_is_none(caplog):
    tags = (TagOverride("path", "request.url_path"), TagOverride('bad"label', "'x'"), TagOverride("__name__", "'x'"))
    metrics = ruled(MetricRule("REQUEST_COUNT", tags=tags))
    metrics.observe(event())
    labels, _ = only(metrics, names.REQUESTS)
    assert labels["path"] == "unknown"
    assert {'bad"label', "__name__"}.isdisjoint(labels)
    assert "request.url_path" in caplog.text


def test_another_policy_is_followed_at_once():
    metrics = ruled(MetricRule("REQUEST_COUNT", tags=(TagOverride("tier", "'gold'"),)))
    metrics.observe(event())
    metrics.follow([PARTNER])
    metrics.observe(event())
    assert [labels.get("tier") for labels, _ in series(metrics, names.REQUESTS)] == ["gold", None]
