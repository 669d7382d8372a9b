"""The image: an unprivileged user, no development tools, and every file that it copies is in the repository."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from outgate.settings import read_settings

ROOT = Path(__file__).parents[1]


def instructions(text):
    """(instruction, arguments) of each line, continuations joined and comments dropped."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(words[0], words[1].strip()) for line in lines if len(words := line.split(maxsplit=1)) == 2]


INSTRUCTIONS = instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def arguments(instruction):
    return [argument for name, argument in INSTRUCTIONS if name == instruction]


def copied():
    """Sources of COPY that come from the repository rather than from another stage."""
    return [source for line in arguments("COPY") if "--from=" not in line for source in line.split()[:-1]]


def test_the_gate_runs_as_the_uid_that_the_redirect_leaves_alone():
    names = [name for name, _ in INSTRUCTIONS]
    last = {name: position for position, name in enumerate(names)}
    assert arguments("USER") == ["1337:1337"]
    assert last["USER"] > max(last["FROM"], last["RUN"])


def test_it_starts_the_gate_with_the_mounted_policy():
    assert arguments("ENTRYPOINT") == ['["outgate"]']
    assert arguments("CMD") == ['["run", "--policy", "/etc/outgate/policy"]']


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_enters_the_build(source):
    assert (ROOT / source).exists()
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert any(source == entry or source.startswith(f"{entry}/") for entry in allowed)


def test_what_is_copied_is_committed():
    tracked = subprocess.run(
        ["git", "ls-files", "--", *copied()], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    if tracked.returncode:
        pytest.skip(f"not a git checkout: {tracked.stderr.strip()}")
    files = tracked.stdout.split()
    assert [source for source in copied() if not any(f == source or f.startswith(f"{source}/") for f in files)] == []


def test_requirements_are_installed_by_hash_and_without_development_tools():
    installs = [line for line in arguments("RUN") if " -r " in line]
    assert installs
    for line in installs:
        files = re.findall(r"-r (\S+)", line)
        assert line.count("--require-hashes") == len(files)
        assert set(files) <= {"requirements/build.txt", "requirements/image.txt"}


def test_what_the_build_reads_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "pyproject.toml", "addons"} <= set(copied())


def test_the_ca_is_looked_for_beside_the_policy():
    image = dict(pair.split("=", 1) for line in arguments("ENV") for pair in line.split())
    set_by_image = {key: value for key, value in image.items() if key.startswith("OUTGATE_")}
    settings = read_settings({}, (), set_by_image)
    assert (settings.ca_certificate, settings.ca_key) == (
        Path("/etc/outgate/certs/outgate-ca.crt"),
        Path("/etc/outgate/certs/outgate-ca.key"),
    )


def test_the_script_of_mitmdump_is_where_sidecars_look_for_it():
    assert "addons/egress.py /opt/outgate/addons/egress.py" in arguments("COPY")


def test_what_pods_run_beside_the_gate_is_there():
    """`sh` and `sleep` are in every Debian; iptables is not."""
    assert any("iptables" in line for line in arguments("RUN") if "apt-get install" in line)
