"""What is removed goes with its name, where the format can be without it; the rest is the same to the byte."""

import json
from email import message_from_bytes
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchanges import exchange
from outgate.capture.match import Matcher
from outgate.policy.redaction_model import Strategy
from redact.test_pipeline import policy, redact, redactor, rule

GONE = ("key", "gone")
JSON, FORM, XML = "application/json", "application/x-www-form-urlencoded", "application/xml"
PARTS = "multipart/form-data; boundary=b"


def part(name, content, more=""):
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{content}\r\n'


def removed(body, kind, selector=GONE):
    return redact(body.encode(), rule(selector, strategy=Strategy.REMOVE), kind=kind, defaults=False).decode()


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (JSON, '{"a": 1, "gone": "x"}', '{"a": 1}'),
        (JSON, '{"gone": "x", "a": 1}', '{"a": 1}'),
        (JSON, '{"gone" : "x" }', "{ }"),
        (JSON, '{"a": 1,\n "gone": 5,\n "b": [2]}', '{"a": 1,\n "b": [2]}'),
        (JSON, '{"gone": "x", "gone": "y", "a": 1, "gone": 3}', '{"a": 1}'),
        (JSON, '{"a": {"gone": "\\"q\\\\"}, "b": 1}', '{"a": {}, "b": 1}'),
        (JSON, '{"go\\u006ee": "x", "\\"": 1}', '{"\\"": 1}'),
        (JSON, '{"gone": ["x", "y"], "a": 1}', '{"gone": ["", ""], "a": 1}'),
        (JSON, '{"a": "{\\"gone\\": \\"x\\", \\"b\\": 1}"}', '{"a": "{\\"b\\": 1}"}'),
        ("application/x-ndjson", '{"gone": "x"}\n{"a": 1, "gone": "y"}\n', '{}\n{"a": 1}\n'),
        (FORM, "a=1&gone=x&b=2", "a=1&b=2"),
        (FORM, "gone=x&a=1&gone=y&gone=z", "a=1"),
        (FORM, "gone=x", ""),
        (XML, "<a><gone>x</gone><b>y</b></a>", "<a><b>y</b></a>"),
        (XML, '<a><b gone="x" c="d"/></a>', '<a><b c="d"/></a>'),
        (XML, "<a><gone c='d'> <![CDATA[x]]>\n</gone >z</a>", "<a>z</a>"),
        (XML, '<a><gone gone="y">x</gone></a>', "<a></a>"),
        (XML, "<a><gone>x<b/>y</gone></a>", "<a><gone><b/></gone></a>"),
        (XML, "<gone>x</gone>", "<gone></gone>"),
        (PARTS, f"{part('gone', 'x')}{part('a', '1')}--b--\r\n", f"{part('a', '1')}--b--\r\n"),
        (PARTS, f"{part('a', '1')}{part('gone', 'x', '; filename=y')}--b--\r\n", f"{part('a', '1')}--b--\r\n"),
        (PARTS, f"{part('gone', '')}{part('gone', 'x')}--b--", "--b--"),
        ("text/csv", "gone,a\nx,1\n", "gone,a\n,1\n"),
    ],
)
def test_it_goes_with_its_name(kind, before, after):
    selector = ("part", "gone") if kind is PARTS else GONE
    assert removed(before, kind, selector) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/a?gone=x&b=1", "/a?b=1"),
        ("/a?b=1&gone=x&gone=y&c", "/a?b=1&c"),
        ("/a&b?gone=x", "/a&b"),
        ("/a?gone=x?y&b=1", "/a?b=1"),
        ("/a?b=1#gone=x", "/a?b=1"),
        ("/a?b=/c?gone=x&d=1", "/a?b=/c&d=1"),
    ],
)
def test_a_parameter_goes_with_its_name(before, after):
    kept = redactor(policy(rule(GONE, strategy=Strategy.REMOVE), defaults=False)).redact(
        exchange(f"https://api.example{before}")
    )
    assert kept.exchange.request.target == after


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, '{"gone": "x"}'),
        (JSON, '{"a": {"gone": "x"}, "b": 1}'),
        (FORM, "gone=x"),
        (FORM, "a=1&gone=x"),
        (XML, "<a><gone>x</gone><b gone='y'/></a>"),
        (PARTS, f"{part('gone', 'x')}{part('a', '1')}--b--\r\n"),
        (PARTS, f"{part('gone', 'x')}--b--\r\n"),
    ],
)
def test_a_replay_finds_what_a_client_sends_with_it(kind, body):
    asked = exchange("https://api.example/a?gone=x", "POST", body.encode(), fields=[(b"content-type", kind.encode())])
    kept = redactor(policy(rule(GONE, ("part", "gone"), strategy=Strategy.REMOVE))).redact(asked)
    assert b"gone=x" not in kept.exchange.request.body.content
    matcher = Matcher()
    matcher.add(kept.exchange, kept.manifest)
    assert matcher.find(asked.request) is matcher.entries[0]


def test_a_rule_for_a_path_takes_a_member_and_no_other():
    selector = ("jsonPath", "$.a[*].gone")
    assert removed('{"gone": 1, "a": [{"gone": 2, "b": 3}, {"gone": 4}]}', JSON, selector) == (
        '{"gone": 1, "a": [{"b": 3}, {}]}'
    )


def test_what_else_was_to_change_in_it_goes_with_it():
    body = json.dumps({"gone": "mail ann@corp.example", "ann@corp.example": "x", "a": "bob@corp.example"})
    rules = rule(GONE, strategy=Strategy.REMOVE), rule(("jsonPath", "$['ann@corp.example']"), strategy=Strategy.REMOVE)
    made = json.loads(redact(body.encode(), *rules))
    assert made.keys() == {"a"}
    assert "bob" not in made["a"]


names = st.sampled_from(["a", "b", "gone"])
values = st.text(max_size=5) | st.integers(0, 99) | st.booleans()


objects = st.recursive(
    st.dictionaries(names, values, max_size=3), lambda inner: st.dictionaries(names, values | inner, max_size=3)
)


@settings(max_examples=60, deadline=None)
@given(objects)
def test_any_document_is_one_afterwards_and_has_the_rest(document):
    made = removed(json.dumps(document, indent=1), JSON, ("jsonPath", "$..gone"))
    assert json.loads(made) == rest(document, inside=False)


def rest(found, *, inside):
    """Objects stay where they were."""
    return {
        name: rest(value, inside=inside or name == "gone") if isinstance(value, dict) else value
        for name, value in found.items()
        if isinstance(value, dict) or not (inside or name == "gone")
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, st.text("xyz&=?#%/\n", max_size=5)), max_size=6))
def test_any_form_and_any_parts_are_one_afterwards(pairs):
    stays = [pair for pair in pairs if pair[0] != "gone"]
    assert parse_qsl(removed(urlencode(pairs), FORM), keep_blank_values=True) == stays
    body = "".join(part(name, value.replace("\n", "")) for name, value in pairs) + "--b--\r\n"
    if pairs:
        made = removed(body, PARTS, ("part", "gone"))
        found = message_from_bytes(f"Content-Type: {PARTS}\r\n\r\n{made}".encode())
        assert made.count("--b\r\n") == len(stays)
        assert not stays or len(found.get_payload()) == len(stays)


trees = st.recursive(
    st.just("x"), lambda inner: st.lists(st.tuples(names, inner), min_size=1, max_size=4), max_leaves=8
)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_any_xml_is_one_afterwards(tree):
    made = ElementTree.fromstring(removed(f"<r>{written(tree)}</r>", XML))
    assert not [each for each in made.iter() if "gone" in each.attrib or (each.tag == "gone" and each.text)]
    assert elements(made) == outside(tree)


def elements(node):
    return sum(1 + elements(each) for each in node if each.tag != "gone")


def outside(tree):
    return sum(1 + outside(inner) for name, inner in tree if name != "gone") if tree != "x" else 0


def written(tree):
    if tree == "x":
        return tree
    return "".join(f'<{name} gone="1" k="2">{written(inner)}</{name}>' for name, inner in tree)
