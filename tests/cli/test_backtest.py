"""`backtest` prints what another policy or redaction would change, and exits 1 where something does."""

import json

import pytest

from capture.exchanges import sealed
from outgate.capture.record import write
from outgate.redact.exchange import Verdict

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: defaults}
    spec: {mode: REGISTRY_ONLY}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: api}
    spec:
      hosts: [api.example]
      ports: [{number: 443, protocol: HTTPS}]
"""
REDACTION = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressRedaction
    metadata: {name: mine}
    spec:
      rules: [{name: tenants, select: {key: [tenant]}}]
"""
ALLOWED = Verdict("allow", "allow_any")
JSON = (b"content-type", b"application/json")


@pytest.fixture
def capture(terminal):
    records = [
        sealed("https://api.example/items?a=1", verdict=ALLOWED, answered=[JSON], answer=b'{"tenant": "acme"}'),
        sealed("https://other.example/", verdict=ALLOWED, caller="prod/web"),
        sealed("https://other.example/x", verdict=ALLOWED),
    ]
    (terminal.path / "capture.ndjson").write_bytes(b"".join(map(write, records)))
    terminal.write("policy/policy.yaml", POLICY)
    terminal.write("redaction.yaml", REDACTION)
    return "capture.ndjson"


def test_changes_are_grouped_with_an_example(terminal, capture):
    run = terminal.run("backtest", capture)
    assert run.exit_code == 1
    heading, row, last = run.stdout.splitlines()
    assert heading.split()[:2] == ["WAS", "WOULD"]
    assert "allow allow_any  deny unregistered  EgressDefaults default/defaults (policy/policy.yaml:4:14)  2" in row
    assert "GET https://other.example/ as prod/web" in row
    assert last == "3 exchanges, 2 with another verdict, 1 with the same"


def test_nothing_that_changes_is_an_answer_of_yes(terminal, capture):
    terminal.write("open/policy.yaml", POLICY.replace("REGISTRY_ONLY", "OBSERVE"))
    run = terminal.run("backtest", capture, "--policy", "open")
    assert (run.exit_code, run.stdout) == (0, "3 exchanges, 0 with another verdict, 3 with the same\n")


def test_the_same_as_data(terminal, capture):
    told = json.loads(terminal.run("backtest", capture, "-o", "json").stdout)
    (change,) = told["verdicts"].pop("changes")
    assert told == {
        "exchanges": 3,
        "verdicts": {"changed": 2, "not_told_apart": 0, "same": 1, "unsure": {}, "not_compared": {}},
    }
    assert change["would"]["code"] == "unregistered"
    assert (change["count"], change["certain"], change["example"]["caller"]) == (2, True, "prod/web")


def test_a_redaction_alone_judges_no_verdicts(terminal, capture):
    run = terminal.run("backtest", capture, "--redaction", "redaction.yaml")
    assert run.exit_code == 1
    assert run.stdout.splitlines()[1].split() == ["response.body.$.tenant", "replaced", "-", "tenants,", "token", "1"]
    assert run.stdout.endswith("3 exchanges, 1 of which would be redacted otherwise\n")
    assert "acme" not in run.output


def test_both_as_data(terminal, capture):
    run = terminal.run("backtest", capture, "--policy", "policy", "--redaction", "redaction.yaml", "-o", "json")
    told = json.loads(run.stdout)
    assert (told["verdicts"]["changed"], told["redaction"]["changed"]) == (2, 1)
    assert told["redaction"]["places"][0]["effect"] == "replaced"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing",), "does not exist"),
        (("empty",), "holds no records"),
        (("capture.ndjson", "--policy", "missing"), "does not exist"),
        (("capture.ndjson", "--policy", "wrong.yaml"), "mod: unknown field"),
        (("capture.ndjson", "--redaction", "policy"), "there is no EgressRedaction"),
    ],
)
def test_what_cannot_be_used_is_named(terminal, capture, arguments, said):
    terminal.write("empty", "")
    terminal.write("wrong.yaml", POLICY.replace("mode", "mod"))
    run = terminal.run("backtest", *arguments)
    assert run.exit_code == 2
    assert said in run.output


def test_what_is_torn_is_warned_of(terminal, capture):
    with (terminal.path / capture).open("ab") as file:
        file.write(b'{"schema"')
    run = terminal.run("backtest", capture)
    assert (run.exit_code, run.stderr) == (1, "warning: capture.ndjson: record 4 is torn: 9 bytes of it are there\n")
