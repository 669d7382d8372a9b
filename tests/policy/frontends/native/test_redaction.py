"""`EgressRedaction`: every field changes what is compiled, and fields that contradict each other are refused."""

import pytest

from outgate.policy import compile as compilation
from outgate.policy.frontends import Setting
from outgate.policy.plain import plain_policy
from outgate.policy.redaction_model import (
    Action,
    Carrier,
    Direction,
    Format,
    Inline,
    Matching,
    Mode,
    Opaque,
    RedactionPolicy,
    Replacement,
    Selector,
    Split,
    Strategy,
)
from outgate.problems import PolicyError, Problem, Severity
from policy.building import DEFAULTS, documents, policy, problems

HEAD = "---\napiVersion: outgate.dev/v1alpha1\nkind: EgressRedaction\nmetadata: {name: %s, namespace: prod}\nspec: "
MODE = DEFAULTS + "{mode: REGISTRY_ONLY}\n"


def text(*specs):
    return MODE + "".join(f"{HEAD % f'r{number}'}{spec}\n" for number, spec in enumerate(specs))


def made(spec):
    (found,) = policy(text(spec)).keeping.redactions
    return found


def rule(fields):
    return made(f"{{rules: [{{name: n, {fields}}}]}}").rules[0]


def found(*specs, severity=Severity.ERROR):
    return {problem.field: str(problem) for problem in problems(text(*specs)) if problem.severity is severity}


def test_what_is_not_said_is_as_the_model_has_it():
    redaction = made("{rules: [{name: n, detect: card}]}")
    assert redaction == RedactionPolicy("EgressRedaction/prod/r0", rules=redaction.rules, source=redaction.source)
    assert redaction.source.name == "r0"
    (only,) = redaction.rules
    assert (only.replacement, only.direction, only.selectors, only.patterns) == (Replacement(), Direction.BOTH, (), ())
    assert (only.source.where.line, only.source.field) == (9, "spec.rules[0]")


def test_every_field_of_a_document():
    match = "{hosts: [API.a.example, '*.b.example'], methods: [GET], paths: [/v1/*, /x], mediaTypes: [text/*]}"
    redaction = made(f"{{match: {match}, mode: allow, defaults: false, maxBody: 64Ki}}")
    assert redaction.matching == Matching(("api.a.example", "*.b.example"), ("GET",), ("/v1/*", "/x"), ("text/*",))
    assert (redaction.mode, redaction.defaults, redaction.max_body) == (Mode.ALLOW, False, 65536)


def test_what_is_done_to_live_messages():
    rules = "rules: [{name: n, detect: card}]"
    assert made(f"{{{rules}}}").inline is None
    assert made(f"{{{rules}, inline: {{action: block}}}}").inline == Inline(Action.BLOCK)
    said = "{action: MASK, direction: response, maxBody: 64Ki, opaque: SCAN, split: PASS, forceSigned: true}"
    assert made(f"{{{rules}, inline: {said}}}").inline == Inline(
        Action.MASK, Direction.RESPONSE, 65536, Opaque.SCAN, Split.PASS, force_signed=True
    )


def test_documents_keep_their_order():
    keeping = policy(text("{mode: allow}", "{maxBody: 1}")).keeping
    assert [each.name for each in keeping.redactions] == ["EgressRedaction/prod/r0", "EgressRedaction/prod/r1"]


@pytest.mark.parametrize("carrier", [carrier for carrier in Carrier if carrier is not Carrier.BODY])
def test_what_a_rule_selects(carrier):
    assert rule(f"select: {{{carrier}: a}}").selectors == (Selector(carrier, "a"),)
    several = rule(f"select: {{{carrier}: [b, a], body: true}}").selectors
    assert several == (Selector(carrier, "b"), Selector(carrier, "a"), Selector(Carrier.BODY))
    assert several[0].source.field == f"spec.rules[0].select.{carrier}"


def test_what_a_rule_finds():
    found = rule("detect: [card, pii, card], patterns: 'E-[0-9]+', direction: response")
    assert (found.detectors, found.patterns, found.direction) == (("card", "pii"), ("E-[0-9]+",), Direction.RESPONSE)
    assert rule("detect: pii").detectors == ("pii",)


@pytest.mark.parametrize(
    ("written", "replacement"),
    [
        ("remove", Replacement(Strategy.REMOVE)),
        ("KEEP", Replacement(Strategy.KEEP)),
        ("{strategy: token}", Replacement(Strategy.TOKEN)),
        ("{strategy: HASH}", Replacement(Strategy.HASH)),
        ("{strategy: constant, text: ''}", Replacement(Strategy.CONSTANT, "")),
        ("{strategy: mask, keep: 4}", Replacement(Strategy.MASK, keep=4)),
        ("{strategy: format, format: IBAN}", Replacement(Strategy.FORMAT, format=Format.IBAN)),
        ("format", Replacement(Strategy.FORMAT)),
    ],
)
def test_what_becomes_of_a_value(written, replacement):
    assert rule(f"detect: card, replace: {written}").replacement == replacement


@pytest.mark.parametrize(
    ("spec", "field", "says"),
    [
        ("{}", "spec", "give rules, mode, defaults or maxBody"),
        ("{match: {hosts: [a.example]}}", "spec", "says nothing"),
        ("{rules: []}", "spec.rules", "at least 1"),
        ("{rules: [{detect: card}]}", "spec.rules[0].name", "required"),
        ("{rules: [{name: n}]}", "spec.rules[0]", "give select, detect or patterns"),
        ("{rules: [{name: n, detect: card}, {name: n, detect: iban}]}", "spec.rules[1].name", '"n" is there twice'),
        ("{rules: [{name: n, select: {}}]}", "spec.rules[0].select", "selects nothing; give one of header, cookie"),
        ("{rules: [{name: n, select: {body: false}}]}", "spec.rules[0].select.body", "write true"),
        ("{rules: [{name: n, select: {header: }}]}", "spec.rules[0].select.header", "fill it in"),
        ("{rules: [{name: n, select: {header: []}}]}", "spec.rules[0].select.header", "at least 1"),
        ("{rules: [{name: n, select: {jsonpath: $.a}}]}", "spec.rules[0].select.jsonpath", 'did you mean "jsonPath"?'),
        ("{rules: [{name: n, patterns: '(a'}]}", "spec.rules[0].patterns[0]", "is not an RE2 expression: missing )"),
        ("{rules: [{name: n, patterns: ['(?=a)']}]}", "spec.rules[0].patterns[0]", "RE2 has no look-around"),
        ("{rules: [{name: n, patterns: 'a*'}]}", "spec.rules[0].patterns[0]", "matches where nothing is"),
        ("{rules: [{name: n, detect: card, replace: hide}]}", "spec.rules[0].replace", '"hide" is not known'),
        ("{rules: [{name: n, detect: card, replace: {}}]}", "spec.rules[0].replace.strategy", "required"),
        (
            "{rules: [{name: n, detect: card, replace: {strategy: mask, text: x}}]}",
            "spec.rules[0].replace.text",
            "means nothing with strategy mask; remove it, or write strategy: constant",
        ),
        (
            "{rules: [{name: n, detect: card, replace: {strategy: token, keep: 1}}]}",
            "spec.rules[0].replace.keep",
            "write strategy: mask",
        ),
        (
            "{rules: [{name: n, detect: card, replace: {strategy: token, format: card}}]}",
            "spec.rules[0].replace.format",
            "write strategy: format",
        ),
        (
            '{rules: [{name: n, detect: card, replace: {strategy: constant, text: "a\\nb"}}]}',
            "spec.rules[0].replace.text",
            "no control characters",
        ),
        ("{match: {hosts: [a_b]}, mode: allow}", "spec.match.hosts[0]", "underscores"),
        ("{match: {hosts: []}, mode: allow}", "spec.match.hosts", "at least 1"),
        ("{match: {hosts: }, mode: allow}", "spec.match.hosts", "fill it in"),
        ("{match: {methods: [get]}, mode: allow}", "spec.match.methods[0]", "such as GET"),
        ("{match: {paths: [v1]}, mode: allow}", "spec.match.paths[0]", "write an exact path"),
        ("{match: {paths: ['/a*b']}, mode: allow}", "spec.match.paths[0]", "its beginning"),
        ("{match: {paths: ['/a?b']}, mode: allow}", "spec.match.paths[0]", "the query is no part"),
        ("{match: {mediaTypes: [json]}, mode: allow}", "spec.match.mediaTypes[0]", "write application/json"),
        ("{match: {mediaTypes: ['a/b; c=d']}, mode: allow}", "spec.match.mediaTypes[0]", "without parameters"),
        ("{inline: {action: MASK}}", "spec.inline", "changes nothing without rules"),
        ("{rules: [{name: n, detect: card}], inline: {}}", "spec.inline.action", "required"),
        ("{rules: [{name: n, detect: card}], inline: {action: HIDE}}", "spec.inline.action", '"HIDE" is not known'),
        (
            "{rules: [{name: n, detect: card}], inline: {action: MASK, maxBody: 65Mi}}",
            "spec.inline.maxBody",
            "is out of range",
        ),
        (
            "{rules: [{name: n, detect: card}], mode: ALLOW, inline: {action: MASK}}",
            "spec.mode",
            "would replace every text of live messages",
        ),
        (
            "{match: {mediaTypes: [text/*]}, rules: [{name: n, detect: card}], inline: {action: MASK}}",
            "spec.match.mediaTypes",
            "could be said to escape inline",
        ),
        (
            "{rules: [{name: n, detect: card}], inline: {action: BLOCK, forceSigned: true}}",
            "spec.inline.forceSigned",
            "write action: MASK",
        ),
        ("{mode: ALLOW, maxBody: 1Ti}", "spec.maxBody", "is no size"),
        ("{mode: ALLOW, maxBody: 2Gi}", "spec.maxBody", "is out of range"),
    ],
)
def test_what_is_wrong_is_said(spec, field, says):
    assert says in found(spec)[field]


def test_that_credentials_are_kept_is_said_loudly():
    assert "CREDENTIALS ARE KEPT" in found("{defaults: false}", severity=Severity.WARNING)["spec.defaults"]


def test_what_redaction_itself_finds_stands_with_the_rest():
    def faults(keeping):
        (selector,) = keeping.redactions[0].rules[0].selectors
        yield Problem(selector.source.where, f"{selector.expression} is none", "write another")

    given = documents(text("{rules: [{name: n, select: {xpath: '///'}}]}"))
    with pytest.raises(PolicyError, match=r"policy.yaml:9:\d+: /// is none; write another"):
        compilation.compile(given, Setting(redaction_faults=faults))


def test_it_is_shown_and_another_generation():
    one, other = policy(text("{mode: allow}")), policy(text("{mode: detect}"))
    assert one.generation != other.generation
    assert plain_policy(one)["keeping"]["redactions"][0]["mode"] == "allow"
