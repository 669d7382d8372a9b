"""`outgate redact`: what is left of a file on standard output, and which rules took how much on standard error."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ADDONS = Path(__file__).parents[2] / "addons"
DOCUMENT = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressRedaction
    metadata: {name: mine, namespace: default}
    spec:
      match: {hosts: [elsewhere.example]}
      rules:
      - name: tenants
        select: {key: [tenant]}
        replace: {strategy: CONSTANT, text: gone}
        direction: RESPONSE
"""


@pytest.fixture
def body(terminal):
    return terminal.write("answer.json", '{"password": "open sesame", "tenant": "acme", "n": 1.50}\n')


def test_the_result_is_printed_and_the_report_beside_it(terminal, body):
    run = terminal.run("redact", str(body))
    assert run.exit_code == 0
    made = json.loads(run.stdout)
    assert made["password"].startswith("tok_secret_")
    assert '"tenant": "acme", "n": 1.50}' in run.stdout
    assert run.stderr.split() == ["RULE", "STRATEGY", "PLACES", "default-password-by-name", "token", "1"]


def test_documents_hold_whatever_they_match(terminal, body):
    redaction = terminal.write("redaction.yaml", DOCUMENT)
    run = terminal.run("redact", str(body), "--redaction", str(redaction))
    assert json.loads(run.stdout)["tenant"] == "gone"
    assert "tenants" in run.stderr
    assert "acme" not in run.stderr


def test_a_rule_for_answers_is_none_for_requests(terminal, body):
    redaction = terminal.write("redaction.yaml", DOCUMENT)
    run = terminal.run("redact", str(body), "--redaction", str(redaction), "--request")
    assert json.loads(run.stdout)["tenant"] == "acme"


def test_a_mode_counts_more_than_the_documents(terminal, body):
    run = terminal.run("redact", str(body), "--mode", "allow")
    assert json.loads(run.stdout)["tenant"].startswith("tok_value_")


def test_a_media_type_counts_more_than_the_name(terminal):
    file = terminal.write("body.txt", "password=open+sesame&n=1")
    run = terminal.run("redact", str(file), "--media-type", "application/x-www-form-urlencoded")
    assert run.stdout.endswith("&n=1")
    assert "sesame" not in run.stdout


def test_a_diff_shows_what_changes(terminal):
    file = terminal.write("answer.txt", "one\nmail ann@corp.example\nthree\n")
    run = terminal.run("redact", str(file), "--diff")
    lines = run.stdout.splitlines()
    assert lines[:2] == [f"--- {file}", "+++ redacted"]
    assert "-mail ann@corp.example" in lines
    assert " three" in lines


@pytest.mark.parametrize("arguments", [(), ("--diff",)], ids=["result", "diff"])
def test_a_pipe_is_read_as_a_file_is(terminal, arguments):
    command = [sys.executable, "-m", "outgate", "redact", "-", "--media-type", "application/json", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(ADDONS)}
    body = b'{"password": "open sesame"}\n'
    run = subprocess.run(command, input=body, env=environ, cwd=terminal.path, capture_output=True, check=True)
    assert b"tok_secret_" in run.stdout
    assert (b'-{"password": "open sesame"}' in run.stdout) is bool(arguments)


def test_a_diff_of_a_packed_body_shows_what_is_in_it(terminal):
    (terminal.path / "note.txt.gz").write_bytes(gzip.compress(b"mail ann@corp.example\n"))
    lines = terminal.run("redact", "note.txt.gz", "--diff").stdout.splitlines()
    assert lines[3] == "-mail ann@corp.example"
    assert lines[4].startswith("+mail u_")


def test_a_diff_of_a_har_shows_what_redaction_did_and_nothing_else(terminal):
    headers = [{"name": "Authorization", "value": "Bearer abcdefgh"}, {"name": "X-Kept", "value": "kept"}]
    entry = {
        "request": {"method": "GET", "url": "https://api.example/", "headers": headers},
        "response": {"status": 204},
    }
    terminal.write("traffic.har", json.dumps({"log": {"entries": [entry]}}))
    run = terminal.run("redact", "traffic.har", "--diff")
    changed = [line.strip() for line in run.stdout.splitlines()[2:] if line[0] in "+-"]
    assert (run.exit_code, run.stdout.startswith("--- traffic.har\n+++ redacted\n")) == (0, True)
    assert sum("Bearer abcdefgh" in line for line in changed) == 1
    assert not any("X-Kept" in line for line in changed)


def test_what_is_too_large_says_what_would_help(terminal):
    run = terminal.run("redact", str(terminal.write("big.txt", "a" * (1024 * 1024 + 1))))
    assert (run.exit_code, "is too large; an EgressRedaction with maxBody takes larger ones" in run.stderr) == (1, True)


def test_nothing_taken_is_said(terminal):
    run = terminal.run("redact", str(terminal.write("answer.json", '{"n": 1}')))
    assert (run.exit_code, run.stdout, run.stderr) == (0, '{"n": 1}', "nothing is taken\n")


def test_a_body_that_had_to_be_dropped_is_an_answer_of_no(terminal):
    run = terminal.run("redact", str(terminal.write("answer.json", '{"a": "b"')))
    assert (run.exit_code, run.stdout, run.stderr) == (1, "", "dropped: response.body is unreadable\n")


def test_a_har_is_redacted_entry_by_entry(terminal):
    headers = [{"name": "Authorization", "value": "Bearer abcdefgh"}]
    request = {"method": "GET", "url": "https://api.example/?token=abcdefgh", "headers": headers}
    content = {"mimeType": "text/plain", "text": "you are abcdefgh"}
    entry = {"request": request, "response": {"status": 200, "headers": [], "content": content}}
    file = terminal.write("traffic.har", json.dumps({"log": {"entries": [entry, {"request": {}}]}}))
    run = terminal.run("redact", str(file))
    assert run.exit_code == 0
    assert "abcdefgh" not in run.output
    assert len(json.loads(run.stdout)["log"]["entries"]) == 1
    assert "entry 1 is left out" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.json",), "does not exist"),
        (("answer.json", "--redaction", "missing.yaml"), "does not exist"),
        (("answer.json", "--redaction", "other.yaml"), "there is no EgressRedaction"),
        (("answer.json", "--redaction", "wrong.yaml"), 'there is no detector "crad"'),
        (("traffic.har",), "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(terminal, body, arguments, said):
    terminal.write("traffic.har", "{}")
    terminal.write(
        "other.yaml",
        DOCUMENT.replace("Redaction", "Destination").partition("spec:")[0]
        + "spec: {hosts: [a.example], ports: [{number: 443, protocol: HTTPS}]}",
    )
    terminal.write("wrong.yaml", DOCUMENT.replace("select: {key: [tenant]}", "detect: crad"))
    run = terminal.run("redact", *arguments)
    assert run.exit_code == 2
    assert said in run.output
