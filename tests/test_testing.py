"""What tests of other projects use: a replay for a block or a test, which fails where they strayed."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from capture.exchanges import sealed
from outgate.capture.record import write
from outgate.testing import replay

ADDONS = Path(__file__).parents[1] / "addons"


@pytest.fixture
def capture(tmp_path):
    (file := tmp_path / "shop.ndjson").write_bytes(
        write(sealed("https://api.example/a", answer=b"a")) + write(sealed("https://www.example/b", answer=b"b"))
    )
    return file


def get(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
        return answer.read()


def test_it_answers_by_host_or_by_any(capture):
    with replay(capture) as shop:
        assert get(f"{shop.url('api.example')}/a") == b"a"
        assert get(f"{shop.url()}/b") == b"b"
        assert (shop.misses, shop.unused) == ((), ())


def test_a_block_that_strayed_fails(capture):
    report = "1 request answered, 0 misses, 1 recorded exchange not asked for"
    with pytest.raises(AssertionError, match=report), replay(capture) as shop:
        get(f"{shop.url()}/a")
    with replay(capture, strict=False) as shop:
        with pytest.raises(urllib.error.HTTPError, match="599"):
            get(f"{shop.url()}/c")
        assert [miss.places for miss in shop.misses] == [("path[0]",)]
        assert shop.unused == (1, 2)
        with pytest.raises(AssertionError, match="missed: GET"):
            shop.check()


@pytest.mark.parametrize("empty", ["folder", "file"])
def test_nothing_is_no_capture(tmp_path, empty):
    if empty == "file":
        (tmp_path / "empty.ndjson").touch()
        tmp_path /= "empty.ndjson"
    with pytest.raises(ValueError, match="holds no requests"), replay(tmp_path):
        pass


def test_what_is_left_out_of_a_capture_is_warned_of(capture):
    with capture.open("ab") as file:
        file.write(b"{")
    with pytest.warns(UserWarning, match="record 3 is torn"), replay(capture, strict=False):
        pass


def test_a_failing_block_fails_by_itself(capture):
    with pytest.raises(ZeroDivisionError), replay(capture):
        raise ZeroDivisionError


def test_programs_keep_the_addresses_that_they_know(capture):
    """By variables, as curl and most others read them."""
    with replay(capture) as shop:
        command = ["curl", "-sS", "https://api.example/a", "http://www.example:443/b"]
        done = subprocess.run(command, env=shop.environment, capture_output=True, text=True, check=True)
        assert done.stdout == "ab"
        assert shop.ca.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    assert not shop.ca.exists()


def test_the_fixture_ends_with_its_test(capture, tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["outgate.testing"]\n')
    (tmp_path / "test_shop.py").write_text(
        "import urllib.request\n"
        "def test_whole(outgate_replay):\n"
        "    shop = outgate_replay('shop.ndjson')\n"
        "    for path in ('/api.example/a', '/www.example/b'):\n"
        "        urllib.request.urlopen(shop.url() + path).close()\n"
        "def test_strays(outgate_replay):\n"
        "    outgate_replay('shop.ndjson')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ADDONS), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "2 passed, 1 error" in done.stdout
    assert "0 requests answered, 0 misses, 2 recorded exchanges not asked for" in done.stdout
