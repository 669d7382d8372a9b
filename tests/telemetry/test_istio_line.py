"""Whatever is written out says what the format says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ended import START, answered, denied, relayed
from outgate.policy.model import HeaderInjection, Traffic
from outgate.policy.telemetry_model import LogSink, SinkKind
from outgate.telemetry import defaults, formats, istio_line, renderers
from outgate.telemetry.event import Phases, Reached
from outgate.telemetry.showing import Showing
from outgate.telemetry.text import MAX_VALUE

SHOWING = Showing(hostname="gate-0", environment={})
WRITTEN, SAID = istio_line.renderer(SHOWING), formats.text(defaults.ISTIO, SHOWING)
LAST = answered().last
FIELDS = answered().request_fields
EVENTS = {
    "as it should be": answered(),
    "denied": denied(),
    "relayed": relayed(),
    "no answer": answered(status=0),
    "an error": answered(error_type="503", status=503),
    "a failure after the answer": answered(failure="upstream_reset: gone", error_type="connection_closed", flags="UC"),
    "the workload left": answered(flags="DC"),
    "an origin that was never reached": answered(reached=()),
    "an origin without an address": answered(reached=(Reached(None),)),
    "two tries": answered(reached=(replace(LAST, error_type="connection_refused"), LAST)),
    "no time of an answer": answered(reached=(replace(LAST, phases=Phases()),)),
    "a new connection": answered(reached=(replace(LAST, reused=False),)),
    "IPv6": answered(reached=(replace(LAST, address=("2001:db8::1", 443), local=("::1", 1)),), address="2001:db8::2"),
    "no local end": answered(reached=(replace(LAST, local=None),)),
    "a proxy client": answered(address=""),
    "nobody's address": answered(address="", listener=None),
    "a caller without an address": answered(caller=replace(answered().caller, address="")),
    "no decision": answered(decision=None, attempt=None),
    "what no document names": answered(decision=replace(answered().decision, destination=None)),
    "no name in TLS": answered(sni="", encrypted=False, protocol="HTTP/1.1"),
    "no host": answered(request_fields=()),
    "an empty host": answered(request_fields=((b"host", b""),)),
    "user information": answered(request_fields=((b"host", b"me@api.example"),)),
    "a pseudo header": answered(request_fields=((b":authority", b"a.example"), (b"host", b"b.example"))),
    "two of a name": answered(request_fields=(*FIELDS, (b"user-agent", b"other"), (b"HOST", b"other"))),
    "its own identifier": answered(request_fields=(*FIELDS, (b"X-Request-Id", b"mine"))),
    "an empty identifier": answered(request_fields=(*FIELDS, (b"x-request-id", b"")), request_id=""),
    "a credential": answered(request_fields=(*FIELDS[:1], (b"user-agent", b"Bearer canary"))),
    "a quotation mark": answered(request_fields=(*FIELDS[:1], (b"user-agent", b'"x" \\ \x1b'))),
    "half a character": answered(request_fields=(*FIELDS[:1], (b"user-agent", b"\xe9"))),
    "a long value": answered(request_fields=(*FIELDS[:1], (b"user-agent", b"a" * (MAX_VALUE + 5)))),
    "no path": answered(path="", method="", protocol=""),
    "an addon's code": answered(extra={"a": "b"}, code="quota"),
}
OTHER = replace(answered().decision.destination, key="d-2", hosts=("other.example",))
CHANGES = [
    ("method", "PUT"),
    ("path", "/other"),
    ("protocol", "HTTP/1.1"),
    ("caller_port", 1),
    ("caller", replace(answered().caller, address="10.0.0.8")),
    ("address", "192.0.2.2"),
    ("port", 8443),
    ("sni", "other.example"),
    ("attempt", replace(answered().attempt, host="other.example")),
    ("attempt", replace(answered().attempt, host=None)),
    ("attempt", replace(answered().attempt, port=8443)),
    ("decision", replace(answered().decision, destination=OTHER)),
    ("decision", replace(answered().decision, destination=replace(OTHER, hosts=("*",)))),
    ("decision", replace(answered().decision, traffic=Traffic.BLACKHOLE)),
    ("decision", replace(answered().decision, destination=replace(OTHER, headers=(HeaderInjection("user-agent"),)))),
    ("reached", (replace(LAST, address=("93.184.216.35", 443)),)),
    ("reached", (replace(LAST, local=("10.0.0.1", 50001)),)),
    ("request_fields", (*FIELDS[:1], (b"user-agent", b"other"))),
    ("request_fields", ((b"host", b"other.example"), *FIELDS[1:])),
    ("request_id", "4fd2-2"),
]
"""Of whatever is in a line, another."""


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_a_line_is_the_formats(event):
    assert WRITTEN(event) == SAID(event)


def test_what_goes_well_is_written_out():
    """Else all the rest compares a format to itself."""
    assert istio_line.Usual(SHOWING).line(answered()) == SAID(answered())


def test_what_is_kept_of_one_is_not_said_of_another():
    events = [*EVENTS.values(), *(answered(**{name: value}) for name, value in CHANGES)]
    for event in (*events, *reversed(events)):
        assert WRITTEN(event) == SAID(event)


def test_what_is_kept_is_bounded():
    usual = istio_line.Usual(SHOWING)
    for number in range(istio_line.KEPT + 10):
        fields = ((b"host", b"h" * number), (b"user-agent", b"a" * number))
        usual.line(answered(path="/" + "p" * number, request_fields=fields))
    for kept in (usual._heads, usual._agents, usual._ends):
        assert 0 < len(kept) <= istio_line.KEPT
    assert max(len(path) for _, path, _ in usual._heads) <= istio_line.LONGEST
    assert max(len(agent) for _, agent in usual._agents) <= istio_line.LONGEST
    assert max(len(host) for host, *_ in usual._ends) <= istio_line.LONGEST


NAMES = [b"host", b"Host", b"user-agent", b"User-Agent", b"x-forwarded-for", b"X-Request-Id", b":authority", b"accept"]
VALUES = st.one_of(st.sampled_from([b"", b"a", b"a@b", b"Bearer canary"]), st.binary(max_size=20))
TEXTS = st.one_of(st.sampled_from(["", "GET", "/a?token=x"]), st.text(max_size=20))


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6),
    TEXTS,
    TEXTS,
    TEXTS,
    st.integers(0, 999),
    st.floats(0, 1e6),
)
def test_any_line_is(fields, method, path, sni, status, duration):
    event = answered(request_fields=tuple(fields), method=method, path=path, sni=sni, status=status, duration=duration)
    assert WRITTEN(event) == SAID(event)


def test_a_sink_without_a_format_has_these():
    assert renderers.renderer(LogSink("a", SinkKind.STDOUT), SHOWING)(answered()) == SAID(answered())
    assert renderers.renderer(LogSink("a", SinkKind.STDOUT, text=defaults.ISTIO), SHOWING)(answered()) == SAID(
        answered()
    )
    omits = LogSink("a", SinkKind.STDOUT, omit_empty=True)
    assert renderers.renderer(omits, SHOWING)(denied()) == formats.text(defaults.ISTIO, SHOWING, omit_empty=True)(
        denied()
    )
    assert SAID(answered(started=START)).startswith("[2023-11-14T22:13:20.123Z] ")
