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
    match = f"match: {{hosts: {hosts}}}, " if hosts else ""
    return "EgressRedaction", "masked", f"{{{match}rules: [{{name: n, detect: card}}], inline: {{action: MASK}}}}"


TUNNEL = "[{number: 443, protocol: HTTPS, intercept: TUNNEL}]"


class TestUnseen:
    @pytest.mark.parametrize("hosts", ["[a.example]", "['*.example']", ""])
    @pytest.mark.parametrize("ports", [TUNNEL, "[{number: 443, protocol: TLS}]", "[{number: 443, protocol: TCP}]"])
    def test_a_port_that_passes_bytes_comes_to_nothing(self, ports, hosts):
        warnings = [each for each in warned(place(ports), inline(hosts)) if "inline" in each]
        assert len(warnings) == 1
        assert "port 443 of a.example passes bytes, which are denied" in warnings[0]

    @pytest.mark.parametrize(
        ("ports", "hosts"),
        [("[{number: 443, protocol: HTTPS}]", "[a.example]"), (TUNNEL, "[b.example]")],
    )
    def test_what_is_read_or_somewhere_else_is_not_spoken_of(self, ports, hosts):
        assert warned(place(ports), inline(hosts)) == []

    def test_captures_say_nothing_of_live_messages(self):
        redaction = "EgressRedaction", "kept", "{match: {hosts: [a.example]}, mode: allow}"
        assert warned(place(TUNNEL), redaction) == []


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
