"""A change made in a text: it means what it should, and all that it does not concern stays as it was written."""

from __future__ import annotations

import json
import textwrap

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outgate.injection.differences import same
from outgate.injection.splicing import rewritten
from outgate.injection.yaml_text import dump, load

KEYS = st.sampled_from(["a", "b", "key", "x.y/z", "on", "7"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 9)
    | st.sampled_from(["", "x", "two words", "# no comment", "a: b", "- c", "'\"", "two\nlines\n", "12", "~", "é"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(KEYS, inner, max_size=3)
        | st.lists(inner, max_size=3)
        | st.lists(
            st.fixed_dictionaries({"name": KEYS, "value": inner}), max_size=3, unique_by=lambda each: each["name"]
        )
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)
STYLES = [dump, json.dumps, lambda value: json.dumps(value, indent=2), lambda value: dump(value).replace("\n", "\r\n")]


@settings(max_examples=50)
@given(before=DOCUMENTS, after=DOCUMENTS, style=st.sampled_from(STYLES))
@example(before={"a": [None]}, after={"a": [{"name": "a", "value": None}]}, style=json.dumps)
@example(before={"a": None}, after={"b": None}, style=json.dumps)
@example(before={"a": []}, after={"a": [1]}, style=dump)
@example(before={"a": [{"name": "a", "value": 1}]}, after={"a": [{"name": "b"}, {"name": "a", "value": 2}]}, style=dump)
def test_whatever_changes_the_text_says_it(before, after, style):
    made, _ = rewritten(style(before), before, after)
    assert same(load(made), after)


@settings(max_examples=30)
@given(before=DOCUMENTS, more=DOCUMENTS, style=st.sampled_from(STYLES))
def test_what_is_put_in_is_taken_out_to_the_byte(before, more, style):
    text = f"# before\n{style(before)}"
    after = before | {f"new-{key}": value for key, value in more.items()}
    made, kept = rewritten(text, before, after)
    assert kept
    assert rewritten(made, after, before) == (text, True)


def spliced(text, change):
    text = textwrap.dedent(text)
    before, after = load(text), load(text)
    change(after)
    made, kept = rewritten(text, before, after)
    assert same(load(made), after)
    assert kept
    assert rewritten(made, after, before) == (text, True)
    return made


def test_comments_quotes_and_odd_indents_stay():
    made = spliced(
        """\
        # first
        a:   # of a
            - name: 'one'   # quoted
              value: "1"
            # of two
            - {name: two, value: 0x10}

        b: |
            # no comment

            text
        # last
        """,
        lambda value: value["a"].append({"name": "three"}) or value.update(c={"d": [1]}),
    )
    assert made == textwrap.dedent(
        """\
        # first
        a:   # of a
            - name: 'one'   # quoted
              value: "1"
            # of two
            - {name: two, value: 0x10}
            - name: three

        b: |
            # no comment

            text
        c:
          d:
          - 1
        # last
        """
    )


def test_items_before_all_others_come_below_the_key():
    made = spliced(
        """\
        list:  # why
        # of one
        - name: one
        """,
        lambda value: value["list"].insert(0, {"name": "zero"}),
    )
    assert made == "list:  # why\n- name: zero\n# of one\n- name: one\n"


def test_flow_style_stays_flow_style():
    made = spliced(
        "{a: [1, 2], b: {c: d}}  # end\n", lambda value: value["a"].insert(0, 0) or value["b"].update(e=["f"])
    )
    assert made == '{a: [0, 1, 2], b: {c: d, "e": ["f"]}}  # end\n'


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a: &x {b: 1}\nc: *x\n", lambda value: value["a"].update(d=2)),
        ("- {name: a}\n- {name: b}\n", lambda value: value.reverse()),
        ("? a\n: [{b: 1}]\n? c\n: &d\n  - 1\n", lambda value: value.update(c=[2, 3, 4])),
        ("a: text\n", lambda value: value.update(a="other")),
    ],
)
def test_where_the_text_cannot_be_followed_it_is_written_anew(text, change):
    before = load(text)
    after = json.loads(json.dumps(before))  # what an anchor names is one value in the one, and several in the other
    change(after)
    made, kept = rewritten(text, before, after)
    assert not kept
    assert same(load(made), after)


def test_the_mark_of_a_document_stays():
    assert rewritten("---\n- 2\n- 1\n", [2, 1], [1, 2]) == ("---\n- 1\n- 2\n", False)


def test_what_does_not_change_is_not_looked_at():
    assert rewritten("a: [", {"a": 1}, {"a": 1}) == ("a: [", True)
