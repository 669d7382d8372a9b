"""What is not gone into would have stayed as it was: with a glance and without, the same comes out."""

import base64
import json
import sys
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchanges import exchange
from outgate.policy.redaction_model import (
    Carrier,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.redact import glance
from outgate.redact.codecs import nested
from outgate.redact.codecs.json_cut import is_escaped
from outgate.redact.detect.patterns import DETECTORS
from outgate.redact.pipeline import Redactor
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from redact.samples import sample

KEYS = Keys(b"0123456789abcdef", "export", "policy")
JSON = ((b"content-type", b"application/json"),)
NAMES = (
    *("id", "title", "state", "owner", "login", "email", "password", "api_key", "card_number", "address", "name"),
    *("value", "key", "query", "url", "mobile", "user-1234567", "jane@example.com", "tags", "location", "auth"),
)
TOKEN = sample("ghp_{w36}")
CLAIMS = base64.urlsafe_b64encode(json.dumps({"email": "a@b.example", "sub": TOKEN}).encode()).decode().rstrip("=")
TEXTS = (
    *("open", "lorem ipsum dolor sit amet", "2026-11-30T08:15:00Z", "x" * 40, "a=b", "50%", "%41%42", "C:\\temp", "é"),
    *(
        "3f2a77c4-9b1e-4c55-8d2e-0a1b2c3d4e5f",
        sample("{h40}"),
        sample("{w32}"),
        TOKEN,
        f"at {TOKEN}\n",
        "{",
        "[]",
        "<b>",
    ),
    *("jane@example.com", "4111 1111 1111 1111", "+49 30 901820", "12 Example Street", "030 901820", "X-Api-Key"),
    *(
        "https://a.example/v1/items/7?page=2&limit=5",
        "https://a.example/7?token=abcdef123",
        "https://a.example/7?page2=3",
        "https://a.example/?q=a%20b",
    ),
    *(
        f"https://a.example/{TOKEN}",
        "https://u:hunter22x@a.example/",
        "https://a.example/4111111111111111",
        "/a?b=c&d=e",
    ),
    *(f'{{"password": "{TOKEN}"}}', f"eyJhbGciOiJIUzI1NiJ9.{CLAIMS}.c2ln", "a=1&token=abcdefgh", "password=tiger-77"),
    *(
        base64.b64encode(b"mail jane@example.com now").decode(),
        'query { a(token: "abcdefgh") }',
        "see https://a.example/.",
    ),
)
NUMBERS = (1, 2.5, 4111111111111111, -4111111111111111, 1764490500123, 0.8474337369372327, True, None, 4915112345678)
VALUES = st.recursive(
    st.sampled_from([*TEXTS, *NUMBERS]) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=30,
)
KEPT = RedactionRule("keep", detectors=("email",), replacement=Replacement(Strategy.KEEP))
OWN = RedactionRule("own", patterns=("^op.n$", "[0-9]{13}"), replacement=Replacement(Strategy.CONSTANT))
POLICIES = ((), (RedactionPolicy("kept", rules=(KEPT, OWN)),))


def redacted(body, policies, least):
    """What comes of an answer, in which so few bytes are all looked at."""
    made = exchange(answer=body, answered=JSON, fields=((b"x-api-key", b"Zq8vKp2mXw4n"),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glance, "LEAST", least)
        return Redactor(KeepingPolicy(policies), Replacer(KEYS)).redact(made)


def same(body, policies):
    quick, slow = (redacted(body, policies, least) for least in (0, 1 << 30))
    assert quick.exchange.response.body == slow.exchange.response.body
    told = [{mark for mark in each.manifest.marks if mark.rule != "found-elsewhere"} for each in (quick, slow)]
    assert told[0] == told[1]
    assert quick.manifest.dropped == slow.manifest.dropped
    return slow


@pytest.mark.parametrize("policies", POLICIES, ids=("defaults", "own"))
@settings(max_examples=60, deadline=None)
@given(
    document=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_a_glance_changes_nothing(policies, document, ascii_only, indent):
    same(json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode(), policies)


@pytest.mark.parametrize("policies", POLICIES, ids=("defaults", "own"))
def test_no_value_under_any_name_is_overlooked(policies):
    document = [{name: value} for name, value in product(NAMES, [*TEXTS, *NUMBERS])]
    document += [{name: [value, {"n": [value]}]} for name, value in product(NAMES, [*TEXTS, *NUMBERS])]
    assert same(json.dumps(document).encode(), policies).manifest.marks


@pytest.mark.parametrize("text", TEXTS)
def test_no_value_is_overlooked_where_the_document_is_told(text):
    document = [{name: text} for name in NAMES] + [{name: [text, {"n": [text, 1.5]}]} for name in NAMES]
    same(json.dumps(document, ensure_ascii=False).encode(), ())


def test_what_each_detector_looks_for_is_seen():
    document = [{"n": sample(each.example)} for each in DETECTORS]
    document += [{"u": f"https://a.example/x/{sample(each.example)}"} for each in DETECTORS]
    assert len(same(json.dumps(document).encode(), ()).manifest.marks) > len(DETECTORS)


@pytest.mark.parametrize("key", ["path", "query"])
def test_a_rule_for_what_parts_of_urls_are_called_takes_them(key):
    rule = RedactionRule("parts", (Selector(Carrier.KEY, key),), replacement=Replacement(Strategy.TOKEN))
    body = json.dumps([{"link": "https://a.example/v1/items?page=first"}] * 9).encode()
    assert same(body, (RedactionPolicy("parts", rules=(rule,)),)).manifest.marks


def test_a_number_with_a_point_under_the_name_of_a_telephone_is_seen():
    assert same(b'{"mobile": 30.901820, "pad": "' + b"x" * 300 + b'"}', ()).manifest.marks


@given(st.text("0123456789abcdef", min_size=20, max_size=60) | st.text("0123456789abcdef -.", max_size=60))
def test_in_what_are_bytes_nothing_is_encoded(text):
    if glance.BYTES.fullmatch(text):
        assert list(nested.inside(text)) == []


def test_bytes_are_left_out_and_nothing_else():
    uuid, digest, words = "3f2a77c4-9b1e-4c55-8d2e-0a1b2c3d4e5f", sample("{h40}"), "lorem ipsum dolor sit"
    others = [f"{uuid}0", f"{digest}g", f"{'0' * 40}-", f"x{digest}", words, digest.upper()]
    assert glance.no_bytes([uuid, *others, digest]) == others
    assert glance.no_bytes([]) == []


@given(st.text('abAB09+/_-=%&:?.{<[ \\"\n', max_size=40) | st.text(max_size=40) | st.sampled_from(TEXTS))
def test_in_what_is_plain_nothing_is_encoded(text):
    if not glance.suspects([text]) and not is_escaped(json.dumps(text)[1:-1]):
        assert list(nested.inside(text)) == []


@given(st.from_regex(glance.URL, fullmatch=True) | st.text(max_size=40), st.integers(0, 9))
def test_to_what_is_a_plain_url_all_digits_are_alike(text, digit):
    other = "".join(str(digit) if each in "0123456789" else each for each in text)
    assert bool(glance.URL.fullmatch(text)) is bool(glance.URL.fullmatch(other))


@given(st.from_regex(glance.URL, fullmatch=True))
def test_what_is_a_plain_url_is_that_and_nothing_else(text):
    assert [(each.start, each.end, each.encoding) for each in nested.inside(text)] in ([(0, len(text), "url")], [])


def test_what_stands_twice_under_a_key_is_seen():
    same(b'{"a": {"password": "Zq8vKp2mXw4n7"}, "a": {"token": "Zq8vKp2mXw4n7"}, "a": 1}', ())


def steps(body):
    """Lines of Python that its redaction takes, whatever the machine does meanwhile."""
    made, count = exchange(answer=body, answered=JSON), 0
    redactor = Redactor(KeepingPolicy(), Replacer(KEYS))
    redactor.redact(made)

    def line(frame, event, argument):
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        redactor.redact(made)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "record",
    [
        lambda number: {"id": number, "title": "lorem ipsum", "tags": ["a", "b"]},
        lambda number: {"email": f"u{number}@example.com", "url": f"https://a.example/{number}?page=2"},
        lambda number: {"password": [f"tiger-{number:09}"], "n": 1764490000000 + number, f"k-{number}": "\n"},
        lambda number: {"name": "X-Token", "value": f"tiger-{number}", "u": f"https://a.example/{TOKEN}/{number}"},
        lambda number: [[[[number]]], {"key": ["x"] * 9}],
    ],
    ids=("plain", "personal", "secret", "pairs", "nested"),
)
def test_steps_grow_with_the_document_and_no_faster(record):
    few, many = (steps(json.dumps([record(number) for number in range(count)]).encode()) for count in (50, 400))
    assert many < 9 * few
