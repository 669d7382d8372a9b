"""`outgate exec` before anything runs: what is wrong usage, and that its code is outgate's own."""

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["true"], "nothing is allowed; name a policy with --policy, or hosts with --allow"),
        (["--allow", "a_b", "true"], "write HOST or HOST:PORT"),
        (["--allow", "a.test"], "Missing argument 'COMMAND...'"),
        (["--no-such-flag", "true"], "No such option"),
        (["--policy", "nowhere", "true"], 'the policy "nowhere" does not exist'),
        (["--allow", "a.test", "--set", "nonsense=1", "true"], 'unknown setting "nonsense"'),
    ],
)
def test_wrong_usage_has_outgates_own_code(terminal, words, said):
    done = terminal.run("exec", *words)
    assert done.exit_code == 125
    assert said in done.stderr
    assert done.stdout == ""


def test_a_policy_with_problems_is_told_and_nothing_runs(terminal):
    terminal.write("rules/a.yaml", "kind: EgressDefaults\napiVersion: outgate.dev/v1alpha1\nspec: {mod: x}\n")
    done = terminal.run("exec", "--policy", "rules", "--", "touch", "ran")
    assert done.exit_code == 125
    assert 'unknown field; did you mean "mode"?' in done.stderr
    assert not (terminal.path / "ran").exists()


def test_help_is_no_failure(terminal):
    assert terminal.run("exec", "--help").exit_code == 0
