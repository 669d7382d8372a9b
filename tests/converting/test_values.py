"""How values of the model are spelt, and which of them no native kind can say."""

import pytest

from outgate.converting.values import Unwritable, caller, change, duration, given, named, of, text, text_match, when
from outgate.policy.access_model import Attribute, Condition
from outgate.policy.header_formats import header_value
from outgate.policy.model import Source
from outgate.policy.route_model import HeaderChange, NamedMatch, TextKind, TextMatch
from outgate.problems import Where

PRESENT = TextMatch(TextKind.PRESENT)
INNER, OUTER = (Source(Where("a.yaml", line), "Kind", "name") for line in (1, 2))


@pytest.mark.parametrize(("seconds", "said"), [(3, "3s"), (0.25, "250ms"), (0, "0s"), (0.1 + 0.2, "300ms")])
def test_a_duration_is_whole(seconds, said):
    assert duration(seconds) == said


def test_a_duration_that_is_finer_is_refused():
    with pytest.raises(Unwritable, match="finer than a millisecond") as raised:
        duration(0.0015)
    assert raised.value.hint == "use whole milliseconds"


def test_bytes_are_text_or_refused():
    assert text("é".encode()) == "é"
    with pytest.raises(Unwritable, match="no UTF-8"):
        text(b"\xff")


def test_what_says_nothing_is_left_out():
    assert given({"a": None, "b": "", "c": [], "d": {}, "e": False, "f": "x", "g": True}) == {"f": "x", "g": True}


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (PRESENT, {"present": True}),
        (TextMatch(TextKind.PRESENT, negated=True), {"present": False}),
        (TextMatch(TextKind.EXACT, "a"), {"exact": "a"}),
        (TextMatch(TextKind.PREFIX, "a", True, True), {"prefix": "a", "ignoreCase": True, "not": True}),
    ],
)
def test_a_test_of_a_text_is_one_way_to_compare(match, said):
    assert text_match(match) == said


def test_several_tests_of_one_name_are_a_list():
    tests = (NamedMatch("a", PRESENT), NamedMatch("b", PRESENT), NamedMatch("a", TextMatch(TextKind.EXACT, "x")))
    assert named(tests) == {"a": [{"present": True}, {"exact": "x"}], "b": {"present": True}}


def test_a_header_that_is_changed_twice_is_refused():
    assert change(HeaderChange(set=(("a", "b"),), remove=("c",))) == {"set": {"a": "b"}, "remove": ["c"]}
    with pytest.raises(Unwritable, match="a header is changed twice: a, a"):
        change(HeaderChange(add=(("a", "b"), ("a", "c"))))


def test_conditions_without_a_field_are_a_when():
    conditions = (
        Condition(Attribute.NAMESPACE, ("shop",)),
        Condition(Attribute.SOURCE_LABEL, ("web",), "app"),
        Condition(Attribute.NAMESPACE, ("dev",), negated=True),
        Condition(Attribute.PRINCIPAL, ("a",)),
    )
    assert caller(conditions) == {
        "namespaces": ["shop"],
        "labels": {"app": "web"},
        "when": when(conditions[2:]),
    }
    assert when(conditions[2:3]) == [{"attribute": "namespace", "values": ["dev"], "not": True}]


def test_what_is_unwritable_is_whose_it_is_nearest():
    with pytest.raises(Unwritable) as raised, of(OUTER), of(INNER):
        duration(0.0015)
    assert raised.value.source is INNER
    with pytest.raises(Unwritable) as raised, of(OUTER), of(None):
        duration(0.0015)
    assert raised.value.source is OUTER


@pytest.mark.parametrize("verb", ["set", "add"])
def test_a_header_that_is_made_of_the_request_cannot_be_written(verb):
    assert change(HeaderChange(**{verb: (("x", header_value("100%%")),)})) == {verb: {"x": "100%"}}
    with pytest.raises(Unwritable, match="x: a value that is made of each request"):
        change(HeaderChange(**{verb: (("x", header_value("%REQ(y)%")),)}))
