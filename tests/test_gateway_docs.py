"""The gates that the page of the gateway starts are gates that start: each command is read as a whole."""

import shlex

import pytest

from docpages.markdown import Page
from outgate.cli.hop_options import HOPS, hop_pairs
from outgate.cli.run import run
from outgate.settings import read_settings

COMMANDS = [
    block.text.replace("\\\n", " ")
    for block in Page("docs/gateway.md").blocks()
    if block.language == "text" and block.text.startswith("outgate run")
]
NAMES = [name.replace("-", "_") for name, _, _ in HOPS]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.split()[4:6]))
def test_a_command_fits_together(command, tmp_path, monkeypatch):
    (tmp_path / "policy").mkdir()
    monkeypatch.chdir(tmp_path)
    options = run.make_context("run", shlex.split(command)[2:]).params
    mode = [f"mode={options['mode']}"] if options["mode"] else []
    hops = read_settings({}, [*mode, *hop_pairs({name: options[name] for name in NAMES})], {}).hops
    assert hops.gateway or hops.gateway_cert or hops.upstream_proxy or hops.proxy_protocol


def test_every_option_is_shown():
    assert [name for name, _, _ in HOPS if f"--{name} " not in " ".join(COMMANDS)] == []
