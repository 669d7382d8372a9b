"""The commands are found by name, help costs nothing else, and no command loads what it does not need."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from outgate import __version__
from outgate.cli.main import COMMANDS, main, outgate

ADDONS = Path(__file__).parents[2] / "addons"
NEEDLESS = {"aioquic", "cryptography", "mitmproxy", "opentelemetry", "pydantic", "rich", "ssl", "tornado", "asyncio"}
POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: partner}
    spec:
      hosts: [api.partner.example]
      ports: [{number: 443, protocol: HTTPS}]
"""


def process(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "outgate", *arguments],
        env={**os.environ, "PYTHONPATH": str(ADDONS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded(run: subprocess.CompletedProcess[str]) -> set[str]:
    """Every module that a process with `-X importtime` imported."""
    lines = (line for line in run.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


def test_without_arguments_help_is_printed(terminal):
    result = terminal.run()
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.stdout


def test_the_version(terminal):
    result = terminal.run("--version")
    assert (result.exit_code, result.stdout) == (0, f"outgate {__version__}\n")


def test_an_unknown_command_is_wrong_usage(terminal):
    result = terminal.run("chek")
    assert result.exit_code == 2
    assert "chek" in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_explains_itself(terminal, name):
    command = outgate.get_command(click.Context(outgate), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert terminal.run(name, "--help").exit_code == 0


def test_an_interrupted_command_has_no_answer(terminal, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("outgate.cli.schema.schema.callback", interrupted)
    result = terminal.run("schema")
    assert (result.exit_code, result.stderr) == (130, "\ninterrupted\n")


def test_what_the_system_refuses_is_told_in_a_line():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "outgate", "schema"]
        environ = {**os.environ, "PYTHONPATH": str(ADDONS)}
        run = subprocess.run(command, env=environ, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (3, "Error: [Errno 28] No space left on device\n")


def test_the_console_script_is_this_function():
    scripts = entry_points(group="console_scripts", name="outgate")
    if not scripts:
        pytest.skip("outgate is not installed here, only on the path")
    assert scripts["outgate"].value == f"{main.__module__}:{main.__name__}"


def test_python_m_outgate_is_the_command():
    run = process("--version")
    assert (run.returncode, run.stdout, run.stderr) == (0, f"outgate {__version__}\n", "")


def test_the_exit_code_of_a_command_is_that_of_the_process(terminal):
    terminal.write("policy/a.yaml", POLICY)
    assert process("explain", "GET", "https://api.partner.example/").returncode == 0
    assert process("explain", "GET", "https://other.example/").returncode == 1
    assert process("explain", "GET", "nonsense").returncode == 2


def test_the_version_loads_no_command():
    modules = loaded(process("--version", options=("-X", "importtime")))
    assert "outgate.cli.main" in modules
    assert not {name for name in modules if name.startswith("outgate.policy")}
    assert not {place.partition(":")[0] for place in COMMANDS.values()} & modules


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "--fields", "-o", "json"),
        ("explain", "GET", "https://api.partner.example/"),
        ("explain", "GET", "https://other.example/", "-o", "json"),
        ("test",),
    ],
)
def test_check_explain_and_test_load_nothing_of_the_data_plane(terminal, arguments):
    """They answer at once, whatever else is installed."""
    terminal.write("policy/a.yaml", POLICY)
    terminal.write("policy/a.test.yaml", "cases: [{request: GET https://other.example/, expect: deny}]")
    run = process(*arguments, options=("-X", "importtime"))
    modules = loaded(run)
    assert "outgate.policy.compile" in modules, run.stderr
    assert not {name for name in modules if name.partition(".")[0] in NEEDLESS}
    assert not {name for name in modules if name.startswith(("outgate.app", "outgate.proxy", "outgate.pki"))}


def test_the_data_plane_is_loaded_by_run_alone(terminal):
    """What the test above does not find is found here, so that it cannot pass by looking for the wrong names."""
    terminal.write("policy/a.yaml", POLICY)
    run = process("run", "--set", "ca_key=/nowhere", options=("-X", "importtime"))
    assert {"outgate.app", "mitmproxy", "cryptography", "ssl"} <= loaded(run)
    assert run.returncode == 2
