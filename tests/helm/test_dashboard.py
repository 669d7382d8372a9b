"""The dashboard: every expression is right and returns data, and Grafana can load it beside others."""

import itertools

import pytest

from helm import dashboard, promql, promtool, samples

BOARD = dashboard.read()
PANELS = dashboard.panels(BOARD)
EXPRESSIONS = dashboard.expressions(BOARD)
CHOICES = dashboard.choices(BOARD)
EVERY = [*EXPRESSIONS.values(), *dashboard.annotations(BOARD), *(selector for selector, _ in CHOICES.values())]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
ANYWHERE = set(samples.TARGET) | {"le"}


def by_title(panel):
    return panel["title"]


@promtool.needed
def test_every_expression_is_promql(tmp_path):
    assert promtool.syntax(tmp_path, EVERY) == ""


@promtool.needed
def test_every_expression_returns_data(tmp_path):
    asked = [*EXPRESSIONS.values(), *(selector for selector, _ in CHOICES.values())]
    assert promtool.without_data(tmp_path, asked, samples.series(60), "50m") == ""


@promtool.needed
def test_wrong_promql_and_no_data_are_noticed(tmp_path):
    assert "parse error" in promtool.syntax(tmp_path, ["sum(rate(outgate_ready)"])
    for nothing in ("outgate_readiness", "outgate_ready / 0 * 0"):
        assert nothing in promtool.without_data(tmp_path, [nothing], samples.series(60), "50m")


@pytest.mark.parametrize("expression", EVERY)
def test_expressions_speak_of_metrics_and_labels_that_are_listed(expression):
    names = promql.metrics(expression)
    assert names <= set(samples.RELIED)
    assert promql.labels(expression) <= ANYWHERE.union(*(each for name in names for each in samples.RELIED[name]))


def test_grafana_can_load_it_under_its_own_name():
    assert (BOARD["id"], BOARD["uid"]) == (None, "outgate")
    assert BOARD["schemaVersion"] >= 36


def test_the_datasource_is_chosen_by_whoever_looks():
    chosen = [each for each in BOARD["templating"]["list"] if each["type"] == "datasource"]
    assert [each["name"] for each in chosen] == ["datasource"]
    asking = [*PANELS, *(target for panel in PANELS for target in panel["targets"]), *BOARD["annotations"]["list"]]
    asking += [each for each in BOARD["templating"]["list"] if each["type"] == "query"]
    assert [each["datasource"] for each in asking] == [DATASOURCE] * len(asking)


def test_variables_are_there_and_each_is_used():
    named = {each["name"] for each in BOARD["templating"]["list"]}
    assert dashboard.used(BOARD) - set(dashboard.BY_GRAFANA) - {"__all"} == named


@pytest.mark.parametrize("name", CHOICES)
def test_values_to_choose_from_come_from_a_label_of_the_metric(name):
    selector, label = CHOICES[name]
    (metric,) = promql.metrics(selector)
    assert label in ANYWHERE.union(*samples.RELIED[metric])


def test_rates_go_by_grafanas_interval():
    targets = [target["expr"] for panel in PANELS for target in panel["targets"]]
    assert [expr for expr in targets if "rate(" in expr and "[$__rate_interval]" not in expr] == []


@pytest.mark.parametrize("panel", PANELS, ids=by_title)
def test_each_panel_says_what_it_shows(panel):
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]


def test_no_two_panels_share_an_id_a_title_or_a_place():
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert len({panel["title"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for one, other in itertools.combinations((panel["gridPos"] for panel in BOARD["panels"]), 2):
        assert not (_overlap(one, other, "x", "w") and _overlap(one, other, "y", "h")), (one, other)


def _overlap(one, other, at, size):
    return one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
