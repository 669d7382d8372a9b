"""Commands as a person calls them: arguments in, exit code and output out."""

import os
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outgate.cli.main import outgate


class Terminal:
    """A directory to write documents into, and `outgate` run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def run(self, *arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(outgate, arguments, env=environ, prog_name="outgate", catch_exceptions=False)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OUTGATE_")]:
        monkeypatch.delenv(name)
    return Terminal(tmp_path)
