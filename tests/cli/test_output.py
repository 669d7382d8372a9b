"""Tables are plain in a pipe and rich at a terminal, and no value can move the cursor."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from outgate.cli.output import aligned, printable, show_json, show_table

ADDONS = Path(__file__).parents[2] / "addons"
SCRIPT = """
import sys
from outgate.cli.output import show_table, style
show_table(("name", "fate"), [("[bold]x[/bold]", "applied"), ("y", ""), ("w" * 100, "")])
sys.stdout.write(str("rich" in sys.modules))
"""


def test_columns_start_at_the_same_place():
    assert aligned([["a", "bb", "c"], ["aaa", "b", ""]]) == ["a    bb  c", "aaa  b"]


def test_a_table_in_a_pipe_is_plain_and_loads_no_rich():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(ADDONS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [" ".join(line.split()) for line in run.stdout.splitlines()]
    assert lines == ["NAME FATE", "[bold]x[/bold] applied", "y -", f"{'w' * 100} -", "False"]


def test_a_table_at_a_terminal_is_rich_and_shows_values_as_they_are():
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONPATH": str(ADDONS), "TERM": "xterm", "COLUMNS": "80"},
            stdout=slave,
            timeout=60,
            check=True,
        )
        shown = os.read(master, 65536).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert "[bold]x[/bold]" in shown
    assert "\x1b[1m" in shown  # the header
    assert shown.count("w") == 100  # folded, not cut
    assert shown.endswith("True")


def test_a_table_without_rows_is_its_header(capsys):
    show_table(("a", "b"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_control_characters_are_spelt_out():
    assert printable("a\x1b[31m\r\nb\u202e é") == "a\\x1b[31m\\r\\nb\\u202e é"


def test_json_is_one_document(capsys):
    show_json({"a": ["\x1b"]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": ["\x1b"]}
    assert "\x1b" not in out
