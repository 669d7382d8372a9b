"""The pins and the version: complete, of one mind, and bound to no machine or index."""

import re
import tomllib
from pathlib import Path

import pytest

import outgate

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FOREIGN = r"https?:/|file:/|--(?:extra-)?index|--find-links|(?<![\w.-])/\w+/"
PINNED = sorted((ROOT / "requirements").glob("*.txt"))


def pins(path):
    """Canonical name -> (version, number of hashes) of every requirement in a pinned file."""
    joined = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    found = [re.fullmatch(r"([\w.-]+)==(\S+)((?: +--hash=sha256:[0-9a-f]{64})*) *", line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if match is None]
    return {canonical(match[1]): (match[2], match[3].count("--hash")) for match in found if match}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*groups):
    return {canonical(re.match(r"[\w.-]+", line)[0]) for group in groups for line in group}


def test_the_package_and_its_metadata_name_one_version():
    assert outgate.__version__ == PROJECT["version"]


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_every_pin_is_an_exact_version_with_a_hash(path):
    found = pins(path)
    assert found
    assert [name for name, (_, hashes) in found.items() if not hashes] == []


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_pins_name_no_index_host_or_path(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(FOREIGN, text) == []


def test_everything_declared_is_pinned():
    extras = PROJECT["optional-dependencies"]
    assert declared(PROJECT["dependencies"]) <= pins(ROOT / "requirements/run.txt").keys()
    assert declared(PROJECT["dependencies"], *extras.values()) <= pins(ROOT / "requirements/dev.txt").keys()


def test_what_is_tested_is_what_ships():
    tested = pins(ROOT / "requirements/dev.txt")
    for name in ("run.txt", "image.txt", "build.txt"):
        shipped = pins(ROOT / "requirements" / name)
        assert {name: tested.get(name) for name in shipped} == shipped


def test_the_image_carries_what_the_chart_can_ask_for_and_no_development_tools():
    extras, carried = PROJECT["optional-dependencies"], pins(ROOT / "requirements/image.txt").keys()
    assert declared(PROJECT["dependencies"], extras["kubernetes"], extras["redis"]) <= carried
    assert not {"mypy", "ruff", "hypothesis"} & carried
