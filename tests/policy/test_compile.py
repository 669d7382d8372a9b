"""Documents become a whole policy or a list of everything that is wrong with them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outgate.policy import compile as compilation
from outgate.policy.compile import gather, load
from outgate.policy.decide import decide
from outgate.policy.frontends import Setting
from outgate.policy.model import Fate, Gate
from outgate.policy.telemetry_model import TelemetryPolicy
from outgate.problems import PolicyError, Problem, Severity, Where
from policy.building import documents, http, policy, problems, write

ADDONS = Path(compilation.__file__).parents[2]


def defaults(name="defaults", **spec):
    inner = ", ".join(f"{key}: {value}" for key, value in spec.items())
    return (
        f"apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {{name: {name}}}\nspec: {{{inner}}}\n---\n"
    )


def entry(name="a", host="a.example", extra="", port=443, protocol="HTTPS"):
    spec = f"{{hosts: [{host}], ports: [{{number: {port}, protocol: {protocol}}}]{extra}}}"
    return f"apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"


def test_documents_of_several_files_make_one_policy(tmp_path):
    write(tmp_path, one=defaults(mode="REGISTRY_ONLY"), two=entry(), three=entry("b", "b.example"))
    made = load([tmp_path], Setting())
    assert decide(made, http("a.example")).allowed
    assert decide(made, http("b.example")).allowed
    assert made.problems == ()


def test_what_became_of_every_field_is_for_whoever_compiles(tmp_path):
    """A policy in force does without: it is most of what a load would keep."""
    write(tmp_path, one=defaults(mode="REGISTRY_ONLY"), two=entry())
    found, _ = gather([tmp_path])
    assert {report.fate for report in compilation.compile(found, Setting()).fields} == {Fate.APPLIED}
    assert load([tmp_path], Setting()).fields == ()


def test_every_problem_of_every_file_is_gathered_in_order(tmp_path):
    write(tmp_path, a=defaults(mode="SOMETIMES"), b=entry(extra=", regoin: eu"), c="kind: Nothing")
    with pytest.raises(PolicyError) as raised:
        load([tmp_path], Setting())
    text = [str(problem).removeprefix(f"{tmp_path}/") for problem in raised.value.problems]
    assert [line.split(":")[0] for line in text] == ["a.yaml", "b.yaml", "c.yaml"]
    assert any('b.yaml:4:69: spec.regoin: unknown field; did you mean "region"?' in line for line in text), text


def test_files_that_do_not_parse_are_all_named_and_nothing_is_loaded(tmp_path):
    write(tmp_path / "one", a="a: [")
    write(tmp_path / "two", b="b: [")
    with pytest.raises(PolicyError) as raised:
        load([tmp_path / "one", tmp_path / "two"], Setting())
    assert len(raised.value.problems) == 2


def test_a_path_without_documents_is_no_policy(tmp_path):
    """No policy, no start, and no reload: an emptied directory leaves in force what was."""
    with pytest.raises(PolicyError, match="there is no document here"):
        load([tmp_path], Setting())


def test_what_cannot_be_read_is_an_error_beside_those_of_the_rest(tmp_path):
    write(tmp_path, a="a: [", b=entry(extra=", regoin: eu"), c=entry("c", "c.example"))
    with pytest.raises(PolicyError) as raised:
        load([tmp_path], Setting())
    assert [Path(problem.where.file).name for problem in raised.value.problems] == ["a.yaml", "b.yaml"]


def test_no_mode_is_a_warning_and_a_mode_is_none():
    (problem,) = problems(entry())
    assert problem.severity is Severity.WARNING
    assert "no outbound mode is given" in problem.what
    assert problems(defaults(mode="REGISTRY_ONLY") + entry()) == ()


def test_two_defaults_that_disagree_are_an_error_that_names_both():
    found = problems(defaults("one", denyStatus=403) + defaults("two", denyStatus=451))
    (error,) = [problem for problem in found if problem.severity is Severity.ERROR]
    assert "deny_status is 451 here and 403 in EgressDefaults default/one (policy.yaml:4:" in error.what


def test_a_later_directory_replaces_documents_and_values_and_says_so(tmp_path):
    write(tmp_path / "base", d=defaults("base", denyStatus=502, mode="REGISTRY_ONLY"), e=entry(port=443))
    write(tmp_path / "prod", d=defaults("prod", denyStatus=403), e=entry(port=8443))
    made = load([tmp_path / "base", tmp_path / "prod"], Setting())
    assert made.defaults.deny_status == 403
    assert [port.number for destination in made.destinations for port in destination.ports] == [8443]
    names = {(Path(winner.where.file).parent.name, Path(loser.where.file).name) for winner, loser in made.overridden}
    assert names == {("prod", "d.yaml"), ("prod", "e.yaml")}


def test_the_same_document_twice_in_one_directory_is_an_error():
    assert any("is there twice" in problem.what for problem in problems(entry() + entry(host="b.example")))


def test_a_kind_that_nobody_claims_is_an_error_and_an_inert_one_a_warning():
    (error,) = [
        p for p in problems("apiVersion: outgate.dev/v1alpha1\nkind: EgressDestinations\n") if "unknown" in p.what
    ]
    assert (error.severity, error.hint) == (Severity.ERROR, 'did you mean "EgressDestination"?')
    made = policy(defaults(mode="REGISTRY_ONLY") + "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n")
    assert [problem.severity for problem in made.problems] == [Severity.WARNING]
    assert made.fields[0].fate is Fate.IGNORED


def test_a_kind_for_later_is_refused_when_strict_and_left_out_when_lenient():
    text = defaults(mode="REGISTRY_ONLY") + "apiVersion: kuma.io/v1alpha1\nkind: MeshTLS\nmetadata: {name: c}\n"
    with pytest.raises(PolicyError, match="MeshTLS c is not yet applied"):
        policy(text)
    assert [problem.severity for problem in policy(text, strict=False).problems] == [Severity.WARNING]


def test_a_generation_stands_for_the_content():
    one, same, other = policy(entry()), policy(entry()), policy(entry(host="b.example"))
    assert one.generation == same.generation != other.generation
    assert one.generation != policy(entry(), gate=Gate(name="other")).generation
    assert len(one.generation) == 12


def test_checks_of_the_whole_load_are_made():
    text = entry("a", "a.example", port=5432, protocol="TCP") + entry("b", "b.example", port=5432, protocol="TCP")
    with pytest.raises(PolicyError, match="both TCP on port 5432"):
        policy(text)
    warned = problems(
        defaults(mode="OBSERVE") + entry() + entry("b", "'*.example'", ', expires: "2999-01-01"') + entry("c")
    )
    said = "\n".join(problem.what for problem in warned)
    for part in ("which wins", "temporary allowance until 2999-01-01", "through DNS"):
        assert part in said


@pytest.mark.parametrize(
    ("intercept", "said"),
    [
        ("TUNNEL", ["spec.rules[0]: hosts are judged by the SNI on a.example:443, tunnelled"]),
        ("DECRYPT", []),
    ],
)
def test_rules_that_a_tunnel_does_not_show_are_warned_of_by_line(intercept, said):
    rules = "\n  rules:\n  - to: [{hosts: [a.example]}]\n  - to: [{hosts: [b.example]}]\n"
    text = (
        defaults(mode="REGISTRY_ONLY")
        + entry().replace("protocol: HTTPS", f"protocol: HTTPS, intercept: {intercept}")
        + f"apiVersion: outgate.dev/v1alpha1\nkind: EgressAccess\nmetadata: {{name: x}}\nspec:{rules}"
    )
    found = policy(text).problems
    assert [problem.what for problem in found] == said
    assert [problem.where.line for problem in found] == [16] * len(said)


def test_two_meshes_may_not_differ_about_one_destination():
    istio = (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\n"
        "spec: {hosts: [a.example], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}\n"
    )
    with pytest.raises(PolicyError, match="which says otherwise"):
        policy(entry() + istio)


def test_the_gate_of_the_setting_is_the_policy_s():
    made = compilation.compile(documents(entry()), Setting(gate=Gate(namespace="edge")))
    assert made.gate.namespace == "edge"
    assert made.destinations[0].namespace == "edge"


def test_a_rule_that_cannot_be_judged_is_found_at_load(monkeypatch):
    def broken(*args):
        raise ValueError("no such thing")

    monkeypatch.setattr(compilation.access, "prepare", broken)
    text = "apiVersion: outgate.dev/v1alpha1\nkind: EgressAccess\nmetadata: {name: x}\nspec: {rules: [{}]}\n"
    with pytest.raises(PolicyError, match="EgressAccess x: no such thing"):
        policy(text + "---\n" + entry())


def test_the_rules_of_a_loaded_policy_are_compiled_before_the_first_request():
    rule = "apiVersion: outgate.dev/v1alpha1\nkind: EgressAccess\nmetadata: {name: x%d}\nspec: {rules: [{}]}\n---\n"
    made = policy(entry() + "".join(rule % number for number in range(20)))
    compiled = compilation.access._benches.cache_info().misses
    assert decide(made, http("a.example")).allowed
    assert compilation.access._benches.cache_info().misses == compiled


def test_loading_and_deciding_import_nothing_heavy(tmp_path):
    """`check` and `explain` start in a moment because of it."""
    write(tmp_path, a=entry())
    code = (
        "import sys, pathlib\n"
        "from outgate.policy.compile import load\n"
        "from outgate.policy.frontends import Setting\n"
        "from outgate.policy import decide\n"
        "load([pathlib.Path(sys.argv[1])], Setting())\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=60, env=os.environ | {"PYTHONPATH": str(ADDONS)},
    )  # fmt: skip
    heavy = {
        "mitmproxy",
        "idna",
        "pydantic",
        "asyncio",
        "cryptography",
        "opentelemetry",
        "rich",
        "click",
        "tornado",
    }
    assert not heavy & set(run.stdout.split())


def test_what_outputs_could_not_carry_out_is_a_problem_of_the_load():
    problem = Problem(Where("policy.yaml", 3, 1), "no such operator")
    asked = []

    def faults(telemetry):
        asked.append(telemetry)
        return [problem]

    with pytest.raises(PolicyError) as raised:
        compilation.compile(documents(defaults(mode="OBSERVE")), Setting(telemetry_faults=faults))
    assert raised.value.problems == (problem,)
    assert asked == [TelemetryPolicy()]
