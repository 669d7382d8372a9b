"""`mock` writes a capture that is read as any, whole or not at all."""

import json

import pytest

from capture.exchanges import sealed
from outgate.capture.reading import Capture
from outgate.capture.record import write

JSON = (b"content-type", b"application/json")


@pytest.fixture
def capture(terminal):
    kept = sealed(
        "https://api.example/items",
        "POST",
        b'{"mail": "u_abcdefghij@example.com", "tenant": "T-1234", "token": "tok_secret_aaaaaaaaaaaaaaaa"}',
        fields=[JSON],
        marks=[("request.body.$.mail", "format"), ("request.body.$.token", "token")],
    )
    (terminal.path / "capture.ndjson").write_bytes(write(kept))
    return "capture.ndjson"


def bodies(terminal, name="mocked.ndjson"):
    return [json.loads(kept.exchange.request.body.content) for kept in Capture(terminal.path / name)]


def test_copies_are_a_capture(terminal, capture):
    run = terminal.run("mock", capture, "-n", "3", "-o", "mocked.ndjson")
    assert (run.exit_code, run.stderr) == (0, "3 exchanges in 3 copies\n")
    made = bodies(terminal)
    assert {each["tenant"] for each in made} == {"T-1234"}
    assert len({each["mail"] for each in made}) == len({each["token"] for each in made}) == 3
    exported = terminal.run("export", "mocked.ndjson")
    assert (exported.exit_code, len(json.loads(exported.stdout)["log"]["entries"])) == (0, 3)


def test_a_seed_makes_the_same_each_time(terminal, capture):
    one, same, other = (terminal.run("mock", capture, "--seed", seed).stdout for seed in "aab")
    assert one == same != other


def test_rules_of_a_policy_say_what_else_was_a_pseudonym(terminal, capture):
    rule = "{name: tenants, select: {key: [tenant]}, replace: {strategy: FORMAT}}"
    terminal.write(
        "redaction.yaml",
        f"""
        apiVersion: outgate.dev/v1alpha1
        kind: EgressRedaction
        metadata: {{name: mine}}
        spec: {{rules: [{rule}]}}
        """,
    )
    terminal.run("mock", capture, "--redaction", "redaction.yaml", "-o", "mocked.ndjson")
    (made,) = bodies(terminal)
    assert made["tenant"] != "T-1234"
    assert made["tenant"][1] == "-"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing",), "does not exist"),
        (("empty", "-o", "mocked"), "holds no records"),
        (("capture.ndjson", "-o", "empty"), "is there already"),
        (("capture.ndjson", "-o", "missing/mocked"), "cannot be written"),
        (("capture.ndjson", "--redaction", "wrong.yaml"), "mod: unknown field"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_left(terminal, capture, arguments, said):
    terminal.write("empty", "")
    terminal.write(
        "wrong.yaml", "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: d}\nspec: {mod: X}\n"
    )
    run = terminal.run("mock", *arguments)
    assert run.exit_code == 2
    assert said in run.output
    assert not (terminal.path / "mocked").exists()
