"""Whatever an event holds, it is one line in every format, and nobody's secrets are in it."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ended import ENDPOINT, KNOWN, answered, denied, relayed
from outgate.telemetry import defaults, formats, native
from outgate.telemetry.event import Reached
from outgate.telemetry.formats import FormatError
from outgate.telemetry.operators import OPERATORS
from outgate.telemetry.showing import Showing

SHOWING = Showing(hostname="gate-0", environment={})
EVERYTHING = {
    name: f"%{name}{'(X-H)' if operator.takes == 'X?Y' else ''}%"
    for name, operator in OPERATORS.items()
    if name not in ("COALESCE", "COMMON_DURATION", "DYNAMIC_METADATA", "ENVIRONMENT", "QUERY_PARAM")
} | {
    "facts": "%DYNAMIC_METADATA(outgate)%",
    "addons": "%DYNAMIC_METADATA(outgate.addons)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "agent": "%REQ(USER-AGENT)%",
    "query": "%QUERY_PARAM(q)%",
}


def text(form, event, **options):
    return formats.text(form, SHOWING, **options)(event)


def fields(wanted, event, *, typed=False, omit_empty=False):
    return json.loads(formats.json(wanted, SHOWING, typed=typed, omit_empty=omit_empty)(event))


# Text.


def test_envoys_default_reads_as_envoys():
    assert text(defaults.ENVOY, answered()) == (
        '[2023-11-14T22:13:20.123Z] "POST /v1?q=1&token=REDACTED HTTP/2" 200 - 10 20 70 40 '
        '"10.9.9.9" "curl/8" "4fd2-1" "api.example" "93.184.216.34:443"'
    )


def test_istios_default_reads_as_istios():
    assert text(defaults.ISTIO, answered()) == (
        '[2023-11-14T22:13:20.123Z] "POST /v1?q=1&token=REDACTED HTTP/2" 200 - via_upstream - "-" 10 20 70 40 '
        '"10.9.9.9" "curl/8" "4fd2-1" "api.example" "93.184.216.34:443" outbound|443||api.example '
        "10.0.0.1:50000 192.0.2.1:443 10.0.0.9:40000 api.example d-1"
    )


def test_istios_default_of_what_is_no_http():
    assert text(defaults.ISTIO, relayed()) == (
        '[2023-11-14T22:13:20.123Z] "- - -" 0 - - - "-" 1033 3490 2500 - "-" "-" "-" "-" '
        '"93.184.216.34:3306" outbound|3306||db.example 10.0.0.1:50001 192.0.2.3:3306 10.0.0.9:40002 - db-1'
    )


def test_istios_default_of_a_denial():
    assert '"GET / HTTP/1.1" 502 UAEX unregistered - "-" 0 80 1 - ' in text(defaults.ISTIO, denied())
    assert " BlackHoleCluster - 192.0.2.2:80 10.0.0.9:40001 - block_all" in text(defaults.ISTIO, denied())


def test_a_percent_sign_is_written_twice_and_a_length_cuts():
    assert text("100%% %REQ(USER-AGENT):4%|\t%RESP(X?CONTENT-TYPE)%\n", answered()) == "100% curl|\tapplication/grpc"


def test_what_is_not_set_is_a_dash_or_nothing():
    assert text("a %REQ(X-NONE)% b", answered()) == "a - b"
    assert text("a %REQ(X-NONE)% b", answered(), omit_empty=True) == "a  b"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%REQX(A)%", "column 1: %REQX% is no operator; did you mean REQ?"),
        ("a %METADATA(ROUTE:x)%", "column 3: %METADATA% is not supported"),
        ("50 % done", "column 4: a percent sign begins no operator; write %% for the sign itself"),
        ("%", "column 1: a percent sign begins no operator"),
        ("%protocol%", "column 1: %protocol% is not in capitals; write %PROTOCOL%"),
        ("x %PROTOCOL", "column 3: %PROTOCOL does not end; write %PROTOCOL%"),
        ("%REQ(A:3%", "column 1: %REQ does not end; write %REQ%, %REQ(ARGUMENT)%"),
        ("%PROTOCOL:3%", "column 1: %PROTOCOL% takes no length"),
    ],
)
def test_a_mistake_is_said_with_its_column(form, said):
    with pytest.raises(FormatError, match="^" + re.escape(said)):
        formats.text(form, SHOWING)


def test_a_line_may_go_over_several():
    line = formats.text("%REQ(:METHOD)%\n  %REQ(X-EVIL)% %RESPONSE_CODE%\n", SHOWING)
    event = answered(request_fields=((b":method", b"GET"), (b"x-evil", b"a\nb")))
    assert line(event).split("\n")[1] == "  a\\nb 200"


# JSON.


def test_json_is_of_texts():
    wanted = {"code": "%RESPONSE_CODE%", "none": "%REQ(X-NONE)%", "both": "%PROTOCOL% %RESPONSE_CODE%", "n": 1}
    assert fields(wanted, answered()) == {"code": "200", "none": "-", "both": "HTTP/2 200", "n": "1"}


def test_typed_json_keeps_numbers_and_null_where_an_operator_is_everything():
    wanted = {"code": "%RESPONSE_CODE%", "none": "%REQ(X-NONE)%", "both": "%PROTOCOL% %RESPONSE_CODE%", "n": 1}
    shown = {"code": 200, "none": None, "both": "HTTP/2 200", "n": 1}
    assert fields(wanted, answered(), typed=True) == shown
    assert fields({"t": "%START_TIME(%s)%"}, answered(), typed=True) == {"t": "1700000000"}
    assert fields({"m": "%DYNAMIC_METADATA(outgate.addons)%"}, answered(), typed=True) == {"m": {"team": "blue"}}


def test_objects_and_lists_nest_and_keep_their_order():
    wanted = {"b": {"x": "%RESPONSE_CODE%", "a": ["%PROTOCOL%", {"y": "z"}]}, "a": True}
    made = formats.json(wanted, SHOWING, typed=True)(answered())
    assert made == '{"b":{"x":200,"a":["HTTP/2",{"y":"z"}]},"a":true}'


def test_keys_without_a_value_are_left_out_where_asked():
    wanted = {"none": "%REQ(X-NONE)%", "code": "%RESPONSE_CODE%", "in": {"none": "%REQ(X-NONE)%"}}
    assert fields(wanted, answered(), typed=True, omit_empty=True) == {"code": 200, "in": {}}
    assert fields(wanted, answered(), omit_empty=True) == {"code": "200", "in": {}}


def test_a_mistake_names_its_key():
    with pytest.raises(FormatError, match=r"^a\.b\[1\]: column 2: %REQ% needs an argument"):
        formats.json({"a": {"b": ["x", " %REQ%"]}}, SHOWING, typed=False)
    with pytest.raises(FormatError, match=r"^a: bytes is no value"):
        formats.json({"a": b""}, SHOWING, typed=False)
    deep: object = "x"
    for _ in range(20):
        deep = {"d": deep}
    with pytest.raises(FormatError, match="write fewer"):
        formats.json({"d": deep}, SHOWING, typed=False)


def test_istios_json_has_every_key():
    assert fields(defaults.ISTIO_JSON, answered()).keys() == defaults.ISTIO_JSON.keys()


# Hostile values.

HOSTILE = (
    b'"}\n{"verdict": "allow"', b"\x1b[31mred", b"\r\nFORGED 200", b"\xc2\x9b31m", b"\xe2\x80\xaeevil",
    b"a\xe2\x80\xa8b", b"\xff\xfe", b'" 200 - "', b"\\", b"\x00\x7f", b"%REQ(AUTHORIZATION)%",
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_header_stays_inside_its_quotation_on_one_line(value):
    event = answered(request_fields=((b"user-agent", value),))
    line = text('"%REQ(USER-AGENT)%" end', event)
    assert line.isprintable()
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*" end', line)
    said = fields({"agent": "%REQ(USER-AGENT)%"}, event)["agent"]
    assert said.isprintable()


words = st.one_of(
    st.text(max_size=20), st.sampled_from([value.decode("utf-8", "surrogateescape") for value in HOSTILE])
)
headers = st.lists(
    st.tuples(st.sampled_from([b"x-h", b"User-Agent", b"host", b"grpc-status"]), st.binary()), max_size=4
)
addresses = st.one_of(st.none(), st.tuples(words, st.integers(0, 65535)))


@st.composite
def events(draw):
    """Events in which everything that a workload or an origin chooses is anything."""
    event = draw(st.sampled_from([answered, denied, relayed]))()
    caller = replace(event.caller, address=draw(words), namespace=draw(words))
    attempt = draw(st.one_of(st.none(), words.map(lambda host: replace(event.attempt, host=host))))
    last = Reached(
        draw(addresses), draw(addresses), protocol=draw(words), ended=draw(st.floats(0, 4e9)), endpoint=ENDPOINT
    )
    decision = draw(st.sampled_from([event.decision, None, replace(event.decision, reason="x")]))
    return replace(
        event,
        caller=caller,
        attempt=attempt,
        decision=decision,
        started=draw(st.floats(0, 4e9)),
        duration=draw(st.floats(0, 1e6)),
        reason=draw(words),
        failure=draw(words),
        error_type=draw(words),
        address=draw(words),
        sni=draw(words),
        method=draw(words),
        path=draw(words),
        protocol=draw(words),
        request_fields=tuple(draw(headers)),
        response_fields=tuple(draw(headers)),
        trailer_fields=tuple(draw(headers)),
        status=draw(st.integers(0, 999)),
        flags=draw(words),
        request_id=draw(words),
        extra=draw(st.dictionaries(words, words, max_size=2)),
        name=draw(words),
        help=draw(words),
        reached=draw(st.sampled_from([(), (last,), event.reached])),
        request_end=draw(st.one_of(st.none(), st.floats(0, 1e6))),
    )


ALL_TEXT = " ".join(EVERYTHING.values())
RENDERERS = {
    "istio": formats.text(defaults.ISTIO, SHOWING),
    "envoy": formats.text(defaults.ENVOY, SHOWING),
    "everything": formats.text(ALL_TEXT, SHOWING),
    "everything without dashes": formats.text(ALL_TEXT, SHOWING, omit_empty=True),
}
OBJECTS = {
    "istio": formats.json(defaults.ISTIO_JSON, SHOWING, typed=False),
    "everything": formats.json(EVERYTHING, SHOWING, typed=False),
    "typed": formats.json(EVERYTHING, SHOWING, typed=True),
    "typed without null": formats.json(EVERYTHING, SHOWING, typed=True, omit_empty=True),
    "native": lambda event: native.render(event)[:-1].decode(),
}


@settings(deadline=None, max_examples=150)
@given(events())
def test_any_event_is_one_line_in_every_format(event):
    for name, render in RENDERERS.items():
        line = render(event)
        assert line.isprintable(), name
    for name, render in OBJECTS.items():
        line = render(event)
        assert line.isprintable(), name
        assert isinstance(json.loads(line), dict), name


CANARY = "c4n4ry"


def test_no_secret_of_a_request_is_in_any_line():
    secrets = (
        (b"authorization", b"Bearer c4n4ry"), (b"proxy-authorization", b"Basic c4n4ry"), (b"cookie", b"a=c4n4ry"),
        (b"x-api-key", b"c4n4ry"), (b"x-auth-token", b"c4n4ry"), (b"referer", b"https://u:c4n4ry@h/p?token=c4n4ry"),
        (b"x-h", b"bearer c4n4ry"), (b"set-cookie", b"sid=c4n4ry"), (b"location", b"/next?code=c4n4ry"),
    )  # fmt: skip
    event = answered(
        path=f"/v1?token={CANARY}&next=https://u:{CANARY}@a/",
        request_fields=secrets,
        response_fields=secrets,
        trailer_fields=secrets,
    )
    names = {name.decode() for name, _ in secrets}
    named = " ".join(f"%{operator}({name})%" for operator in ("REQ", "RESP", "TRAILER") for name in names)
    coalesced = "".join('%COALESCE({"operators": [{"command": "REQ", "param": "' + name + '"}]})%' for name in names)
    for form in (named, coalesced, ALL_TEXT, defaults.ISTIO, defaults.ENVOY, "%QUERY_PARAM(token)%"):
        assert CANARY not in text(form, event)
    for render in OBJECTS.values():
        assert CANARY not in render(event)
    assert "REDACTED" in text(named, event)


def test_a_place_with_labels_of_its_own_is_shown_as_it_is_registered():
    assert KNOWN.hosts == ("api.example",)
    line = json.loads(native.render(relayed()))
    assert (line["host"], line["endpoint"], line["endpoint_labels"]) == (
        "db.example",
        "93.184.216.34:3306",
        "version=v1,zone=a",
    )
