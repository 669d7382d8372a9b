"""A document is checked against its shape: what is wrong is named with its path, place and likeliest meaning."""

from datetime import UTC, datetime

import pytest

from outgate.policy import schema
from outgate.policy.documents import parse
from outgate.policy.model import Fate
from outgate.policy.schema import Field, Fields, Reading
from outgate.problems import Severity


def read(shape, text, *, strict=True):
    """The value and the messages."""
    node = parse(f"v: {text}", "f.yaml")[0].root.child("v")
    reading = Reading("Kind", strict)
    return shape.read(node, "spec", reading), [problem.what for problem in reading.problems]


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        (schema.Text(), "abc", "abc"),
        (schema.Text(pattern="[a-z]+", maximum=3), "abc", "abc"),
        (schema.Integer(1, 9), "5", 5),
        (schema.Integer(), '"-5"', -5),
        (schema.Number(0, 1), "0.5", 0.5),
        (schema.Number(), "2", 2.0),
        (schema.Boolean(), "true", True),
        (schema.Choice(("A", "B")), "B", "B"),
        (schema.Choice(("Aa", "B"), fold=True), "aA", "Aa"),
        (schema.Duration(), "1.5s", 1.5),
        (schema.Duration(), "1h30m", 5400.0),
        (schema.Duration(), "1m1ms", 60.001),
        (schema.Timestamp(), "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (schema.Timestamp(), '"2026-01-31T12:00:00+02:00"', datetime(2026, 1, 31, 10, tzinfo=UTC)),
        (schema.Timestamp(), "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        (schema.Sequence(schema.Integer()), "[1, 2]", [1, 2]),
        (schema.Mapping(schema.Integer()), "{a: 1}", {"a": 1}),
    ],
)
def test_a_value_of_the_right_shape_is_read(shape, text, value):
    assert read(shape, text) == (value, [])


@pytest.mark.parametrize(
    ("shape", "text", "says"),
    [
        (schema.Text(), "5", "expected a string (quote it), found int '5'"),
        (schema.Text(), "true", "expected a string"),
        (schema.Text(empty=False), '""', "must not be empty"),
        (schema.Text(pattern="[a-z]+"), "A", '"A" is not valid'),
        (schema.Text(maximum=2), "abc", "at most 2"),
        (schema.Integer(1, 9), "10", "10 is out of range"),
        (schema.Integer(), "true", "expected a whole number"),
        (schema.Integer(), "'\u0661'", "expected a whole number"),
        (schema.Duration(), "'\u0661s'", "expected a duration"),
        (schema.Timestamp(), "'2026-01-31\u00c910Z'", "expected a time"),
        (schema.Timestamp(), "'2026-01-31_10:00'", "expected a time"),
        (schema.Integer(), "1.5", "expected a whole number"),
        (schema.Number(0, 1), "2", "2 is out of range"),
        (schema.Number(), "x", "expected a number"),
        (schema.Boolean(), "1", "expected true or false"),
        (schema.Choice(("ALLOW", "DENY")), "allow", '"allow" is not known'),
        (schema.Duration(), "5", "expected a duration"),
        (schema.Duration(), "0s", "too short"),
        (schema.Duration(), "1.0001ms", "finer than a millisecond"),
        (schema.Duration(), f"{'9' * 400}s", "too long"),
        (schema.Duration(), "1000000001s", "too long"),
        (schema.Number(), "1" + "0" * 400, "no number to count with"),
        (schema.Number(0, 1), ".nan", "no number to count with"),
        (schema.Number(), ".inf", "no number to count with"),
        (schema.Timestamp(), "tomorrow", "expected a time"),
        (schema.Timestamp(), '"0001-01-01T00:00:00+14:00"', "expected a time"),
        (schema.Timestamp(), '"9999-12-31T23:59:59-01:00"', "expected a time"),
        (schema.Sequence(schema.Integer()), "1", "expected a list"),
        (schema.Sequence(schema.Integer(), least=1), "[]", "at least 1"),
        (schema.Sequence(schema.Integer(), most=1), "[1, 2]", "at most 1"),
        (schema.Sequence(schema.Integer()), "[1, null]", "spec[1]: an empty list entry"),
        (schema.Mapping(schema.Integer()), "{a: x}", "spec.a: expected a whole number"),
    ],
)
def test_a_value_of_another_shape_is_named_with_its_path(shape, text, says):
    value, messages = read(shape, text)
    assert any(says in message for message in messages), messages
    assert value in (None, [], [1], [1, 2], {})


KIND = Fields(
    {
        "hosts": Field(schema.Sequence(schema.Text()), required=True),
        "workloadSelector": Field(schema.Anything(), fate=Fate.LATER, guards=True),
        "notes": Field(schema.Anything(), fate=Fate.LATER),
        "never": Field(schema.Anything(), fate=Fate.REJECTED, note="use hosts"),
    },
    snake=True,
)


def problems(text, *, strict=True):
    reading = Reading("Kind", strict)
    KIND.read(parse(text, "f.yaml")[0].root, "spec", reading)
    return reading


def test_an_unknown_key_is_an_error_with_the_likeliest_name_and_its_place():
    (problem,) = problems("hosts: [a]\nworkloadSelektor: {}\n").problems
    assert str(problem) == 'f.yaml:2:1: spec.workloadSelektor: unknown field; did you mean "workloadSelector"?'


def test_an_unknown_key_like_nothing_lists_what_is_known():
    (problem,) = problems("hosts: [a]\nzzz: 1\n").problems
    assert problem.hint == "known here: hosts, never, notes, workloadSelector"


def test_snake_case_is_taken_for_camel_case_where_a_kind_says_so():
    reading = problems("hosts: [a]\nworkload_selector: {}\n", strict=False)
    assert not reading.failed
    assert {report.path for report in reading.fields} == {"spec.hosts", "spec.workloadSelector"}


def test_a_field_in_both_spellings_is_an_error_at_the_second():
    found = problems("hosts: [a]\nworkloadSelector: {}\nworkload_selector: {}\n", strict=False).problems
    (problem,) = (one for one in found if one.severity is Severity.ERROR)
    assert str(problem) == 'f.yaml:3:1: spec.workload_selector: is given twice; keep "workloadSelector"'


@pytest.mark.parametrize("text", ["notes: x\n", "hosts: null\n"])
def test_a_required_field_must_be_there(text):
    assert any("spec.hosts: required value is missing" in problem.what for problem in problems(text).problems)


def test_strict_refuses_a_field_that_guards_and_is_not_yet_applied_and_lenient_warns():
    text = "hosts: [a]\nworkloadSelector: {}\n"
    assert [problem.severity for problem in problems(text).problems] == [Severity.ERROR]
    assert [problem.severity for problem in problems(text, strict=False).problems] == [Severity.WARNING]


def test_a_field_that_guards_nothing_is_a_warning_even_when_strict():
    assert [problem.severity for problem in problems("hosts: [a]\nnotes: x\n").problems] == [Severity.WARNING]


def test_a_rejected_field_is_an_error_with_what_to_write_instead():
    (problem,) = problems("hosts: [a]\nnever: x\n", strict=False).problems
    assert (problem.severity, problem.hint) == (Severity.ERROR, "use hosts")


def test_every_field_is_accounted_for():
    fates = {report.path: report.fate for report in problems("hosts: [a]\nnotes: x\nnever: y\n").fields}
    assert fates == {"spec.hosts": Fate.APPLIED, "spec.notes": Fate.LATER, "spec.never": Fate.REJECTED}


def test_a_record_knows_where_its_fields_stand():
    node = parse("hosts: [a]\nnotes: x\n", "f.yaml")[0].root
    record = KIND.read(node, "spec", Reading("Kind", strict=False))
    assert record.get("hosts") == ["a"]
    assert "never" not in record
    assert record.under("hosts") == "spec.hosts"
    assert record.at("notes").line == 2
    assert record.at("absent") == node.where
