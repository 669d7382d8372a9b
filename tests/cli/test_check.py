"""`check` names every problem by place, says what the policy comes to, and exits by whether it can be used."""

import json
import os

import pytest

DEFAULTS = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY}
"""
PARTNER = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: partner}
    spec:
      hosts: [api.partner.example]
      ports: [{number: 443, protocol: HTTPS}]
"""
RULES = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressAccess
    metadata: {name: readers}
    spec:
      action: ALLOW
      rules:
        - to: {methods: [GET]}
        - to: {methods: [HEAD]}
"""
MISSPELT = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: partner}
    spec:
      host: [api.partner.example]
      ports: [{number: 443, protcol: HTTPS}]
"""


def test_a_good_policy_is_summed_up(terminal):
    for name, text in (("mesh", DEFAULTS), ("partner", PARTNER), ("rules", RULES)):
        terminal.write(f"policy/{name}.yaml", text)
    result = terminal.run("check")
    assert result.exit_code == 0
    assert result.stdout == "3 documents, 1 destination, 2 access rules, mode REGISTRY_ONLY; no problems\n"
    assert result.stderr == ""


def test_what_cannot_be_read_hides_nothing_of_what_is_wrong_elsewhere(terminal):
    terminal.write("policy/a.yaml", "a: [")
    terminal.write("policy/b.yaml", MISSPELT)
    terminal.write("policy/c.yaml", PARTNER.replace("partner}", "fine}"))
    result = terminal.run("check")
    assert result.exit_code == 1
    first, *others, last = result.stdout.splitlines()
    assert "not valid YAML" in first
    assert [line.split(": ")[1] for line in others] == ["spec.host", "spec.ports[0].protcol"]
    assert last == "2 documents; 3 problems"


def test_a_misspelt_key_is_named_by_place_with_the_likely_key(terminal):
    terminal.write("policy/mesh.yaml", DEFAULTS)
    terminal.write("policy/a.yaml", MISSPELT)
    result = terminal.run("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        'policy/a.yaml:5:3: spec.host: unknown field; did you mean "hosts"?',
        'policy/a.yaml:6:25: spec.ports[0].protcol: unknown field; did you mean "protocol"?',
        "2 documents; 2 problems",
    ]


def test_every_problem_of_every_file_is_reported_at_once(terminal):
    terminal.write("policy/mesh.yaml", DEFAULTS)
    terminal.write("policy/a.yaml", MISSPELT)
    terminal.write("policy/b.yaml", PARTNER.replace("HTTPS", "GOPHER").replace("partner", "other"))
    terminal.write("policy/c.yaml", RULES.replace("ALLOW", "ALOW"))
    lines = terminal.run("check").stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines[:-1]] == [
        "policy/a.yaml:5:3",
        "policy/a.yaml:6:25",
        "policy/b.yaml:6:35",
        "policy/c.yaml:5:11",
    ]


def test_what_is_not_yaml_is_a_problem_with_a_place(terminal):
    terminal.write("policy/a.yaml", "kind: [\n")
    terminal.write("policy/b.yaml", "kind: {a: b\n  c\n")
    result = terminal.run("check")
    assert result.exit_code == 1
    first, second, summary = result.stdout.splitlines()
    assert first.startswith("policy/a.yaml:2:1: not valid YAML: ")
    assert second.startswith("policy/b.yaml:")
    assert summary == "0 documents; 2 problems"


def test_a_document_of_an_unknown_kind_is_a_problem(terminal):
    terminal.write("policy/a.yaml", DEFAULTS.replace("EgressDefaults", "EgressDefault"))
    result = terminal.run("check")
    assert result.exit_code == 1
    assert "policy/a.yaml:" in result.stdout
    assert "EgressDefaults" in result.stdout.splitlines()[0]


def test_warnings_say_so_and_do_not_fail(terminal):
    terminal.write("policy/a.yaml", DEFAULTS)
    terminal.write("policy/b.yaml", PARTNER.rstrip() + "\n      expires: 2999-01-01\n")
    result = terminal.run("check")
    assert result.exit_code == 0
    first, summary = result.stdout.splitlines()
    assert first.startswith("policy/b.yaml:1:1: warning: partner is a temporary allowance until 2999-01-01")
    assert summary.endswith("; 1 warning")


def test_no_mode_is_reported_with_what_holds_then(terminal):
    terminal.write("policy/a.yaml", PARTNER)
    result = terminal.run("check")
    assert result.exit_code == 0
    first, summary = result.stdout.splitlines()
    assert first.startswith("policy/a.yaml: warning: ")
    assert "REGISTRY_ONLY" in first
    assert "ALLOW_ANY" in first
    assert "mode REGISTRY_ONLY (nothing says another)" in summary


def test_strict_refuses_what_lenient_warns_of(terminal):
    terminal.write("policy/a.yaml", DEFAULTS)
    terminal.write(
        "policy/b.yaml",
        """
        apiVersion: kuma.io/v1alpha1
        kind: MeshTLS
        metadata: {name: limits}
        spec: {}
        """,
    )
    strict, lenient = terminal.run("check"), terminal.run("check", "--lenient")
    assert (strict.exit_code, lenient.exit_code) == (1, 0)
    assert strict.stdout.startswith("policy/b.yaml:1:1: MeshTLS")
    assert lenient.stdout.startswith("policy/b.yaml:1:1: warning: MeshTLS")
    assert terminal.run("check", OUTGATE_STRICT="false").exit_code == 0
    assert terminal.run("check", "--strict", OUTGATE_STRICT="false").exit_code == 1


def test_what_a_later_directory_replaces_is_named(terminal):
    terminal.write("base/mesh.yaml", DEFAULTS)
    terminal.write("base/partner.yaml", PARTNER)
    terminal.write("prod/partner.yaml", PARTNER.replace("443", "8443"))
    result, partner = terminal.run("check", "base", "--policy", "prod"), "EgressDestination partner"
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"overridden: {partner} (base/partner.yaml:1:1) by {partner} (prod/partner.yaml:1:1)",
        "3 documents, 1 destination, 0 access rules, mode REGISTRY_ONLY; no problems",
    ]


def test_fields_lists_what_became_of_every_field(terminal):
    terminal.write("policy/mesh.yaml", DEFAULTS)
    terminal.write("policy/partner.yaml", PARTNER)
    lines = terminal.run("check", "--fields").stdout.splitlines()
    assert lines[0].split() == ["PLACE", "KIND", "FIELD", "FATE", "NOTE"]
    rows = [line.split() for line in lines[1:-1]]
    assert ["policy/mesh.yaml:4:14", "EgressDefaults", "spec.mode", "applied", "-"] in rows
    assert ["policy/partner.yaml:6:35", "EgressDestination", "spec.ports[0].protocol", "applied", "-"] in rows


def test_json_holds_what_the_lines_say(terminal):
    terminal.write("base/mesh.yaml", DEFAULTS)
    terminal.write("base/partner.yaml", PARTNER)
    terminal.write("prod/partner.yaml", PARTNER)
    told = json.loads(terminal.run("check", "base", "prod", "--fields", "-o", "json").stdout)
    fields = told.pop("fields")
    assert {
        "place": "base/mesh.yaml:4:14",
        "kind": "EgressDefaults",
        "field": "spec.mode",
        "fate": "applied",
        "note": "",
    } in fields
    assert told["overridden"][0]["winner"]["where"] == {"file": "prod/partner.yaml", "line": 1, "column": 1}
    assert told["mode_source"]["where"]["file"] == "base/mesh.yaml"
    assert {key: told[key] for key in ("usable", "documents", "destinations", "rules", "mode", "problems")} == {
        "usable": True,
        "documents": 3,
        "destinations": 1,
        "rules": 0,
        "mode": "REGISTRY_ONLY",
        "problems": [],
    }


def test_json_of_a_bad_policy_holds_the_problems_and_fails(terminal):
    terminal.write("policy/mesh.yaml", DEFAULTS)
    terminal.write("policy/a.yaml", MISSPELT)
    result = terminal.run("check", "-o", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["usable"], "mode" in told) == (1, False, False)
    assert told["problems"][0] == {
        "where": {"file": "policy/a.yaml", "line": 5, "column": 3},
        "what": "spec.host: unknown field",
        "hint": 'did you mean "hosts"?',
        "severity": "error",
        "field": "spec.host",
    }


def test_a_single_file_can_be_checked(terminal):
    terminal.write("mesh.yaml", DEFAULTS)
    assert terminal.run("check", "mesh.yaml").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), 'the policy "nowhere" does not exist'),
        (("--policy", "nowhere"), 'the policy "nowhere" does not exist'),
        ((), "no policy is given"),
        (("empty",), "there is no document in empty"),
        (("--set", "polcy=x"), 'unknown setting "polcy"; did you mean "policy"?'),
        (("--set", "policy=nowhere"), 'the policy "nowhere" does not exist'),
    ],
)
def test_wrong_usage_exits_2_and_says_why(terminal, arguments, message):
    (terminal.path / "empty").mkdir()
    result = terminal.run("check", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_exits_2(terminal):
    terminal.write("policy/a.yaml", DEFAULTS).chmod(0)
    result = terminal.run("check")
    assert result.exit_code == 2
    assert "policy/a.yaml" in result.stderr


def test_a_file_that_is_not_there_behind_its_link_exits_2(terminal):
    terminal.write("policy/mesh.yaml", DEFAULTS)
    (terminal.path / "policy" / "deny.yaml").symlink_to("gone.yaml")
    result = terminal.run("check")
    assert result.exit_code == 2
    assert '"policy/deny.yaml" cannot be read' in result.stderr


def test_settings_reach_the_load(terminal):
    """Documents without a namespace belong to the gate's, which overlays are matched by."""
    terminal.write("base/mesh.yaml", DEFAULTS)
    terminal.write("base/partner.yaml", PARTNER)
    terminal.write("prod/partner.yaml", PARTNER.replace("name: partner", "name: partner, namespace: edge"))
    assert "overridden" not in terminal.run("check", "base", "prod").stdout
    assert "overridden" in terminal.run("check", "base", "prod", "--set", "gate_namespace=edge").stdout
    assert "overridden" in terminal.run("check", "base", "prod", OUTGATE_GATE_NAMESPACE="edge").stdout


def test_a_document_cannot_write_to_the_terminal(terminal):
    terminal.write("policy/a.yaml", MISSPELT.replace("host:", '"\\e[2Jhost":'))
    result = terminal.run("check")
    assert "\x1b" not in result.stdout
    assert "\\x1b[2Jhost" in result.stdout


TELEMETRY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressTelemetry
    metadata: {name: everybody}
    spec:
      logs:
        - {to: stdout, format: "%RESPONSE_CODE% %UPSTREAM_TLS_GROUP%"}
        - {to: stdout, fields: {code: "%RESPONSE_COD%"}}
        - {to: stdout, filter: response.code > }
      traces:
        tags: [{name: t, format: "%FILTER_STATE(a)%"}]
"""


def test_what_outputs_cannot_carry_out_is_told_with_its_place_and_what_to_write(terminal):
    terminal.write("policy/a.yaml", DEFAULTS)
    terminal.write("policy/b.yaml", TELEMETRY)
    result = terminal.run("check")
    *told, last = result.stdout.splitlines()
    assert (result.exit_code, last) == (1, "2 documents; 4 problems")
    assert [line.split(": ")[0].removeprefix("policy/b.yaml:") for line in told] == ["6:28", "7:28", "8:28", "10:5"]
    group, spelling, filtered, tag = told
    assert "column 17: %UPSTREAM_TLS_GROUP% is not supported: Python's TLS does not tell" in group
    assert group.endswith("write UPSTREAM_TLS_CIPHER")
    assert "code: column 1: %RESPONSE_COD% is no operator; did you mean RESPONSE_CODE?" in spelling
    assert '"response.code >" is no CEL expression' in filtered
    assert 'the tag "t": column 1: %FILTER_STATE% is not supported: the gate has no filter state' in tag
