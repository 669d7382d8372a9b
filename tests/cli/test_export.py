"""`export` writes a capture in every format, whole or not at all, and tells what it did."""

import json
import subprocess
import sys
import textwrap

import pytest
import yaml
from mitmproxy.io import FlowReader

from capture.exchanges import sealed
from capture.formats.written import kinds, tunnel
from outgate.capture.files import CaptureFile
from outgate.capture.reading import Capture
from outgate.capture.record import write

KINDS = list(kinds().values())


@pytest.fixture
def capture(tmp_path):
    """A folder as a gate leaves it."""
    (folder := tmp_path / "capture").mkdir()
    file = CaptureFile(folder, 1e9)
    for kept in [*KINDS, tunnel()]:
        file.append(write(kept))
    file.close()
    return str(folder)


def har(content):
    return len(json.loads(content)["log"]["entries"])


READERS = {
    "har": har,
    "vcr": lambda content: len(yaml.safe_load(content)["interactions"]),
    "hoverfly": lambda content: len(json.loads(content)["data"]["pairs"]),
    "ndjson": lambda content: len(content.splitlines()),
}


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("named", [True, False])
def test_every_format(terminal, capture, form, named):
    arguments = ("-o", "out/file") if named else ()
    result = terminal.run("export", capture, "-f", form, *arguments)
    assert result.exit_code == 0, result.output
    content = (terminal.path / "out" / "file").read_bytes() if named else result.stdout_bytes
    left_out = sum(int(line.split()[0]) for line in result.stderr.splitlines() if "left out" in line)
    assert READERS[form](content) == len(KINDS) + 1 - left_out
    assert f"written as {form}" in result.stderr
    assert not list(terminal.path.rglob("*.part"))


@pytest.mark.parametrize("command", ["export", "mock", "learn"])
def test_a_dash_is_standard_output(terminal, capture, command):
    named, unnamed = terminal.run(command, capture, "-o", "-"), terminal.run(command, capture)
    assert named.stdout_bytes == unnamed.stdout_bytes != b""
    assert not (terminal.path / "-").exists()


def test_flows(terminal, capture):
    assert terminal.run("export", capture, "-f", "flow", "-o", "flows").exit_code == 0
    with (terminal.path / "flows").open("rb") as file:
        assert len(list(FlowReader(file).stream())) == len(KINDS) + 1


def test_mappings(terminal, capture):
    result = terminal.run("export", capture, "-f", "wiremock", "-o", "stubs")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (terminal.path / "stubs").iterdir())[0] == "192.0.2.1_8080"
    assert len(list((terminal.path / "stubs").glob("*/mappings/*.json"))) == len(KINDS) - 2
    assert "1 exchange left out: a WebSocket" in result.stderr


def test_the_report_counts_by_rule_and_tells_no_value(terminal, capture):
    result = terminal.run("export", capture, "-o", "out.har")
    assert result.stderr == textwrap.dedent(
        f"""\
        {len(KINDS)} exchanges written as har to out.har
        1 exchange left out: a tunnel
          RULE  REPLACED BY  COUNT
          rule  token        1
          rule  constant     1
        """
    )


def test_a_torn_record_is_told_of(terminal):
    (terminal.path / "torn.ndjson").write_bytes(write(sealed()) + write(sealed())[:40])
    result = terminal.run("export", "torn.ndjson", "-o", "out.har")
    assert result.exit_code == 0
    assert "warning: torn.ndjson: record 2 is torn: 40 bytes of it are there" in result.stderr
    assert har((terminal.path / "out.har").read_bytes()) == 1


def test_what_is_of_no_kind_is_named(terminal):
    terminal.write("other", "hello\n")
    result = terminal.run("export", "other", "-o", "out.har")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "other cannot be read: it is no JSON\n")
    assert [path.name for path in terminal.path.iterdir()] == ["other"]


@pytest.mark.parametrize("content", ["", '{"log": {"entries": []}}\n'])
def test_what_holds_no_records_is_unreadable_and_leaves_no_file(terminal, content):
    terminal.write("other", content)
    result = terminal.run("export", "other", "-o", "out.har")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "other holds no records" in result.stderr
    assert [path.name for path in terminal.path.iterdir()] == ["other"]


def test_nothing_is_overwritten_unless_it_is_forced(terminal, capture):
    terminal.write("out.har", "mine")
    result = terminal.run("export", capture, "-o", "out.har")
    assert result.exit_code == 2
    assert "out.har exists; --force overwrites it" in result.stderr
    assert (terminal.path / "out.har").read_text() == "mine"
    assert terminal.run("export", capture, "-o", "out.har", "--force").exit_code == 0
    assert har((terminal.path / "out.har").read_bytes()) == len(KINDS)


def test_an_empty_folder_is_nothing(terminal, capture):
    (terminal.path / "stubs").mkdir()
    assert terminal.run("export", capture, "-f", "wiremock", "-o", "stubs").exit_code == 0
    assert terminal.run("export", capture, "-f", "wiremock", "-o", "stubs").exit_code == 2


def test_another_export_is_overwritten(terminal, capture):
    for _ in range(2):
        assert terminal.run("export", capture, "-f", "wiremock", "-o", "stubs", "--force").exit_code == 0
    assert len(list((terminal.path / "stubs").glob("*/mappings/*.json"))) == len(KINDS) - 2


@pytest.mark.parametrize(
    ("form", "message"),
    [("har", "work is a folder; name a file in it"), ("wiremock", "work holds other things than an export")],
)
@pytest.mark.parametrize("mine", ["work/mine", "work/host/mine"])
def test_no_other_folder_is_overwritten_by_force(terminal, capture, form, message, mine):
    terminal.write(mine, "mine")
    result = terminal.run("export", capture, "-f", form, "-o", "work", "--force")
    assert result.exit_code == 2
    assert message in result.stderr
    assert (terminal.path / mine).read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-f", "wiremock"), "name it with -o"),
        (("-f", "pact"), "'har', 'flow', 'vcr', 'hoverfly', 'ndjson', 'wiremock'"),
    ],
)
def test_wrong_usage_says_what_is_right(terminal, capture, arguments, message):
    result = terminal.run("export", capture, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_place_that_cannot_be_written_is_named(terminal, capture):
    terminal.write("file", "in the way")
    result = terminal.run("export", capture, "-o", "file/out.har")
    assert result.exit_code == 1
    assert "out.har cannot be written" in result.stderr


# Memory.

MEASURED = """
    import resource, sys
    from outgate.cli.main import outgate
    outgate.main(sys.argv[1:], standalone_mode=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """A small one and one of ten times as many exchanges, each its own."""
    folder = tmp_path_factory.mktemp("many")
    for name, count in (("small", 250), ("large", 2500)):
        with (folder / name).open("wb") as out:
            for number in range(count):
                url = f"https://api.example/items/{number}?page={number}"
                body = json.dumps({"id": number, "text": "x" * 500}).encode()
                out.write(
                    write(sealed(url, "POST", body, answer=body, fields=[(b"content-type", b"application/json")]))
                )
    assert len(list(Capture(folder / "small"))) == 250
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", [*READERS, "flow", "wiremock"])
def test_a_larger_capture_takes_no_more_memory(captures, form):
    used = []
    for name in ("small", "large"):
        command = [sys.executable, "-c", textwrap.dedent(MEASURED), "export", name, "-f", form, "-o", f"{name}.{form}"]
        done = subprocess.run(command, cwd=captures, capture_output=True, text=True, check=True)
        used.append(int(done.stdout.splitlines()[-1]))
    assert used[1] - used[0] < 3000, "KiB more"
