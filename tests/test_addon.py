"""What other people's addons are written against, without a gate."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outgate.addon import Addon, Denied, Request, Response
from outgate.policy.model import Code


def test_what_is_set_shows_and_is_noted():
    request = Request({"x-team": "a", "accept": "*/*"})
    request.set_header("X-Team", "b")
    request.remove_header("Accept")
    assert request.headers == {"x-team": "b"}
    assert request.changes == {"x-team": "b", "accept": None}


@pytest.mark.parametrize("head", [Request(), Response()], ids=["request", "response"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "x"),
        ("x-outgate-flags", "UF"),
        ("a b", "c"),
        ("", "c"),
        ("x-y", "a\r\nb: c"),
        ("x-y", "a\x00"),
    ],
)
def test_what_is_the_gates_to_say_is_not_set(head, name, value):
    with pytest.raises(ValueError, match=r"header|line break"):
        head.set_header(name, value)
    assert not head.changes


@pytest.mark.parametrize("name", ["host", "content-length", "upgrade"])
def test_what_is_the_gates_to_say_is_not_removed(name):
    with pytest.raises(ValueError, match=name):
        Request({name: "x"}).remove_header(name)


def test_what_is_noted_stands_by_its_name():
    request = Request()
    request.note("team", "blue")
    request.note("team", "red")
    assert request.notes == {"team": "red"}


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("Team", "x"), ("a b", "x"), ("team", "x" * 257)])
def test_what_is_noted_has_a_plain_name_and_is_short(name, value):
    response = Response()
    with pytest.raises(ValueError, match="note"):
        response.note(name, value)
    assert response.notes == {}


def test_there_are_only_so_many_notes_about_a_request():
    request = Request()
    for number in range(16):
        request.note(f"n{number}", "x")
    with pytest.raises(ValueError, match="16 notes"):
        request.note("one_more", "x")
    request.note("n3", "y")
    assert request.notes["n3"] == "y"


@pytest.mark.parametrize("code", ["", "Quota", "a b", "9", "x" * 65, *Code])
def test_a_code_is_for_programs_and_none_of_the_gates(code):
    with pytest.raises(ValueError, match="cannot be a code"):
        Denied(str(code), "no")


@pytest.mark.parametrize("status", [0, 200, 399, 600])
def test_a_denial_is_an_error(status):
    with pytest.raises(ValueError, match=str(status)):
        Denied("quota_used", "no", status)


def test_an_addon_that_overrides_nothing_lets_pass():
    addon = Addon()
    assert addon.body_limit(Request()) == 0
    assert addon.on_request(Request()) is None
    assert addon.on_response(Request(), Response()) is None


def test_the_interface_is_there_without_mitmproxy():
    script = "import sys, outgate.addon; sys.exit(any(name.split('.')[0] == 'mitmproxy' for name in sys.modules))"
    found = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "addons")}
    assert subprocess.run([sys.executable, "-c", script], env=found, check=False, timeout=60).returncode == 0
