"""What could never happen is told at the load."""

import pytest

from policy.building import DEFAULTS, problems

NAMED = "---\napiVersion: outgate.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n"


def warned(*documents):
    text = DEFAULTS + "{mode: REGISTRY_ONLY}\n" + "".join(NAMED % each for each in documents)
    return [str(problem) for problem in problems(text)]


class TestIdle:
    def test_nothing_is_left_behind_what_takes_everything(self):
        (warning,) = warned(
            ("EgressCapture", "all", "{folder: /a}"),
            ("EgressCapture", "some", "{folder: /b, match: {hosts: [a.example]}}"),
        )
        assert "EgressCapture/default/some captures nothing: EgressCapture default/all" in warning

    @pytest.mark.parametrize("first", ["{folder: /a, match: {hosts: [a.example]}}", "{folder: /a, denied: false}"])
    def test_what_is_left_is_taken(self, first):
        assert warned(("EgressCapture", "one", first), ("EgressCapture", "two", "{folder: /b}")) == []
