"""Alert rules: right PromQL, firing where they should, on metrics that there are, each with a runbook."""

import shutil
from pathlib import Path

import pytest
import yaml

from docpages.markdown import ROOT, Page
from helm import promql, promtool, samples
from outgate.telemetry import names

RULES = ROOT / "helm" / "outgate" / "rules" / "outgate.yaml"
TESTS = RULES.with_name("outgate.test.yaml")
CONTENT = yaml.safe_load(RULES.read_text(encoding="utf-8"))
ALERTS = {rule["alert"]: rule for group in CONTENT["groups"] for rule in group["rules"]}
EXPECTED = [
    (case["alertname"], bool(case["exp_alerts"]))
    for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    for case in test["alert_rule_test"]
]
BY_PROMETHEUS = set(samples.TARGET) | {"le"}


def labels_of(metrics):
    return BY_PROMETHEUS.union(*(sample for name in metrics for sample in samples.RELIED.get(name, ())))


def copied(folder, text):
    """A rules file of its own beside the tests' file."""
    shutil.copy(TESTS, folder)
    path = Path(folder, RULES.name)
    path.write_text(text, encoding="utf-8")
    return path


@promtool.needed
def test_promtool_finds_nothing_wrong_with_the_rules():
    assert promtool.check(RULES) == ""


@promtool.needed
def test_alerts_fire_where_they_should_and_nowhere_else():
    assert promtool.tried(TESTS) == ""


@promtool.needed
def test_wrong_promql_is_noticed(tmp_path):
    text = RULES.read_text(encoding="utf-8").replace("outgate_ready == 0", "outgate_ready === 0")
    assert "parse error" in promtool.check(copied(tmp_path, text))


@promtool.needed
def test_alerts_that_never_fire_are_noticed(tmp_path):
    content = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for rule in (rule for group in content["groups"] for rule in group["rules"]):
        rule["expr"] = "vector(0) > 1"
    copied(tmp_path, yaml.safe_dump(content))
    said = promtool.tried(tmp_path / TESTS.name)
    assert [alert for alert in ALERTS if f"alertname: {alert}," not in said] == []


def test_the_file_is_the_spec_of_a_prometheus_rule():
    assert set(CONTENT) == {"groups"}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_case_where_it_fires_and_one_where_it_does_not(alert):
    assert {fires for name, fires in EXPECTED if name == alert} == {True, False}


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS)
def test_each_alert_says_how_bad_it_is_what_it_is_and_what_to_do(rule):
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor == rule["alert"].lower()
    assert anchor in Page(page).headings()


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS)
def test_alerts_speak_of_metrics_and_labels_that_are_listed(rule):
    used = promql.metrics(rule["expr"])
    assert used <= set(samples.RELIED)
    assert promql.labels(rule["expr"]) <= labels_of(used)


@pytest.mark.parametrize("name", samples.RELIED)
def test_what_is_relied_on_is_in_the_gates_vocabulary(name):
    kinds = {"counter": samples.COUNTERS, "histogram": samples.HISTOGRAMS}
    spec = names.SPECS[name]
    assert name in kinds.get(spec.kind, samples.LEVELS)
    assert set().union(*samples.RELIED[name]) <= {label.replace(".", "_") for label in spec.labels}
