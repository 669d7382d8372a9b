"""Each caller's lines go where documents say, in the format that they say, and nowhere else."""

import json
import os
import socket
import time
from dataclasses import replace

import pytest

from ended import CALLER, SOURCE, answered, denied, relayed
from outgate.policy.model import Gate, Identity
from outgate.policy.telemetry_model import (
    CustomTag,
    Encoding,
    LogRule,
    LogSink,
    SinkKind,
    TagKind,
    TelemetryPolicy,
    TelemetryRule,
    TraceRule,
)
from outgate.policy.telemetry_rules import telemetry_of
from outgate.telemetry import native
from outgate.telemetry.accesslogs import AccessLogs, Outlets, problems
from outgate.telemetry.showing import Showing
from outgate.telemetry.sinks import StreamSink
from outgate.telemetry.urls import Redaction

LIMIT = 10.0
CODE = "%RESPONSE_CODE%"
OUT = LogSink("out", SinkKind.STDOUT, text=CODE)
OTEL = LogSink("otel", SinkKind.OTLP, text=CODE, labels=(("host", "%REQ(:AUTHORITY)%"),))


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


NOTHING = TelemetryPolicy()


def saying(policy):
    return lambda caller: telemetry_of(policy, Gate(), caller)


def follow(logs, policy):
    logs.follow(policy, saying(policy))


class Output:
    """Standard output and the gate's own lines, and what was exported."""

    def __init__(self):
        self.reading, writing = os.pipe()
        self.stream = os.fdopen(writing, "wb", buffering=0)
        self.sink = StreamSink(self.stream)
        self.records = []
        self.targets = []
        self.outlets = Outlets(self.export)

    def export(self, target):
        self.targets.append(target)
        return lambda line, size: self.records.append(line)

    def logs(self, policy=NOTHING, **options):
        return AccessLogs(self.sink, policy, saying(policy), self.outlets, Showing(environment={}), **options)

    def lines(self):
        self.sink.close()
        self.stream.close()
        with os.fdopen(self.reading, "rb") as reading:
            return reading.read().decode().splitlines()


@pytest.fixture
def output():
    return Output()


def rule(*logs, namespace="", labels=()):
    return TelemetryRule(namespace, labels, logs=tuple(logs))


def tag(form):
    return CustomTag("t", TagKind.FORMAT, form)


# Choosing.


def test_without_documents_the_gates_own_line_is_written(output):
    logs = output.logs()
    logs.observe(answered())
    logs.close()
    assert output.lines() == [native.render(answered()).decode().rstrip()]


def test_the_gates_own_line_shows_paths_as_every_output_does(output):
    showing = Showing(Redaction(secrets=frozenset({"sesame"})), environment={})
    to = LogSink("own", SinkKind.STDOUT, encoding=Encoding.NATIVE)
    facts = LogSink("facts", SinkKind.STDOUT, text="%DYNAMIC_METADATA(outgate)% %DYNAMIC_METADATA(outgate:path)%")
    logs = AccessLogs(output.sink, showing=showing)
    for policy in (NOTHING, TelemetryPolicy((to, facts), ("own", "facts"))):
        follow(logs, policy)
        logs.observe(answered(path="/a;sesame=canary"))
    logs.close()
    lines = output.lines()
    assert ["/a;sesame=REDACTED" in line and "canary" not in line for line in lines] == [True] * 3


def test_a_default_sink_stands_in_for_the_gates_own_line(output):
    logs = output.logs(TelemetryPolicy((OUT,), ("out",)))
    logs.observe(answered())
    logs.close()
    assert output.lines() == ["200"]


def test_the_gates_own_line_may_be_unwanted(output):
    logs = output.logs(own=False)
    logs.observe(answered())
    follow(logs, TelemetryPolicy((OUT,), ("out",)))
    logs.observe(answered())
    logs.close()
    assert output.lines() == ["200"]


def test_only_callers_that_a_rule_selects_are_logged_by_it(output):
    policy = TelemetryPolicy((OUT, OTEL), ("out",), rules=(rule(LogRule(("otel",)), labels=(("app", "web"),)),))
    logs = output.logs(policy)
    logs.observe(answered())
    logs.observe(denied(caller=replace(CALLER, labels=())))
    logs.close()
    assert output.lines() == ["502"]
    [record] = output.records
    assert (record.body, record.attributes) == ("200", {"host": "api.example"})
    assert (record.trace_id, record.span_id, record.sampled) == (0xAB, 0xCD, True)
    assert output.targets == [""]


def test_a_filter_leaves_lines_out(output):
    logs = output.logs(TelemetryPolicy((OUT,), ("out",), rules=(rule(LogRule(("out",), "response.code >= 400")),)))
    logs.observe(answered())
    logs.observe(denied())
    logs.close()
    assert output.lines() == ["502"]


def test_what_any_of_several_filters_lets_through_is_written(output):
    policy = TelemetryPolicy(
        (OUT,),
        (),
        rules=(
            rule(LogRule(("out",), "response.code == 200"), namespace="prod"),
            TelemetryRule(gate=True, logs=(LogRule(("out",), "response.code == 502"),), namespace="gate"),
        ),
    )
    logs = output.logs(policy)
    logs.observe(answered())
    logs.observe(denied())
    logs.observe(answered(status=404))
    logs.close()
    assert output.lines() == ["200", "502"]


def test_sinks_are_chosen_once_for_a_caller(output):
    policy, asked = TelemetryPolicy((OUT,), ("out",)), []
    logs = output.logs()
    logs.follow(policy, lambda caller: asked.append(caller.namespace) or saying(policy)(caller))
    for _ in range(3):
        logs.observe(answered())
        logs.observe(answered(caller=Identity("dev")))
    logs.close()
    assert asked == ["prod", "dev"]
    assert len(output.lines()) == 6


def test_callers_that_are_remembered_are_bounded(output, monkeypatch):
    monkeypatch.setattr("outgate.telemetry.accesslogs.MOST_CALLERS", 3)
    logs = output.logs(TelemetryPolicy((OUT,), ("out",)))
    for number in range(20):
        logs.observe(answered(caller=Identity(str(number))))
        assert len(logs._plan.ways) <= 3
    logs.close()
    assert len(output.lines()) == 20


# Writing.


def test_every_kind_of_sink_gets_its_lines(output, tmp_path):
    file = LogSink("file", SinkKind.FILE, str(tmp_path / "a.log"), Encoding.JSON, fields={"code": CODE})
    own = LogSink("own", SinkKind.FILE, str(tmp_path / "own.log"), Encoding.NATIVE)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        tcp = LogSink(
            "tcp", SinkKind.TCP, f"127.0.0.1:{listening.getsockname()[1]}", Encoding.TYPED_JSON, fields={"code": CODE}
        )
        policy = TelemetryPolicy((OUT, OTEL, file, own, tcp), ("out", "otel", "file", "own", "tcp"))
        logs = output.logs(policy)
        logs.observe(answered())
        logs.observe(relayed())
        listening.settimeout(LIMIT)
        connection, _ = listening.accept()
        logs.close(LIMIT)
        with connection, connection.makefile("rb") as received:
            assert [json.loads(line) for line in received] == [{"code": 200}, {"code": 0}]
    assert (tmp_path / "a.log").read_text() == '{"code":"200"}\n{"code":"0"}\n'
    assert (tmp_path / "own.log").read_bytes() == native.render(answered()) + native.render(relayed())
    assert [record.body for record in output.records] == ["200", "0"]
    assert output.lines() == ["200", "0"]
    assert logs.dropped == 0


def test_two_sinks_with_one_file_share_its_writer(output, tmp_path):
    one = LogSink("one", SinkKind.FILE, str(tmp_path / "a.log"), text=CODE)
    logs = output.logs(TelemetryPolicy((one, replace(one, name="two", text="2")), ("one", "two")))
    logs.observe(answered())
    assert len(logs._plan.outs) == 1
    logs.close()
    output.lines()
    assert (tmp_path / "a.log").read_text() == "200\n2\n"


def test_a_file_that_is_standard_output_is_standard_output(output):
    logs = output.logs(TelemetryPolicy((LogSink("out", SinkKind.FILE, "/dev/stdout", text=CODE),), ("out",)))
    logs.observe(answered())
    logs.close()
    assert output.lines() == ["200"]


def test_where_nobody_exports_nothing_is_written():
    policy = TelemetryPolicy((OUT, OTEL), ("out", "otel"))
    logs = AccessLogs(None, policy, saying(policy))
    logs.observe(answered())
    logs.close()
    assert logs.dropped == 0


def test_a_line_that_cannot_be_made_costs_no_other(output, caplog):
    logs = output.logs(TelemetryPolicy((LogSink("at", SinkKind.STDOUT, text="%START_TIME%"), OUT), ("at", "out")))
    for _ in range(3):
        logs.observe(answered(started=float("inf")))
    logs.close()
    assert logs.unmade == logs.dropped == 3
    assert output.lines() == ["200"] * 3
    assert [entry.message for entry in caplog.records] == [
        "a line of the access log cannot be made, it is left out and counted: OverflowError"
    ]


def test_a_policy_is_exchanged_and_a_writer_that_stays_is_not_opened_again(output, tmp_path):
    one = LogSink("one", SinkKind.FILE, str(tmp_path / "a.log"), text="a " + CODE)
    two = LogSink("two", SinkKind.FILE, str(tmp_path / "b.log"), text="b " + CODE)
    logs = output.logs(TelemetryPolicy((one, two), ("one", "two")))
    logs.observe(answered())
    kept, gone = logs._plan.outs.values()
    follow(logs, TelemetryPolicy((replace(one, text="again " + CODE),), ("one",)))
    assert list(logs._plan.outs.values()) == [kept]
    logs.observe(denied())
    gone.thread.join(LIMIT)
    assert not gone.thread.is_alive()
    logs.close()
    assert (tmp_path / "a.log").read_text() == "a 200\nagain 502\n"
    assert (tmp_path / "b.log").read_text() == "b 200\n"
    follow(logs, NOTHING)
    output.lines()


def test_what_was_lost_stays_counted_when_a_sink_is_named_no_more(output, tmp_path):
    lost = LogSink("lost", SinkKind.FILE, str(tmp_path / "nowhere" / "a.log"), text=CODE)
    logs = output.logs(TelemetryPolicy((lost,), ("lost",)))
    logs.observe(answered())
    until(lambda: logs.dropped == 1)
    follow(logs, NOTHING)
    (leaving,) = logs._left
    leaving.thread.join(LIMIT)
    assert logs.dropped == 1
    follow(logs, NOTHING)
    assert (logs._left, logs.dropped) == ([], 1)
    logs.close()
    output.lines()


def test_filters_without_an_answer_are_counted_whatever_comes_after_them(output):
    logs = output.logs(
        TelemetryPolicy((OUT,), ("out",), rules=(rule(LogRule(("out",), "request.headers['x'] == ''")),))
    )
    logs.observe(answered())
    assert logs.filters_failed == 1
    follow(logs, TelemetryPolicy((OUT,), ("out",)))
    logs.observe(answered())
    assert logs.filters_failed == 1
    logs.close()
    assert output.lines() == ["200"]


@pytest.mark.parametrize("own", [True, False])
def test_the_gates_own_lines_go_to_the_collector_too_where_that_is_wanted(output, own):
    output.outlets = Outlets(output.export, own=True)
    logs = output.logs(own=own)
    logs.observe(answered())
    follow(logs, TelemetryPolicy((OUT,), ("out",)))
    logs.observe(denied())
    logs.close()
    line = native.render(answered()).decode().rstrip()
    assert output.lines() == ([line] if own else []) + ["502"]
    assert output.targets == [""]
    assert [(record.body, record.trace_id) for record in output.records] == [(line, 0xAB)]


def test_a_policy_that_has_problems_changes_nothing(output):
    logs = output.logs(TelemetryPolicy((OUT,), ("out",)))
    with pytest.raises(ValueError, match="METADATA"):
        follow(logs, TelemetryPolicy((replace(OUT, text="%METADATA(ROUTE:x)%"),), ("out",)))
    logs.observe(answered())
    logs.close()
    assert output.lines() == ["200"]


# Problems.


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (
            TelemetryPolicy((replace(OUT, text="x %REQX(A)%", source=SOURCE),)),
            'policy.yaml:3:1: the access log "out": column 3: %REQX% is no operator; did you mean REQ?',
        ),
        (TelemetryPolicy((replace(OTEL, labels=(("a", "%X"),)),)), "column 1: %X does not end; write %X%"),
        (
            TelemetryPolicy((LogSink("j", SinkKind.STDOUT, encoding=Encoding.JSON, fields={"a": "%Y%"}),)),
            'telemetry: the access log "j": a: column 1: %Y% is no operator',
        ),
        (TelemetryPolicy((LogSink("f", SinkKind.FILE, "a.log"),)), '"a.log" is no absolute path; write one'),
        (TelemetryPolicy((LogSink("t", SinkKind.TCP, "collector"),)), '"collector" is no receiver; write host:port'),
        (TelemetryPolicy((LogSink("t", SinkKind.TCP, "a:99999"),)), '"a:99999" is no receiver; write host:port'),
        (
            TelemetryPolicy((), (), rules=(rule(LogRule(filter="response.cod > 1", source=SOURCE)),)),
            '3:1: a rule of the access log: there is no attribute "response.cod"; did you mean response.code?',
        ),
        (
            TelemetryPolicy(default_trace=TraceRule(tags=(tag("%CEL(a)%"),), source=SOURCE)),
            '3:1: a rule of traces: the tag "t": column 1: %CEL% is not supported: expressions stand in filters alone',
        ),
    ],
)
def test_what_cannot_be_carried_out_is_said(policy, said):
    [problem] = problems(policy)
    assert said in str(problem)


def test_ipv6_receivers_are_written_in_brackets():
    assert problems(TelemetryPolicy((LogSink("t", SinkKind.TCP, "[::1]:5000"),))) == []


# What has to be found out for it.


@pytest.mark.parametrize(
    ("policy", "fingerprints", "identifiers"),
    [
        (TelemetryPolicy((replace(OUT, text=CODE),)), False, False),
        (TelemetryPolicy((replace(OUT, text="%REQ(X-REQUEST-IDS)% %CONNECTION_ID%"),)), False, False),
        (TelemetryPolicy((replace(OUT, text="%TLS_JA4_FINGERPRINT%"),)), True, False),
        (TelemetryPolicy((replace(OUT, text="%REQ(X-A?x-request-id):9%"),)), False, True),
        (TelemetryPolicy((replace(OUT, text=""),)), False, True),
        (TelemetryPolicy((replace(OUT, encoding=Encoding.JSON),)), False, True),
        (TelemetryPolicy((replace(OUT, encoding=Encoding.JSON, fields={"a": [{"b": "%STREAM_ID%"}]}),)), False, True),
        (TelemetryPolicy((replace(OUT, encoding=Encoding.NATIVE, text="%STREAM_ID%"),)), False, False),
        (TelemetryPolicy((replace(OTEL, labels=(("ja3", "%TLS_JA3_FINGERPRINT%"),)),)), True, False),
        (TelemetryPolicy(rules=(rule(LogRule(filter="request.id == 'a'")),)), False, True),
        (TelemetryPolicy(rules=(rule(LogRule(filter="request['id'] == 'a'")),)), False, True),
        (TelemetryPolicy(rules=(rule(LogRule(filter="response.code == 200")),)), False, False),
        (TelemetryPolicy(default_trace=TraceRule(tags=(tag("%TLS_JA4_FINGERPRINT%"),))), True, False),
        (TelemetryPolicy(rules=(TelemetryRule(traces=(TraceRule(tags=(tag("%STREAM_ID%"),)),)),)), False, True),
    ],
)
def test_what_outputs_show_is_known_beforehand(policy, fingerprints, identifiers):
    wanted = AccessLogs(None, policy).wanted
    assert (wanted.fingerprints, wanted.identifiers) == (fingerprints, identifiers)
