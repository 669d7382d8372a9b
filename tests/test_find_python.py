"""scripts/find-python trusts no name on PATH: it runs each candidate, and says what is missing when none will do."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "find-python"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

# Answers as an interpreter does: `-` reads a program and prints its own path, `-c` imports the venv module.
WORKING = '#!/bin/sh\ncase "$1" in -) echo "$0" ;; -c) exit 0 ;; esac\n'
WITHOUT_VENV = '#!/bin/sh\ncase "$1" in -) echo "$0" ;; -c) exit 1 ;; esac\n'
UNSELECTED_SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


@pytest.fixture
def path(tmp_path):
    """A directory that is the whole PATH, holding nothing but what the script itself calls."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "head").symlink_to(shutil.which("head"))
    return tools


def put(path, name, text):
    (path / name).write_text(text)
    (path / name).chmod(0o755)


def find(path, *arguments):
    return subprocess.run(
        ["/bin/sh", SCRIPT, *arguments],
        env={"PATH": str(path), "HOME": str(path.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_name_that_does_not_run_is_passed_over(path):
    put(path, "python3.14", UNSELECTED_SHIM)
    put(path, "python3.13", WORKING)
    put(path, "python3.12", WORKING)
    assert find(path).stdout == f"{path}/python3.13\n"


def test_a_python_without_venv_is_passed_over_for_one_with_it(path):
    put(path, "python3.13", WITHOUT_VENV)
    put(path, "python3.12", WORKING)
    assert find(path).stdout == f"{path}/python3.12\n"


def test_an_unselected_pyenv_version_is_found(path):
    put(path, "python3.13", UNSELECTED_SHIM)
    installed = path.parent / ".pyenv" / "versions" / "3.13.5" / "bin"
    installed.mkdir(parents=True)
    put(installed, "python3", WORKING)
    assert find(path).stdout == f"{installed}/python3\n"


def test_the_package_to_install_is_named_when_only_venv_is_missing(path):
    put(path, "python3", WITHOUT_VENV)
    found = find(path)
    assert (found.returncode, found.stdout) == (3, "")
    assert "no venv module" in found.stderr
    assert "python3-venv" in found.stderr


def test_what_is_missing_is_said_when_nothing_is_found(path):
    found = find(path)
    assert (found.returncode, found.stdout) == (3, "")
    assert "no Python 3.12 or newer" in found.stderr


def test_python3_is_taken_when_it_is_new_enough(path):
    (path / "python3").symlink_to(sys.executable)
    assert Path(find(path).stdout.strip()).samefile(sys.executable)


def test_a_wanted_version_is_the_only_one_taken(path):
    (path / "python3").symlink_to(sys.executable)
    assert find(path, HERE).returncode == 0
    assert find(path, "3.99").returncode == 3
