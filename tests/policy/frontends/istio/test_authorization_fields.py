"""Every field of an AuthorizationPolicy comes to its condition, and what looks otherwise than it is gets told."""

import pytest

from outgate.policy.access_model import Action, Attribute, Condition
from outgate.policy.frontends.istio.authorization_fields import KEYS, OPERATIONS, SOURCES, SPEC, negation
from outgate.policy.model import Fate
from outgate.policy.schema import Fields, Sequence
from outgate.problems import Severity
from policy.frontends.istio.authz_building import of, one, operation, source, translated, when

VALUES = {
    Attribute.SOURCE_IP: ["10.0.0.0/8"],
    Attribute.REMOTE_IP: ["10.0.0.1"],
    Attribute.DESTINATION_IP: ["2001:db8::/32"],
    Attribute.PORT: ["443"],
    Attribute.SERVICE_ACCOUNT: ["dev/web"],
    Attribute.PATH: ["/a/{*}"],
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_a_condition_on_the_caller(name):
    attribute = SOURCES[name].attribute
    values = VALUES.get(attribute, ["x*"])
    for field, negated in ((name, False), (negation(name), True)):
        (rule,) = one(source(**{field: values})).rules
        assert rule.sources == ((Condition(attribute, tuple(values), "", negated),),)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_a_condition_on_what_is_tried(name):
    attribute = OPERATIONS[name].attribute
    values = VALUES.get(attribute, ["*x"])
    for field, negated in ((name, False), (negation(name), True)):
        (rule,) = one(operation(**{field: values})).rules
        assert rule.operations == ((Condition(attribute, tuple(values), "", negated),),)


@pytest.mark.parametrize(
    ("key", "attribute", "name"),
    [
        *((key, looked.attribute, looked.key) for key, looked in KEYS.items()),
        ("request.headers[X-Mode]", Attribute.HEADER, "x-mode"),
        ("request.headers[:authority]", Attribute.HEADER, ":authority"),
        ("request.auth.claims[iss]", Attribute.REQUEST_CLAIM, "iss"),
        ("request.auth.claims[a][b]", Attribute.REQUEST_CLAIM, "a.b"),
        ("experimental.envoy.filters.a.b[c]", Attribute.METADATA, "envoy.filters.a.b[c]"),
    ],
)
def test_a_when_is_a_condition_of_its_rule(key, attribute, name):
    values = VALUES.get(attribute, ["x"])
    (rule,) = one(when(key, values=values, notValues=values)).rules
    assert rule.conditions == (
        Condition(attribute, tuple(values), name),
        Condition(attribute, tuple(values), name, negated=True),
    )


def test_entries_and_rules_stay_apart_and_in_their_places():
    policy = translated(
        """\
        apiVersion: security.istio.io/v1beta1
        kind: AuthorizationPolicy
        metadata: {name: p, namespace: prod}
        spec:
          rules:
          - from:
            - source: {namespaces: [a], ipBlocks: [10.0.0.1]}
            - source: {namespaces: [b]}
            to:
            - operation: {ports: ["80"]}
          - {}
        """
    ).access[0]
    first, second = policy.rules
    assert [len(group) for group in first.sources] == [2, 1]
    assert (second.sources, second.operations, second.conditions) == ((), (), ())
    assert (first.source.where.line, first.source.field) == (6, "spec.rules[0]")
    assert (second.source.where.line, second.source.field) == (11, "spec.rules[1]")
    assert str(policy.source) == "AuthorizationPolicy prod/p (authz.yaml:1:1)"


def test_an_account_without_a_namespace_is_of_the_policys():
    (rule,) = one(source(serviceAccounts=["web", "dev/job"])).rules
    assert rule.sources[0][0].values == ("prod/web", "dev/job")


@pytest.mark.parametrize(("action", "expected"), [({}, Action.ALLOW), *(({"action": str(one)}, one) for one in Action)])
def test_the_action_is_allow_unless_it_is_named(action, expected):
    assert one({"rules": [{}]} | action).action is expected


@pytest.mark.parametrize("spec", [{}, {"rules": []}, None])
def test_an_allow_without_rules_is_there_and_allows_nothing(spec):
    policy = one(spec)
    assert (policy.action, policy.rules) == (Action.ALLOW, ())


@pytest.mark.parametrize(("value", "shadow"), [("true", True), ("false", False)])
def test_dry_run_makes_a_shadow(value, shadow):
    assert one({"rules": [{}]}, annotations={"istio.io/dry-run": value}).shadow is shadow


def test_snake_case_is_read_as_well():
    assert one(source(ip_blocks=["10.0.0.1"])) == one(source(ipBlocks=["10.0.0.1"]))


def test_every_field_that_is_applied_stands_in_a_test_of_this_file():
    fields = {path for path, field in leaves(SPEC) if field.fate in (Fate.APPLIED, Fate.APPROXIMATED)}
    tested = {f"rules.from.source.{name}" for name in (*SOURCES, *map(negation, SOURCES))}
    tested |= {f"rules.to.operation.{name}" for name in (*OPERATIONS, *map(negation, OPERATIONS))}
    tested |= {"action", "provider.name", "selector.matchLabels", "rules.when"}
    tested |= {
        f"{ref}.{name}" for ref in ("targetRef", "targetRefs") for name in ("kind", "group", "name", "namespace")
    }
    assert fields == tested


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (source(requestPrincipals=["x"]), "spec.rules[0].from[0].source.requestPrincipals"),
        (source(notRemoteIpBlocks=["10.0.0.1"]), "spec.rules[0].from[0].source.notRemoteIpBlocks"),
        (when("request.auth.audiences", values=["x"]), "spec.rules[0].when[0].values"),
        (when("destination.ip", notValues=["10.0.0.1"]), "spec.rules[0].when[0].notValues"),
    ],
)
def test_what_the_gate_reads_otherwise_than_istio_is_reported_as_approximated(spec, path):
    (report,) = [report for report in of(spec).fields if report.path == path]
    assert report.fate is Fate.APPROXIMATED
    assert report.note


def leaves(shape: object, path: str = ""):
    """The paths and fields of a shape that hold no further mapping."""
    for name, field in shape.fields.items():
        inner = field.shape.of if isinstance(field.shape, Sequence) else field.shape
        under = f"{path}.{name}" if path else name
        if isinstance(inner, Fields):
            yield from leaves(inner, under)
        else:
            yield under, field


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (source(principals=["*/ns/a/*"]), 'a "*" that stands for itself'),
        (operation(paths=["/a/*/b"]), 'a "*" that stands for itself'),
        (source(principals=["spiffe://td/ns/a/sa/b"]), 'read without "spiffe://"'),
        (source(principals=[], namespaces=["a"]), "an empty list restricts nothing"),
        ({"selector": {}}, "every workload is selected"),
    ],
)
def test_what_matches_otherwise_than_it_looks_is_told(spec, words):
    contribution = of(spec)
    (problem,) = contribution.problems
    assert problem.severity is Severity.WARNING
    assert words in problem.what
    assert len(contribution.access) == 1


@pytest.mark.parametrize("spec", [source(namespaces=["a-*-b"]), operation(paths=["/{*}/b"]), source(principals=["*"])])
def test_wildcards_that_mean_what_they_say_are_let_be(spec):
    assert of(spec).problems == []
