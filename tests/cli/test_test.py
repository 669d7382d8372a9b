"""`outgate test` tries the cases beside a policy, and its exit code says how that went."""

import json
from pathlib import Path

import pytest

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: open}
    spec:
      hosts: [open.example]
      ports: [{number: 443, protocol: HTTPS}]
      exportTo: [prod]
"""
CASES = """
    cases:
      - {request: GET https://open.example/, as: prod/web, expect: allow}
      - {request: GET https://open.example/, as: other/web, expect: deny, code: not_exported}
"""
WRONG = """
    cases:
      - {name: shut, request: GET https://open.example/, as: prod/web, expect: deny}
"""


@pytest.fixture
def gate(terminal):
    terminal.write("policy/a.yaml", POLICY)
    terminal.write("policy/a.test.yaml", CASES)
    return terminal


@pytest.mark.parametrize("paths", [(), ("policy",), ("policy/a.test.yaml",), ("policy", "--policy", "policy")])
def test_cases_that_hold_exit_0(gate, paths):
    result = gate.run("test", *paths)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 cases in 1 file, all as expected\n", "")


def test_a_case_that_does_not_hold_exits_1_with_its_line(gate):
    gate.write("policy/b.test.yaml", WRONG)
    result = gate.run("test")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        (
            "policy/b.test.yaml:2:76: shut: deny is expected, and it is allow registered: open.example:443 is "
            "registered; see EgressDestination default/open (policy/a.yaml:11:11)"
        ),
        "3 cases in 2 files, 1 not as expected",
    ]


def test_cases_that_hold_are_listed_where_asked_for(gate):
    result = gate.run("test", "-v")
    assert "ok policy/a.test.yaml:3:5: GET https://open.example/: deny not_exported" in result.stdout
    assert "ok policy/a.test.yaml:2:5: GET https://open.example/: allow registered" in result.stdout


def test_results_are_data_for_programs(gate):
    gate.write("policy/b.test.yaml", WRONG)
    told = json.loads(gate.run("test", "-o", "json").stdout)
    assert (told["cases"], told["failed"]) == (3, 1)
    last = told["results"][-1]
    assert (last["case"], last["passed"], last["verdict"], last["code"]) == ("shut", False, "allow", "registered")
    assert last["where"] == {"file": "policy/b.test.yaml", "line": 2, "column": 5}
    assert len(last["differences"]) == 1


def test_each_directory_has_its_own_policy_unless_one_is_named(gate):
    gate.write("strict/a.yaml", POLICY.split("---")[0])
    gate.write("strict/a.test.yaml", WRONG)
    assert gate.run("test", "policy", "strict").exit_code == 0
    assert gate.run("test", "policy", "strict", "--policy", "policy").exit_code == 1
    assert gate.run("test", "strict/a.test.yaml").exit_code == 0
    assert gate.run("test", "strict", OUTGATE_POLICY="policy").exit_code == 1


def test_settings_say_who_calls_where_a_case_does_not(gate):
    gate.write("policy/a.test.yaml", "cases: [{request: GET https://open.example/, expect: allow}]")
    assert gate.run("test").exit_code == 1
    assert gate.run("test", "--set", "workload_namespace=prod").exit_code == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "policy/b.test.yaml",
            "cases: [{request: GET https://open.example/, expct: deny}]",
            'policy/b.test.yaml:1:46: cases[0].expct: unknown field; did you mean "expect"?',
        ),
        ("policy/b.yaml", "kind: [", "policy/b.yaml:2:1: not valid YAML"),
        ("policy/b.yaml", "kind: Nothing", "policy/b.yaml:1:1:"),
    ],
)
def test_what_cannot_be_used_exits_2(gate, name, text, message):
    gate.write(name, f"{text}\n")
    result = gate.run("test")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), '"nowhere" does not exist'),
        (("empty",), "there are no cases in empty; write some into a file that is called NAME.test.yaml"),
        (("--set", "peek_timout=1"), 'did you mean "peek_timeout"?'),
        (("policy", "--policy", "nowhere"), 'the policy "nowhere" does not exist'),
    ],
)
def test_wrong_usage_exits_2(gate, arguments, message):
    (gate.path / "empty").mkdir()
    result = gate.run("test", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_files_of_cases_are_no_part_of_the_policy_and_nothing_else_is_left_out(gate):
    gate.write("policy/api.test.example.yaml", "kind: [\n")
    assert gate.run("check").exit_code == 1
    (gate.path / "policy/api.test.example.yaml").rename(gate.path / "policy/api.test.yml")
    assert gate.run("check").exit_code == 0


def test_the_shipped_policy_does_what_its_cases_say(terminal):
    shipped = Path(__file__).parents[2] / "policy"
    result = terminal.run("test", str(shipped))
    assert result.exit_code == 0, result.output
