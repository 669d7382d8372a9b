"""A file of another kind is told of in a few lines, with what reads it."""

import json

import pytest

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: defaults}
    spec: {mode: REGISTRY_ONLY}
"""


@pytest.mark.parametrize("command", ["backtest", "mock"])
def test_har_that_is_no_capture(terminal, command):
    terminal.write("policy/defaults.yaml", POLICY)
    terminal.write("shop.har", json.dumps({"log": {"entries": [{}] * 100}}, indent=1))
    result = terminal.run(command, "shop.har")
    said = result.stderr.splitlines()
    assert (result.exit_code, len(said)) == (2, 22)
    assert said[-2] == "warning: 86 problems more"
    assert said[-1] == "shop.har holds no records; of HAR and of mitmproxy's flows, outgate export -f ndjson makes some"
