"""Nothing that nobody else may see survives redaction, in any kind of exchange, and the rest stays what it was."""

import base64
import gzip
import html
import json
import re
import zlib
from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.exchanges import exchange, exchanges
from outgate.capture.record import record
from outgate.policy.redaction_model import (
    Carrier,
    KeepingPolicy,
    Matching,
    Mode,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.redact.exchange import Body
from outgate.redact.pipeline import Redactor
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from redact.kinds import KINDS
from redact.samples import sample

KEYS = Keys(b"0123456789abcdef", "export", "policy")
JSON = ((b"content-type", b"application/json"),)


def redactor(*redactions):
    return Redactor(KeepingPolicy(redactions), Replacer(KEYS), "policy")


def policy(*rules, **facts):
    return RedactionPolicy("test", rules=rules, **facts)


def rule(*selectors, strategy=Strategy.TOKEN, **facts):
    made = tuple(Selector(Carrier(carrier), expression) for carrier, expression in selectors)
    return RedactionRule(facts.pop("name", "rule"), made, replacement=Replacement(strategy), **facts)


def redact(document, *rules, kind="application/json", **facts):
    """The body of an answer, after the rules."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    answered = ((b"content-type", kind.encode()),)
    kept = redactor(policy(*rules, **facts)).redact(exchange(answer=content, answered=answered))
    return kept.exchange.response.body.content


def forms(text):
    """Everything that a text may look like; base64 at each place where it may begin."""
    raw = text.encode()
    yield from (raw, quote(text, safe="").encode(), raw.hex().encode(), html.escape(text).encode())
    for before in range(3):
        core = base64.b64encode(b"x" * before + raw)[4 if before else 0 : -4]
        yield from (core, core.translate(bytes.maketrans(b"+/", b"-_")))


def views(kept):
    """All that is kept, as it is written and as others would unpack it."""
    yield json.dumps(record(kept)).encode()
    found = kept.exchange
    contents = [message.body.content for message in (found.request, found.response) if message]
    for content in [*contents, *(message.content for message in found.messages)]:
        for view in (content, unquote_to_bytes(content)) if content else ():
            yield view
            at = view.find(b"\x1f\x8b\x08")
            while at >= 0:
                unpacker = zlib.decompressobj(31)
                yield unpacker.decompress(view[at:])
                at = view.find(b"\x1f\x8b\x08", at + 1)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_canary_survives_in_any_kind_of_exchange(kind, mode):
    kept = redactor(policy(mode=mode)).redact(kind.exchange)
    assert ("exchange", "failed") not in kept.manifest.dropped
    for view in views(kept):
        for canary in kind.canaries:
            assert not [form for form in forms(canary) if form in view], canary


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.exchange.response], ids=lambda kind: kind.name)
def test_every_body_that_is_kept_can_still_be_read(kind, mode):
    kept = redactor(policy(mode=mode)).redact(kind.exchange)
    body = kept.exchange.response.body
    assert body.decoded
    if body.content:
        kind.reads(body.content)
    else:
        assert kept.manifest.dropped or kind.name in ("empty", "socket")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.stays], ids=lambda kind: kind.name)
def test_what_is_no_secret_stays(kind):
    kept = redactor().redact(kind.exchange)
    for stays in kind.stays:
        assert stays in kept.exchange.response.body.content
    assert kept.exchange.request.target.endswith("&page=2")


@pytest.mark.parametrize("mode", Mode)
def test_what_passed_before_changes_nothing(mode):
    """Neither once it is known, nor where something is taken elsewhere that stands in what is known to be nobody's."""
    one = redactor(policy(mode=mode))
    echo = {"note": "Zq8vKp2mXw4n"}
    fields = ((b"x-seen", b"Zq8vKp2mXw4n"), (b"x-mail", b"ann@example.com"))
    plain = exchange(fields=fields, answer=json.dumps(echo).encode(), answered=JSON)
    told = exchange(fields=(*fields, (b"x-api-key", b"Zq8vKp2mXw4n")), answer=json.dumps(echo).encode(), answered=JSON)
    for each in [plain, told, *(kind.exchange for kind in KINDS), plain, told]:
        assert one.redact(each) == redactor(policy(mode=mode)).redact(each) == one.redact(each)


def test_there_are_enough_kinds():
    assert len(KINDS) >= 40


def test_a_body_in_which_nothing_is_found_is_the_same_to_the_byte():
    content = b'{ "n": 1.10, "e":1E5,"x":-0,\t"a":"\\u0041","a":"b" }\r\n'
    assert redact(content) == content


def test_json_in_whose_numbers_a_taken_value_stands_stays_json():
    content = b'{"password": 1764490500123, "seen": [1764490500123, "x1764490500123"], "n": 4}'
    made = json.loads(redact(content))
    assert made["password"] == made["seen"][0]
    assert made["password"].startswith("tok_")
    assert (made["seen"][1], made["n"]) == (f"x{made['password']}", 4)


@pytest.mark.parametrize("padding", ["", "x" * 400])
def test_the_secret_members_of_a_key_are_taken_and_a_schema_stays(padding):
    key = {"kty": "EC", "x": "f83OJ3D2xF1Bg8vu", "d": "jpsQnnGQmL4YBIff", "seen": padding}
    made = json.loads(redact({"data": key, "text": json.dumps(key), "password": {"type": "string", "format": "byte"}}))
    for each in (made["data"], json.loads(made["text"])):
        assert each == key | {"d": each["d"]}
        assert each["d"].startswith("tok_")
    assert made["password"] == {"type": "string", "format": "byte"}


def test_equal_values_have_equal_tokens_wherever_they_stand():
    secret = "Zq8vKp2mXw4n"
    made = exchange(
        f"https://api.example/?token={secret}",
        fields=((b"x-api-key", secret.encode()), (b"cookie", b"sid=" + secret.encode())),
        answer=json.dumps({"password": secret, "note": f"it was {secret}"}).encode(),
        answered=JSON,
    )
    kept = redactor().redact(made).exchange
    token = dict(kept.request.fields)[b"x-api-key"].decode()
    assert token.startswith("tok_")
    assert kept.request.target == f"/?token={token}"
    assert dict(kept.request.fields)[b"cookie"] == f"sid={token}".encode()
    assert json.loads(kept.response.body.content) == {"password": token, "note": f"it was {token}"}


@pytest.mark.parametrize(
    "echo",
    [
        lambda secret: secret,
        lambda secret: quote(secret, safe=""),
        lambda secret: re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
        lambda secret: json.dumps(secret)[1:-1],
        html.escape,
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(b"x" + secret.encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(b"xy" + secret.encode()).decode(),
    ],
)
def test_what_was_taken_in_one_place_survives_in_no_other(echo):
    secret = "p/q r+s&'t\"u<v>w~~??"
    made = exchange(
        answer=json.dumps({"password": secret}).encode(), answered=(*JSON, (b"x-echo", echo(secret).encode()))
    )
    kept = redactor().redact(made)
    value = dict(kept.exchange.response.fields)[b"x-echo"]
    assert echo(secret).encode()[4:-4] not in value
    assert [mark.where for mark in kept.manifest.marks if mark.where == "response.header.x-echo"]


def test_a_scheme_of_credentials_stays_and_a_login_stays_readable():
    login = base64.b64encode(b"ann:open sesame")
    made = exchange(fields=((b"authorization", b"Basic " + login), (b"proxy-authorization", b"Bearer abc.def.ghi")))
    fields = dict(redactor().redact(made).exchange.request.fields)
    scheme, _, token = fields[b"authorization"].partition(b" ")
    assert (scheme, base64.b64decode(token)[:4]) == (b"Basic", b"tok_")
    assert fields[b"proxy-authorization"].startswith(b"Bearer tok_")


def test_digests_of_what_has_changed_go():
    answered = (*JSON, (b"etag", b'"1"'), (b"content-md5", b"x"), (b"x-other", b"1"))
    changed = redactor().redact(exchange(answer=b'{"password": "open sesame"}', answered=answered))
    assert {name for name, _ in changed.exchange.response.fields} == {b"content-type", b"x-other"}
    same = redactor().redact(exchange(answer=b'{"n": 1}', answered=answered))
    assert same.exchange.response.fields == answered


@pytest.mark.parametrize(
    ("selector", "kind", "before", "after"),
    [
        (("jsonPath", "$.a.b"), "application/json", b'{"a": {"b": "x1", "c": "x2"}}', b'{"a": {"b": "-", "c": "x2"}}'),
        (("jsonPath", "$..b"), "application/json", b'[{"b": 5}, {"b": true}]', b'[{"b": "-"}, {"b": "-"}]'),
        (("jsonPath", "$.b"), "application/x-ndjson", b'{"b": "1"}\n{"b": "2"}\n', b'{"b": "-"}\n{"b": "-"}\n'),
        (("jsonPath", "$.a.b"), "application/json", b'{"a": "{\\"b\\": \\"xx\\"}"}', b'{"a": "{\\"b\\": \\"-\\"}"}'),
        (("xpath", "//b/@c"), "application/xml", b'<a><b c="1">2</b></a>', b'<a><b c="-">2</b></a>'),
        (("protobuf", "3.1"), "application/protobuf", b"\x1a\x04\x0a\x02hi\x0a\x02yo", b"\x1a\x03\x0a\x01-\x0a\x02yo"),
        (("key", "street name"), "application/json", b'{"streetName": "x"}', b'{"streetName": "-"}'),
        (("key", "owner"), "application/json", b'{"owner": {"x": "1", "y": 2}}', b'{"owner": {"x": "-", "y": 2}}'),
        (("field", "a"), "application/x-www-form-urlencoded", b"a=1&b=2", b"a=-&b=2"),
        (("body", ""), "application/json", b'{"a": 1}', b'"-"'),
        (("body", ""), "text/plain", b"all of it", b"-"),
    ],
)
def test_a_rule_takes_what_it_selects_and_no_more(selector, kind, before, after):
    constant = replace(rule(selector), replacement=Replacement(Strategy.CONSTANT, text="-"))
    assert redact(before, constant, kind=kind) == after


def test_a_rule_takes_headers_cookies_parameters_and_segments():
    rules = rule(("header", "X-Tenant"), ("cookie", "theme"), ("query", "q"), ("path", "/users/{id}/*"))
    made = exchange("https://api.example/users/ann/posts?q=cats&r=dogs", fields=((b"x-tenant", b"acme"),))
    kept = redactor(policy(replace(rules, replacement=Replacement(Strategy.CONSTANT, text="-")))).redact(made)
    assert kept.exchange.request.target == "/users/-/posts?q=-&r=dogs"
    assert dict(kept.exchange.request.fields)[b"x-tenant"] == b"-"
    assert [mark.where for mark in kept.manifest.marks] == [
        "request.path[1]",
        "request.query.q",
        "request.header.x-tenant",
    ]


def test_a_removed_header_goes_with_its_name():
    made = exchange(fields=((b"x-tenant", b"acme"), (b"x-other", b"1")))
    kept = redactor(policy(rule(("header", "x-tenant"), strategy=Strategy.REMOVE))).redact(made)
    assert [name for name, _ in kept.exchange.request.fields] == [b"host", b"x-other"]


def test_what_a_rule_keeps_stays_whatever_later_ones_say():
    keeps = rule(("key", "password"), strategy=Strategy.KEEP), rule(detectors=("email",), strategy=Strategy.KEEP)
    document = {"password": "open sesame", "note": "mail ann@corp.example", "secret": "open it all"}
    made = json.loads(redact(document, *keeps))
    assert (made["password"], made["note"]) == (document["password"], document["note"])
    assert made["secret"] != document["secret"]


def test_detectors_and_patterns_of_a_rule_with_places_look_only_there():
    own = rule(("key", "note"), patterns=("[0-9]{4}",), strategy=Strategy.CONSTANT)
    assert json.loads(redact({"note": "pin 1234", "other": "1234"}, own)) == {"note": "pin REDACTED", "other": "1234"}


def test_patterns_of_a_document_see_one_value_at_a_time():
    own = rule(patterns=("^ab.*$",), strategy=Strategy.CONSTANT)
    assert json.loads(redact({"x": "abc", "y": "xab", "z": "ab"}, own)) == {
        "x": "REDACTED",
        "y": "xab",
        "z": "REDACTED",
    }


def test_unknown_texts_become_tokens_where_only_what_is_allowed_stays():
    keeps = rule(("key", "status"), strategy=Strategy.KEEP)
    document = {"status": "active", "who": "ann", "n": 4, "ok": True, "no": None, "list": ["x", 1]}
    made = json.loads(redact(document, keeps, mode=Mode.ALLOW))
    assert (made["status"], made["n"], made["ok"], made["no"], made["list"][1]) == ("active", 4, True, None, 1)
    assert made["who"].startswith("tok_value_")
    assert made["list"][0].startswith("tok_value_")


def test_the_names_of_a_query_stay_and_its_texts_go_where_only_what_is_allowed_stays():
    document = {"query": 'query Q { user(name: "ann", first: 5) { id } }'}
    made = json.loads(redact(document, mode=Mode.ALLOW))["query"]
    assert made.startswith('query Q { user(name: "tok_value_')
    assert made.endswith(", first: 5) { id } }")


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (Body(b"{}", decoded=False, size=2), "application/json", "undecodable"),
        (Body(b"x" * 2_000_000, decoded=True, size=2_000_000), "text/plain", "too_large"),
        (Body(b'{"a": "b"', decoded=True, size=9), "application/json", "unreadable"),
        (Body(b"\1\0\0\0\2\1\2", decoded=True, size=7), "application/grpc", "unreadable"),
    ],
)
def test_a_body_that_nobody_can_look_into_is_dropped_and_said_to_be(body, kind, why):
    answered = ((b"content-type", kind.encode()), (b"content-encoding", b"br" if not body.decoded else b"identity"))
    kept = redactor().redact(exchange(answer=body, answered=answered))
    assert kept.exchange.response.body.content is None
    assert kept.exchange.response.body.missing == why
    assert kept.manifest.dropped == (("response.body", why),)


def test_what_lies_too_deep_is_taken_whole():
    text = "password=open sesame"
    for _ in range(7):
        text = base64.b64encode(text.encode()).decode()
    made = json.loads(redact({"a": text}))
    assert "b3BlbiBzZXNhbWU" not in json.dumps(made)
    assert text not in json.dumps(made)


def test_a_document_in_a_text_that_lies_too_deep_is_taken_whole():
    secret = "[" * 120 + '"open sesame"' + "]" * 120
    made = json.loads(redact({"a": secret}, mode=Mode.ALLOW))
    assert made["a"].startswith("tok_value_")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("text", ["<{}> wrote", "$x$v=19${}$m", "{}: x\n\n", "<{} a=1>"])
def test_a_text_that_only_looks_like_a_format_hides_nothing(text, mode):
    secret = sample("ghp_{w36}", text)
    assert secret.encode() not in redact(text.format(secret).encode(), kind="text/plain", mode=mode)


def test_only_the_documents_that_are_about_an_exchange_hold():
    matching = Matching(hosts=("other.example",))
    everything = rule(("body", ""), strategy=Strategy.CONSTANT)
    assert redact(b'{"a": 1}', everything, matching=matching) == b'{"a": 1}'
    assert redact(b'{"password": "open sesame"}', defaults=False) == b'{"password": "open sesame"}'


def test_a_bug_leaves_a_skeleton(monkeypatch):
    monkeypatch.setattr("outgate.redact.sides.Side.look", lambda self: 1 / 0)
    made = exchange("https://api.example/secret?token=abc", answer=b"secret", answered=JSON)
    kept = redactor().redact(made)
    assert "secret" not in repr(kept)
    assert kept.manifest.dropped == (("exchange", "failed"),)
    assert (kept.exchange.request.method, kept.exchange.response.status) == ("GET", 200)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(exchanges, st.sampled_from(Mode))
def test_no_exchange_makes_it_fail(made, mode):
    kept = redactor(policy(mode=mode)).redact(made)
    assert ("exchange", "failed") not in kept.manifest.dropped
    record(kept)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.sampled_from(
        ["application/json", "text/xml", "image/png", "multipart/form-data; boundary=x", "application/grpc", ""]
    ),
)
def test_a_secret_survives_in_no_bytes_whatever_stands_around_it(before, after, kind):
    secret = b"Zq8vKp2mXw4nR7tY"
    made = exchange(
        fields=((b"x-api-key", secret),), answer=before + secret + after, answered=((b"content-type", kind.encode()),)
    )
    assert secret not in (redactor().redact(made).exchange.response.body.content or b"")


def test_packed_parts_hold_nothing_that_was_taken_elsewhere():
    secret = b"Zq8vKp2mXw4nR7tY"
    content = b"--x\r\n\r\n" + gzip.compress(b"it is " + secret) + b"\r\n--x--\r\n"
    kind = ((b"content-type", b"multipart/mixed; boundary=x"),)
    kept = redactor().redact(exchange(fields=((b"x-api-key", secret),), answer=content, answered=kind))
    assert not [view for view in views(kept) if secret in view]
