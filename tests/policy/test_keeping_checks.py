"""What could never happen is told at the load."""

import pytest

from policy.building import DEFAULTS, problems

NAMED = "---\napiVersion: outgate.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n"


def warned(*documents):
    text = DEFAULTS + "{mode: REGISTRY_ONLY}\n" + "".join(NAMED % each for each in documents)
    return [str(problem) for problem in problems(text)]


def place(ports, hosts="[a.example]"):
    return "EgressDestination", "place", f"{{hosts: {hosts}, ports: {ports}}}"


def inline(hosts):
    return "EgressRedaction", "masked", f"{{match: {{hosts: {hosts}}}, inline: MASK}}"


class TestUnseen:
    TUNNEL = "[{number: 443, protocol: HTTPS, intercept: TUNNEL}]"

    @pytest.mark.parametrize("ports", [TUNNEL, "[{number: 443, protocol: TLS}]", "[{number: 9000, protocol: TCP}]"])
    def test_what_passes_unread_is_never_masked(self, ports):
        (warning,) = warned(place(ports), inline("[a.example, b.example]"))
        assert "inline MASK never happens for a.example: EgressDestination" in warning
        assert "intercept: DECRYPT" in warning

    @pytest.mark.parametrize(
        ("ports", "hosts"),
        [
            ("[{number: 443, protocol: HTTPS}]", "[a.example]"),
            ("[{number: 80, protocol: HTTP}]", "[a.example]"),
            ("[{number: 443, protocol: TLS, intercept: DECRYPT}]", "[a.example]"),
            ("[{number: 443, protocol: TLS}, {number: 80, protocol: HTTP}]", "[a.example]"),
            (TUNNEL, "['*.example']"),
        ],
    )
    def test_what_is_read_somewhere_is_masked_there(self, ports, hosts):
        assert warned(place(ports), inline(hosts)) == []

    def test_captures_say_nothing_of_live_messages(self):
        redaction = "EgressRedaction", "kept", "{match: {hosts: [a.example]}, mode: allow}"
        assert warned(place(self.TUNNEL), redaction) == []


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
