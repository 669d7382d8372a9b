"""Addons by file and by entry point: what may be in one, and what stops the gate's start, with its place."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mitmproxy import http

from outgate.proxy import loading
from outgate.proxy.loading import AddonError, load_addons
from proxy.gates import gate

HOOKS = "def requestheaders(flow):\n    flow.metadata['seen'] = True\n"
TYPED = """
from outgate.addon import Addon

class Mine(Addon):
    def on_request(self, request):
        request.set_header("x-mine", "1")

addons = [Mine(), Mine()]
"""


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "mine.py") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def names(addons) -> list[str]:
    return [repr(addon) for addon in addons]


def test_a_module_is_an_addon_and_so_is_what_it_lists(written):
    hooks, typed = written(HOOKS, "hooks.py"), written(TYPED)
    found = load_addons([typed, hooks, typed])
    assert len(found) == 4 + 1 + 4
    assert len(set(names(found))) == 9
    assert [f"{hooks} (2.0)" in name for name in names(found)].index(True) == 4


def test_modules_beside_it_can_be_imported(written, tmp_path):
    written("VALUE = 1\n", "neighbour_of_mine.py")
    before = list(sys.path)
    assert load_addons([written("from neighbour_of_mine import VALUE\n" + HOOKS)])
    assert sys.path == before


def test_a_module_beside_it_does_not_replace_one_of_pythons(written):
    written("raise SystemExit('not mine')\n", "colorsys.py")
    assert load_addons([written("import colorsys\nassert colorsys.rgb_to_hsv\n" + HOOKS)])


WRONG = {
    "import": ("\nimport nothing_of_this_name\n", 2, "ModuleNotFoundError"),
    "raises": ("def f():\n    raise ValueError('deliberate')\n\nf()\n", 2, "ValueError: deliberate"),
    "syntax": ("x = 1\ndef broken(:\n", 2, "SyntaxError"),
    "exits": ("import sys\nsys.exit(0)\n", 2, "SystemExit"),
    "cancels": ("import asyncio\nraise asyncio.CancelledError\n", 2, "CancelledError"),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_fails_at_import_is_named_with_its_line(written, how):
    text, line, what = WRONG[how]
    path = written(text)
    with pytest.raises(AddonError) as caught:
        load_addons([path])
    assert str(caught.value).startswith(f"{path}:{line}:")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "nothing in it that would be called"),
        ("x = 1\n", "nothing in it that would be called"),
        ("addons = []\n", "no list of addons"),
        ("addons = 5\n", "no list of addons"),
        ("addons = [object()]\n", "nothing in it that would be called"),
        ("from outgate.addon import Addon\nclass Mine(Addon): pass\naddons = [Mine]\n", "Mine is a class"),
    ],
)
def test_a_file_without_an_addon_is_not_taken_for_one(written, text, what):
    with pytest.raises(AddonError, match=what):
        load_addons([written(text)])


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AddonError, match=r"none\.py: the addon is no file"):
        load_addons([str(tmp_path / "none.py")])


# Entry points.


@pytest.fixture
def installed(monkeypatch):
    def install(**values) -> None:
        entries = [
            SimpleNamespace(name=name, value=f"mine:{name}", load=lambda made=made: made)
            for name, made in values.items()
        ]
        monkeypatch.setattr(loading, "entry_points", lambda group: entries if group == "outgate.addons" else [])

    return install


class Hooked:
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        flow.metadata["seen"] = True


def fails():
    raise ValueError("deliberate")


def test_an_entry_point_is_a_class_a_function_or_an_addon(installed):
    installed(kind=Hooked, several=lambda: [Hooked(), Hooked()], one=Hooked())
    assert len(load_addons(["kind", "several", "one"])) == 4


def test_an_unknown_name_shows_the_known_ones(installed):
    installed(kind=Hooked)
    with pytest.raises(AddonError, match="installed are: kind"):
        load_addons(["kinds"])


def test_an_entry_point_that_fails_is_named_with_the_line(installed):
    installed(broken=fails)
    with pytest.raises(AddonError, match=rf"{Path(__file__).name}:\d+:\d+: .*ValueError: deliberate"):
        load_addons(["broken"])


@pytest.mark.parametrize("made", [None, 5, []], ids=["nothing", "a number", "an empty list"])
def test_an_entry_point_without_an_addon_is_not_taken_for_one(installed, made):
    installed(odd=lambda: made)
    with pytest.raises(AddonError, match=r"nothing in it|no addon"):
        load_addons(["odd"])


# The start.


@pytest.mark.parametrize("hook", ["load", "configure", "running"])
async def test_an_addon_that_fails_at_the_start_stops_it(authority, written, hook):
    arguments = "" if hook == "running" else "argument"
    path = written(f"def {hook}({arguments}):\n    raise ValueError('deliberate')\n")
    with pytest.raises(AddonError, match=rf"{path}:2:\d+: .*ValueError: deliberate"):
        async with gate(authority, addons=tuple(load_addons([path]))):
            pass


async def test_an_addon_that_hangs_at_the_start_stops_it(authority, written):
    path = written("import asyncio\nasync def running():\n    await asyncio.sleep(60)\n")
    with pytest.raises(AddonError, match="TimeoutError"):
        async with gate(authority, addons=tuple(load_addons([path])), hook_timeout=0.05):
            pass


async def test_addons_are_told_of_the_end(authority, written, tmp_path):
    told = tmp_path / "told"
    path = written(f"def done():\n    open({str(told)!r}, 'w').close()\n")
    async with gate(authority, addons=tuple(load_addons([path]))):
        assert not told.exists()
    assert told.exists()
