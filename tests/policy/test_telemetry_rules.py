"""What holds for a caller: which documents speak of it, in which order, and what they come to together."""

import pytest

from outgate.policy.model import Gate, Identity, Source
from outgate.policy.telemetry_model import (
    CustomTag,
    LogRule,
    LogSink,
    LogUse,
    MetricRule,
    SinkKind,
    TagKind,
    TagOverride,
    TelemetryPolicy,
    TelemetryRule,
    TraceRule,
)
from outgate.policy.telemetry_rules import METRICS, joined, telemetry_of
from outgate.problems import Where

GATE = Gate("out", "edge")
ONE, TWO, THREE = (LogSink(name, SinkKind.FILE, f"/logs/{name}") for name in ("one", "two", "three"))
SINKS = (ONE, TWO, THREE)
WEB = Identity(namespace="prod", labels=(("app", "web"), ("tier", "a")))


def logs(*sinks, **more):
    return LogRule(sinks, **more)


def rule(*said, kind="Telemetry", **who):
    """A document's rule: each of its parts goes where it belongs."""
    of = {LogRule: "logs", MetricRule: "metrics", TraceRule: "traces"}
    parts = {name: tuple(each for each in said if type(each) is one) for one, name in of.items()}
    return TelemetryRule(**parts, **who, source=Source(Where("t.yaml", 1, 1), kind, "it"))


def told(*rules, caller=WEB, gate=GATE, **more):
    return telemetry_of(TelemetryPolicy(SINKS, rules=rules, **more), gate, caller)


def written(*rules, caller=WEB, gate=GATE, **more):
    """Sink -> filters; None where documents say nothing."""
    found = told(*rules, caller=caller, gate=gate, **more).logs
    return None if found is None else {use.sink.name: use.filters for use in found}


def test_without_documents_the_gates_own_settings_hold():
    assert told() == telemetry_of(TelemetryPolicy(), GATE, Identity())
    assert told().logs is None
    assert told().metrics == ()
    assert told().trace == TraceRule()


@pytest.mark.parametrize(
    ("caller", "sinks"),
    [
        (WEB, {"three"}),
        (Identity(namespace="prod", labels=(("app", "api"),)), {"two"}),
        (Identity(namespace="dev", labels=(("app", "web"),)), {"one"}),
        (Identity(namespace="edge"), {"one"}),
    ],
)
def test_the_most_particular_rule_says_where_lines_go(caller, sinks):
    rules = (
        rule(logs("three"), namespace="prod", labels=(("app", "web"),)),
        rule(logs("one")),
        rule(logs("two"), namespace="prod"),
    )
    assert set(written(*rules, caller=caller)) == sinks


def test_a_caller_of_no_known_namespace_is_of_the_gates_own():
    assert set(written(rule(logs("one")), rule(logs("two"), namespace="edge"), caller=Identity())) == {"two"}


def test_of_equally_general_rules_the_first_counts_in_each_mesh():
    assert set(written(rule(logs("one")), rule(logs("two")))) == {"one"}
    assert set(written(rule(logs("one")), rule(logs("two"), kind="EgressTelemetry"))) == {"two"}


class TestLogs:
    def test_defaults_hold_where_no_rule_speaks_of_logs(self):
        assert written(default_sinks=("one",), fallback_sinks=("two",)) == {"one": ()}
        assert written(rule(TraceRule()), fallback_sinks=("two",)) == {"two": ()}

    def test_a_rule_without_sinks_is_about_those_before_it(self):
        assert written(rule(logs(disabled=True)), default_sinks=("one",)) == {}
        assert written(rule(logs("two")), rule(logs(disabled=True), namespace="prod"), default_sinks=("one",)) == {}
        assert written(rule(logs()), default_sinks=("one",)) == {"one": ()}

    def test_the_fallback_is_no_default(self):
        """As in Istio: a Telemetry that names no provider does not mean the mesh's file."""
        assert written(rule(logs(disabled=True)), fallback_sinks=("one",)) == {}
        assert written(rule(logs(filter="true")), fallback_sinks=("one",)) == {}

    def test_what_was_disabled_may_be_enabled_again(self):
        off, on = rule(logs("one", disabled=True)), rule(logs("one"), namespace="prod")
        assert written(off) == {}
        assert written(off, on) == {"one": ()}

    def test_a_sink_has_the_filter_that_it_was_last_named_with(self):
        broad, narrow = rule(logs("one", filter="a"), logs("two", filter="b")), rule(logs("one"), namespace="prod")
        assert written(broad) == {"one": ("a",), "two": ("b",)}
        assert written(broad, narrow) == {"one": ()}

    def test_a_filter_without_sinks_is_nobodys(self):
        assert written(rule(logs("one", filter="a")), rule(logs(filter="b"), namespace="prod")) == {"one": ("a",)}

    def test_one_sink_of_several_is_disabled(self):
        assert written(rule(logs("one", "two"), logs("two", disabled=True))) == {"one": ()}

    def test_the_name_of_no_sink_leads_nowhere(self):
        assert written(rule(logs("elsewhere"))) == {}


class TestGateway:
    """The gate stands for the caller's sidecar and for the egress gateway."""

    SELECTED = rule(logs("two", filter="b"), namespace="edge", labels=(("istio", "egressgateway"),), gate=True)

    def test_what_selects_the_gateway_holds_whoever_calls(self):
        for caller in (WEB, Identity(), Identity(namespace="edge")):
            assert written(self.SELECTED, caller=caller) == {"two": ("b",)}

    def test_both_hops_log(self):
        assert written(rule(logs("one")), self.SELECTED) == {"one": (), "two": ("b",)}
        assert written(self.SELECTED, fallback_sinks=("three",)) == {"three": (), "two": ("b",)}

    def test_what_both_hops_would_write_to_one_place_is_written_once(self):
        assert written(rule(logs("two", filter="a")), self.SELECTED) == {"two": ("a", "b")}
        assert written(rule(logs("two")), self.SELECTED) == {"two": ()}
        alike = LogSink("other", SinkKind.FILE, "/logs/two", source=Source(Where("x"), "MeshConfig", "m"))
        policy = TelemetryPolicy((*SINKS, alike), rules=(rule(logs("other", filter="a")), self.SELECTED))
        assert telemetry_of(policy, GATE, WEB).logs == (LogUse(alike, ("a", "b")),)

    def test_a_namespace_takes_back_its_own_lines_and_not_the_gateways(self):
        off = rule(logs(disabled=True), namespace="prod")
        assert written(rule(logs("one")), off) == {}
        assert written(rule(logs("one")), off, self.SELECTED) == {"two": ("b",)}

    def test_where_the_gate_is_only_a_gateway_there_is_one_hop(self):
        alone = Gate("out", "edge", collapses=False)
        off = rule(logs(disabled=True), namespace="edge", gate=True)
        assert written(rule(logs("one")), gate=alone) == {"one": ()}
        assert written(rule(logs("one")), off, gate=alone) == {}
        assert written(rule(logs("three"), namespace="prod"), self.SELECTED, gate=alone) == {"two": ("b",)}
        assert written(rule(logs("three"), namespace="prod"), gate=alone) == {"three": ()}

    def test_where_the_gate_is_only_a_sidecar_its_callers_are_of_its_namespace(self):
        beside = Gate("out", "prod", collapses=False)
        assert written(rule(logs("one")), rule(logs("three"), namespace="prod"), gate=beside) == {"three": ()}

    def test_it_has_the_last_word_on_metrics_and_traces(self):
        gateway = rule(
            MetricRule("REQUEST_COUNT", False),
            TraceRule(sampling=0.5),
            namespace="edge",
            labels=(("a", "b"),),
            gate=True,
        )
        mine = rule(MetricRule("REQUEST_COUNT", True), TraceRule(sampling=0.1, disabled=True), namespace="prod")
        found = told(gateway, mine)
        assert [said.disabled for said in found.metrics] == [False]
        assert (found.trace.sampling, found.trace.disabled) == (0.5, True)


class TestMetrics:
    def test_later_rules_are_laid_over_earlier_ones_tag_by_tag(self):
        first = MetricRule("REQUEST_COUNT", True, (TagOverride("a", "request.host"), TagOverride("b", "'x'")))
        second = MetricRule("REQUEST_COUNT", None, (TagOverride("a", None),))
        (found,) = told(rule(first), rule(second, namespace="prod")).metrics
        assert found.disabled is True
        assert found.tags == (TagOverride("a", None), TagOverride("b", "'x'"))

    def test_all_metrics_are_each_of_them(self):
        found = told(rule(MetricRule(disabled=True), MetricRule("REQUEST_SIZE", False))).metrics
        assert {said.metric: said.disabled for said in found} == dict.fromkeys(METRICS, True) | {"REQUEST_SIZE": False}


class TestTraces:
    TAGS = (CustomTag("a", TagKind.LITERAL, "b"),)

    def test_fields_are_inherited_one_by_one_and_tags_as_a_whole(self):
        wide = rule(TraceRule(sink="one", sampling=0.1, tags=self.TAGS, propagates=False))
        near = rule(TraceRule(sampling=0.0, tags=(CustomTag("c", TagKind.HEADER, "x-c"),)), namespace="prod")
        found = told(wide, near).trace
        assert (found.sink, found.sampling, found.propagates) == ("one", 0.0, False)
        assert [tag.name for tag in found.tags] == ["c"]

    def test_that_the_mesh_traces_nothing_holds_where_no_rule_speaks(self):
        off = TraceRule(sampling=0.2, disabled=True)
        assert told(default_trace=off).trace == off
        found = told(rule(TraceRule(sink="one")), default_trace=off).trace
        assert (found.disabled, found.sampling) == (None, 0.2)


def test_meshes_are_joined_in_their_order():
    one = TelemetryPolicy((ONE,), ("one",), rules=(rule(logs("one")),))
    two = TelemetryPolicy((TWO,), fallback_sinks=("two",), default_trace=TraceRule(sampling=1.0))
    both = joined([one, TelemetryPolicy(), two])
    assert (both.sinks, both.default_sinks, both.fallback_sinks) == ((ONE, TWO), ("one",), ("two",))
    assert both.default_trace == TraceRule(sampling=1.0)
    assert joined([TelemetryPolicy()]) == TelemetryPolicy()
