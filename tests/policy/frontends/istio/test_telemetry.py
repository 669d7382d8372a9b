"""Telemetry: who it is about, what it comes to, and what is refused."""

import textwrap

import pytest

from outgate.policy.telemetry_model import MetricRule, TagOverride, TelemetryRule, TraceRule
from policy.frontends.istio.istio_building import document, errors, loaded, refused, translate, warned

MESH = """
extensionProviders:
- {name: files, envoyFileAccessLog: {path: /logs/a}}
- {name: Otel, opentelemetry: {service: otel.example, port: 4317}}
- {name: jaeger, zipkin: {service: zipkin.example, port: 9411}}
- {name: als, envoyHttpAls: {service: als.example, port: 9000}}
"""
ROOT = "istio-system"
REFERENCE = "{kind: Gateway, group: gateway.networking.k8s.io, name: %s}"


def telemetry(spec, name="it", namespace="prod", version="v1"):
    return document("Telemetry", spec, name, namespace, version).replace("networking.istio.io", "telemetry.istio.io", 1)


def rules(*texts, strict=True, **gate):
    return loaded(*texts, strict=strict, **gate).telemetry.rules


def rule(spec, *more, strict=True, **gate):
    (made,) = rules(telemetry(spec), *more, strict=strict, **gate)
    return made


class TestWhom:
    @pytest.mark.parametrize(
        ("spec", "namespace", "expected"),
        [
            ("{}", ROOT, ("", (), False)),
            ("{}", "web", ("web", (), False)),
            ("{}", "prod", ("prod", (), True)),
            ("{selector: {matchLabels: {a: b, c: d}}}", "web", ("web", (("a", "b"), ("c", "d")), False)),
            ("{selector: {matchLabels: {a: b}}}", ROOT, (ROOT, (("a", "b"),), False)),
            ("{selector: {matchLabels: {istio: egressgateway}}}", ROOT, (ROOT, (("istio", "egressgateway"),), True)),
            ("{selector: {}}", "web", ("web", (), False)),
        ],
    )
    def test_it_is_about_a_namespace_labels_and_perhaps_the_gate(self, spec, namespace, expected):
        (made,) = rules(telemetry(spec, namespace=namespace))
        assert (made.namespace, made.labels, made.gate) == expected

    def test_the_gate_is_known_by_its_own_labels_in_its_own_namespace(self):
        spec, labels = "{selector: {matchLabels: {app: out}}}", (("app", "out"), ("x", "y"))
        assert rule(spec, labels=labels).gate is True
        (elsewhere,) = rules(telemetry(spec, namespace="web"), labels=labels)
        assert elsewhere.gate is False

    def test_a_gateways_labels_mean_the_gate_only_where_it_stands_for_one(self):
        spec = "{selector: {matchLabels: {istio: egressgateway}}}"
        assert rule(spec, collapses=False).gate is False

    def test_what_is_about_other_namespaces_is_not_a_mere_gateways(self):
        text = telemetry("{}", namespace="web")
        assert "is about other proxies than this gate" in warned(text, collapses=False)
        assert rules(text, collapses=False) == ()
        assert len(rules(telemetry("{}", namespace=ROOT), collapses=False)) == 1

    @pytest.mark.parametrize("field", ["targetRef: %s", "targetRefs: [%s]"])
    def test_a_gateway_may_be_named(self, field):
        made = rule(f"{{{field % REFERENCE % 'outgate'}}}")
        assert (made.namespace, made.gate) == ("prod", True)
        assert made.labels == (("gateway.networking.k8s.io/gateway-name", "outgate"),)

    def test_what_is_about_another_gateway_or_one_service_is_said(self):
        for reference in (REFERENCE % "other", "{kind: ServiceEntry, group: networking.istio.io, name: shop}"):
            text = telemetry(f"{{targetRef: {reference}}}")
            assert refused(text) == ["spec.targetRef"]
            assert "about none of this gate's callers" in warned(text, strict=False)
            assert rules(text, strict=False) == ()

    def test_the_namespace_of_a_gateway_that_routes_lead_through_is_the_gates(self):
        route = document(
            "VirtualService",
            "{hosts: [a.example], http: [{route: [{destination: {host: egressgateway.edge.svc.cluster.local}}]}]}",
        )
        found = translate(route, telemetry("{}", namespace="edge")).telemetry.rules
        assert [made.gate for made in found] == [True]

    def test_of_two_about_the_same_callers_the_first_counts_and_the_second_is_said(self):
        one, two = telemetry("{tracing: [{randomSamplingPercentage: 1}]}", "one"), telemetry("{}", "two")
        (made,) = rules(one, two)
        assert made.source.name == "one"
        assert "Telemetry prod/two is not applied: Telemetry prod/one" in warned(one, two)
        assert len(rules(one, telemetry("{selector: {matchLabels: {a: b}}}", "two"))) == 2


class TestLogs:
    def test_a_block_is_a_rule(self):
        spec = "{accessLogging: [{providers: [{name: FILES}], filter: {expression: response.code > 399}}]}"
        (said,) = rule(spec, MESH).logs
        assert (said.sinks, said.filter, said.disabled) == (("files",), "response.code > 399", False)
        assert said.source.field == "spec.accessLogging[0].filter.expression"

    def test_envoy_is_there_without_being_defined_and_in_the_meshs_own_form(self):
        found = loaded(telemetry("{accessLogging: [{providers: [{name: envoy}]}]}"), "accessLogFormat: '%PATH%'")
        (sink,) = found.telemetry.sinks
        assert (sink.name, sink.kind, sink.text) == ("envoy", "stdout", "%PATH%")

    def test_what_comes_in_is_left_out(self):
        blocks = "[{match: {mode: SERVER}, disabled: true}, {match: {mode: CLIENT}, providers: [{name: files}]}]"
        assert [said.sinks for said in rule(f"{{accessLogging: {blocks}}}", MESH).logs] == [("files",)]

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("fils", 'there is no provider "fils"; did you mean "files"?'),
            ("nowhere", "define it in extensionProviders"),
            ("als", '"als" is envoyHttpAls, where the gate sends no logs'),
            ("Otel", "refer to an envoyFileAccessLog or an envoyOtelAls"),
        ],
    )
    def test_lines_that_would_go_nowhere_are_refused_and_leniently_go_on_where_they_went(self, name, says):
        text = telemetry(f"{{accessLogging: [{{providers: [{{name: {name}}}]}}]}}")
        assert refused(text, MESH) == ["spec.accessLogging[0].providers[0].name"]
        assert says in warned(text, MESH, strict=False)
        assert rules(text, MESH, strict=False)[0].logs == ()

    def test_of_several_providers_those_that_are_there_are_kept(self):
        spec = "{accessLogging: [{providers: [{name: files}, {name: nowhere}]}]}"
        assert rule(spec, MESH, strict=False).logs[0].sinks == ("files",)

    def test_a_filter_without_providers_is_nobodys_as_in_istio(self):
        spec = "{accessLogging: [{filter: {expression: 'true'}}]}"
        assert rule(spec).logs[0].filter == ""
        assert "name the providers" in warned(telemetry(spec))


class TestMetrics:
    def made(self, override):
        return rule(f"{{metrics: [{{providers: [{{name: prometheus}}], overrides: [{override}]}}]}}").metrics

    def test_an_override_is_a_rule(self):
        tags = "{a: {value: request.host}, b: {operation: UPSERT, value: \"'x'\"}, c: {operation: REMOVE}}"
        (said,) = self.made(f"{{match: {{metric: REQUEST_SIZE}}, disabled: false, tagOverrides: {tags}}}")
        assert (said.metric, said.disabled) == ("REQUEST_SIZE", False)
        assert [(tag.tag, tag.value) for tag in said.tags] == [("a", "request.host"), ("b", "'x'"), ("c", None)]

    @pytest.mark.parametrize(
        ("override", "metrics"),
        [
            ("{disabled: true}", ["ALL_METRICS"]),
            ("{match: {mode: CLIENT}}", ["ALL_METRICS"]),
            ("{match: {mode: SERVER}}", []),
            ("{match: {customMetric: mine}}", []),
        ],
    )
    def test_which_metrics_it_is_about(self, override, metrics):
        assert [said.metric for said in self.made(override)] == metrics

    def test_what_is_for_another_backend_is_said(self):
        text = telemetry("{metrics: [{providers: [{name: files}], overrides: [{disabled: true}]}]}")
        assert refused(text, MESH) == ["spec.metrics[0].providers[0].name"]
        assert rules(text, MESH, strict=False)[0].metrics == ()

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ("request.hots", "did you mean request.host?"),
            ("request.url_path", "write a text in quotes"),
            ("'a' + 'b'", "is an expression"),
        ],
    )
    def test_an_expression_that_cannot_be_told_is_refused_and_leniently_left_out(self, value, says):
        text = telemetry(f'{{metrics: [{{overrides: [{{tagOverrides: {{a: {{value: "{value}"}}}}}}]}}]}}')
        assert refused(text) == ["spec.metrics[0].overrides[0].tagOverrides.a.value"]
        assert says in warned(text, strict=False)
        assert rules(text, strict=False)[0].metrics[0].tags == ()

    def test_a_label_that_kiali_needs_is_missed_aloud(self):
        spec = "{metrics: [{overrides: [{tagOverrides: {response_code: {operation: REMOVE}}}]}]}"
        assert "Kiali leaves out what has no response_code" in warned(telemetry(spec))


class TestTraces:
    def test_a_block_is_a_rule(self):
        spec = (
            "{tracing: [{providers: [{name: otel}], randomSamplingPercentage: 2.5, disableContextPropagation: true}]}"
        )
        (said,) = rule(spec, MESH).traces
        assert said == TraceRule(sink="Otel", sampling=0.025, propagates=False, source=said.source)
        (nothing,) = rule("{tracing: [{}]}").traces
        assert nothing == TraceRule(source=nothing.source)

    def test_spans_to_what_the_gate_does_not_speak_are_refused(self):
        text = telemetry("{tracing: [{providers: [{name: jaeger}]}]}")
        assert refused(text, MESH) == ["spec.tracing[0].providers[0].name"]
        assert "refer to an opentelemetry provider" in warned(text, MESH, strict=False)

    def test_more_than_one_is_warned_of_as_by_istio(self):
        assert "the later one's fields hold" in warned(telemetry("{tracing: [{}, {}]}"))
        two = telemetry("{tracing: [{providers: [{name: otel}, {name: Otel}]}]}")
        assert "spans go to one place" in warned(two, MESH)

    def test_what_comes_in_is_left_out(self):
        assert rule("{tracing: [{match: {mode: SERVER}, randomSamplingPercentage: 1}]}").traces == ()


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{acessLogging: []}", "spec.acessLogging"),
        ("{tracing: [{randomSamplingPercentage: 101}]}", "spec.tracing[0].randomSamplingPercentage"),
        ("{tracing: [{customTags: {a: {}}}]}", "spec.tracing[0].customTags.a"),
        ("{tracing: [{customTags: {a: {literal: {value: ''}}}}]}", "spec.tracing[0].customTags.a.literal.value"),
        ("{tracing: [{customTags: {a: {header: {}}}}]}", "spec.tracing[0].customTags.a.header.name"),
        ("{tracing: [{customTags: {a: {formatter: {value: 9%}}}}]}", "spec.tracing[0].customTags.a.formatter.value"),
        ("{tracing: [{customTags: {a: {literal: {value: b}, header: {name: c}}}}]}",
         "spec.tracing[0].customTags.a.header"),
        ("{tracing: [{providers: [{}]}]}", "spec.tracing[0].providers[0].name"),
        ("{accessLogging: [{match: {mode: BOTH}}]}", "spec.accessLogging[0].match.mode"),
        ("{metrics: [{overrides: [{match: {metric: REQUESTS}}]}]}", "spec.metrics[0].overrides[0].match.metric"),
        ("{metrics: [{overrides: [{match: {metric: REQUEST_SIZE, customMetric: a}}]}]}",
         "spec.metrics[0].overrides[0].match.customMetric"),
        ("{metrics: [{overrides: [{tagOverrides: {a: {}}}]}]}", "spec.metrics[0].overrides[0].tagOverrides.a.value"),
        ("{metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE, value: b}}}]}]}",
         "spec.metrics[0].overrides[0].tagOverrides.a.value"),
        ("{selector: {matchLabels: {a: b}}, targetRefs: []}", "spec.targetRefs"),
        ("{targetRef: {kind: Pod, name: a}}", "spec.targetRef.kind"),
    ],
)  # fmt: skip
def test_what_is_refused(spec, field):
    assert field in refused(telemetry(spec), strict=False)


def test_a_misspelt_field_names_the_likely_one_and_its_place():
    (problem,) = errors(translate(telemetry("{tracing: [{randomSamplingPercent: 1}]}")))
    assert problem.hint == 'did you mean "randomSamplingPercentage"?'
    assert problem.where.line == 5


@pytest.mark.parametrize(("version", "known"), [("v1", True), ("v1alpha1", True), ("v1beta1", False)])
def test_versions(version, known):
    assert (refused(telemetry("{}", version=version)) == []) is known


def test_an_egress_gateways_telemetry_as_it_is_usually_written():
    text = textwrap.dedent("""
        selector:
          matchLabels:
            istio: egressgateway
        accessLogging:
          - providers:
              - name: envoy
            filter:
              expression: "true"
        metrics:
          - providers:
              - name: prometheus
            overrides:
              - match:
                  metric: REQUEST_COUNT
                tagOverrides:
                  destination_service:
                    value: request.host
    """)
    (made,) = rules(telemetry(text, namespace=ROOT, version="v1alpha1"))
    (metric,) = made.metrics
    tag = TagOverride("destination_service", "request.host", metric.tags[0].source)
    assert metric == MetricRule("REQUEST_COUNT", tags=(tag,), source=metric.source)
    assert made == TelemetryRule(ROOT, (("istio", "egressgateway"),), True, made.logs, (metric,), (), made.source)
    assert [(said.sinks, said.filter) for said in made.logs] == [(("envoy",), "true")]
