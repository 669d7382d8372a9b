"""`learn` writes documents that load and that allow what was seen, and never over anything."""

import json

import pytest

from capture.exchanges import sealed
from outgate.capture.record import write
from outgate.redact.exchange import Verdict

DEFAULTS = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: defaults}
    spec: {mode: OBSERVE}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: api}
    spec:
      hosts: [api.example]
      ports: [{number: 443, protocol: HTTPS}]
"""
SEEN = Verdict("allow", "observed")


def line(host, **fields):
    told = {"time": "2026-01-01T00:00:00+00:00", "kind": "http", "verdict": "allow", "code": "observed"}
    return json.dumps({**told, "scheme": "https", "host": host, "port": 443, **fields})


@pytest.fixture
def log(terminal):
    lines = [
        line("api.example", namespace="prod", service_account="web"),
        line("up.example", scheme="http", port=80, upstream="192.0.2.7:443", upstream_tls="TLSv1.3"),
        line("169.254.169.254", scheme="http", port=80, verdict="deny", code="address_refused"),
        "no line",
    ]
    terminal.write("access.log", "\n".join(lines))
    return "access.log"


@pytest.fixture
def capture(terminal):
    urls = ("https://api.example/items", "https://up.example/", "http://api.example:8080/", "http://93.184.216.34/")
    (terminal.path / "seen.ndjson").write_bytes(b"".join(write(sealed(url, verdict=SEEN)) for url in urls))
    return "seen.ndjson"


def test_a_log_becomes_documents_that_say_what_they_are_for(terminal, log):
    run = terminal.run("learn", log)
    assert run.exit_code == 0
    assert run.stdout.startswith("# Nothing passes but what is below.\napiVersion: outgate.dev/v1alpha1\n")
    assert "# api.example:443: HTTP over TLS that was decrypted, 1 seen, by prod/web\n" in run.stdout
    assert "upstream: {port: 443, protocol: HTTPS}" in run.stdout
    assert run.stderr.splitlines() == [
        "warning: 1 line of no access log that is known",
        "3 attempts at 2 places: 2 destinations proposed",
        "left out: 169.254.169.254:80: denied as address_refused",
    ]


@pytest.mark.parametrize("to", ["native", "istio"])
@pytest.mark.parametrize("more", [(), ("--callers",)])
def test_what_is_proposed_loads_and_allows_what_was_captured(terminal, capture, to, more):
    assert terminal.run("learn", capture, "--to", to, "-o", "learned.yaml", *more).exit_code == 0
    check = terminal.run("check", "learned.yaml")
    assert (check.exit_code, check.stdout.splitlines()[-1].endswith("no problems")) == (0, True), check.stdout
    run = terminal.run("backtest", capture, "--policy", "learned.yaml")
    assert (run.exit_code, run.stdout) == (0, "4 exchanges, 0 with another verdict, 4 with the same\n")


@pytest.mark.parametrize("to", ["native", "istio"])
def test_tls_that_the_gate_had_started_is_started_again(terminal, log, to):
    terminal.run("learn", log, "--to", to, "-o", "learned.yaml")
    check = terminal.run("check", "learned.yaml")
    assert (check.exit_code, check.stdout.splitlines()[-1].endswith("no problems")) == (0, True), check.stdout
    told = terminal.run("explain", "GET", "http://up.example/", "--policy", "learned.yaml", "-o", "json")
    upstream = json.loads(told.stdout)["upstream"]
    assert (upstream["port"], upstream["sni"]) == (443, "up.example")


def test_beside_a_policy_only_the_rest_is_proposed_in_a_file_of_its_own(terminal, capture):
    terminal.write("policy/10-defaults.yaml", DEFAULTS)
    run = terminal.run("learn", capture, "--merge", "policy", "-o", "policy")
    assert (run.exit_code, run.stdout) == (0, "")
    assert run.stderr.splitlines() == [
        "written to policy/90-learned.yaml",
        "4 attempts at 4 places, 1 allowed already: 3 destinations proposed",
    ]
    assert "EgressDefaults" not in (terminal.path / "policy/90-learned.yaml").read_text()
    again = terminal.run("learn", capture, "--merge", "policy", "-o", "policy")
    assert "4 allowed already: 0 destinations proposed" in again.stderr
    assert terminal.run("check", "policy").exit_code == 0


def test_another_file_is_found_beside_one_that_is_there(terminal, capture):
    terminal.write("policy/90-learned.yaml", DEFAULTS)
    assert "written to policy/90-learned-2.yaml" in terminal.run("learn", capture, "-o", "policy").stderr


def test_wildcards_are_for_who_asks(terminal):
    terminal.write("access.log", "\n".join(line(f"{name}.x.example") for name in "abc"))
    assert "*" not in terminal.run("learn", "access.log").stdout
    assert "'*.x.example'" in terminal.run("learn", "access.log", "--wildcards", "3").stdout


def test_what_was_denied_is_proposed_for_who_asks(terminal, log):
    run = terminal.run("learn", log, "--include-denied")
    assert "addresses: [169.254.169.254]" in run.stdout
    assert "1 DENIED" in run.stdout


def test_no_text_of_a_log_gets_into_a_document(terminal):
    evil = "x\nkind: EgressDefaults"
    terminal.write("access.log", line("api.example", namespace=evil, service_account=evil) + "\n" + line(evil))
    run = terminal.run("learn", "access.log")
    assert run.stdout.count("kind: EgressDefaults") == 1
    assert "left out: x\\nkind: EgressDefaults:443: no host has such a name" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing",), "does not exist"),
        (("empty",), "tells of nothing that was tried"),
        (("access.log", "--merge", "missing"), "does not exist"),
        (("access.log", "--merge", "wrong.yaml"), "mod: unknown field"),
        (("access.log", "--merge", "policy.yaml", "--callers"), "leave out --merge"),
        (("access.log", "-o", "policy.yaml"), "is there already"),
        (("access.log", "-o", "missing/learned.yaml"), "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_named(terminal, log, arguments, said):
    terminal.write("empty", "")
    terminal.write("policy.yaml", DEFAULTS)
    terminal.write("wrong.yaml", DEFAULTS.replace("mode", "mod"))
    run = terminal.run("learn", *arguments)
    assert run.exit_code == 2
    assert said in run.output
