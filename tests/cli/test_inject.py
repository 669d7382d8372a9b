"""`outgate inject`: manifests in, manifests out, and nothing at all where one is refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from injection.manifested import HERE, text
from outgate.cli.main import outgate
from outgate.injection.yaml_text import load

MANIFESTS, GOLDEN = HERE / "manifests", HERE / "golden"
CONFIG = "image: registry.example/outgate:1.0\n"


def manifest(name):
    return str(MANIFESTS / name)


def test_the_sidecar_goes_in_and_out_again(terminal):
    config = str(terminal.write("injection.yaml", CONFIG))
    done = terminal.run("inject", "-f", manifest("deployment.yaml"), "--config", config)
    assert (done.exit_code, done.stdout_bytes.decode()) == (0, text(GOLDEN / "deployment.yaml"))
    injected = str(terminal.write("injected.yaml", ""))
    (terminal.path / "injected.yaml").write_bytes(done.stdout_bytes)
    back = terminal.run("inject", "-f", injected, "--remove")
    assert (back.exit_code, back.stdout_bytes.decode()) == (0, text(MANIFESTS / "deployment.yaml"))
    assert back.stderr == ""


def test_ends_of_lines_stay_what_they_are(terminal):
    config = str(terminal.write("injection.yaml", CONFIG))
    done = terminal.run("inject", "-f", manifest("crlf.yaml"), "--config", config)
    assert done.stdout_bytes.decode() == text(GOLDEN / "crlf.yaml")
    assert b"\r\n" in done.stdout_bytes


def test_standard_input_is_a_file_like_others():
    done = CliRunner().invoke(outgate, ["inject", "-f", "-"], input=text(MANIFESTS / "foreign.yaml"))
    assert (done.exit_code, done.stdout) == (0, text(MANIFESTS / "foreign.yaml"))


def test_several_files_come_out_as_one_stream(terminal):
    done = terminal.run("inject", "-f", manifest("foreign.yaml"), "-f", manifest("opted-out.yaml"))
    assert done.stdout == text(MANIFESTS / "foreign.yaml") + "---\n" + text(MANIFESTS / "opted-out.yaml")


def test_without_settings_the_image_is_this_version(terminal):
    done = terminal.run("inject", "-f", manifest("pod.yaml"))
    assert load(done.stdout)["spec"]["initContainers"][0]["image"].startswith("outgate:")
    assert done.stderr.startswith(f"warning: {manifest('pod.yaml')}:2:1: Pod shell: container shell may have NET_RAW")


def test_where_one_is_refused_nothing_comes_out(terminal):
    done = terminal.run("inject", "-f", manifest("pod.yaml"), "-f", manifest("refused-in-list.yaml"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{manifest('refused-in-list.yaml')}:5:5: Pod bad: it shares the host's network" in done.stderr


def test_what_is_told_cannot_write_to_the_terminal(terminal):
    terminal.write("a.yaml", 'kind: Pod\napiVersion: v1\nmetadata: {name: "a\\e[2Jb"}\nspec: 1\n')
    done = terminal.run("inject", "-f", "a.yaml")
    assert done.exit_code == 1
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-f", "none.yaml"), "none.yaml: cannot be read"),
        (("-f", "broken.yaml"), "broken.yaml:2:1: not valid YAML"),
        (("-f", "bytes.yaml"), "bytes.yaml: cannot be read"),
        (("-f", "fine.yaml", "--config", "wrong.yaml"), "wrong.yaml:1:1: imag: unknown field"),
        ((), "Missing option '-f'"),
    ],
    ids=["missing", "broken", "bytes", "settings", "none"],
)
def test_what_cannot_be_read_is_told_with_its_place(terminal, arguments, told):
    terminal.write("broken.yaml", "a: [\n")
    terminal.write("fine.yaml", "a: 1\n")
    terminal.write("wrong.yaml", "imag: a\n")
    (terminal.path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    done = terminal.run("inject", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
