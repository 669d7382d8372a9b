"""One capture, exported in every format that can be read back, and replayed with the network cut."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture.exchanges import sealed
from capture.formats.written import tunnel
from e2e.replayed import recorded
from outgate.capture.files import CaptureFile
from outgate.capture.record import write

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'addons'}:{ROOT / 'tests'}"}
CUT = 'ip link set lo up && exec "$@"'


def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    (folder / "capture").mkdir()
    file = CaptureFile(folder / "capture", 1e9)
    for kept in [*recorded().values(), tunnel()]:
        file.append(write(kept))
    file.close()
    return folder


@pytest.mark.netns
@pytest.mark.parametrize("form", ["capture", "ndjson", "har", "flow"])
def test_every_exchange_is_answered_in_other_words_twice_over(capture, form):
    if form != "capture":
        done = run(sys.executable, "-m", "outgate", "export", "capture", "-f", form, "-o", form, cwd=capture)
        assert done.returncode == 0, done.stderr
    asked = [sys.executable, "-m", "e2e.replayed", form]
    done = run("unshare", "--net", "sh", "-c", CUT, "sh", *asked, cwd=capture)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("asked") > 20
    assert told == {"strayed": [], "missed": [], "unused": 0, "reaches": False}


REDIRECTED = """
ip link set lo up
ip addr add 198.51.100.1/32 dev lo
ip route add default dev lo src 198.51.100.1
iptables -t nat -A OUTPUT -p tcp -d 203.0.113.7 -j REDIRECT --to-ports 15001
client="curl -sS --max-time 60 --resolve api.example:80:203.0.113.7 --resolve api.example:443:203.0.113.7"
"""
AS_A_PROXY = """
ip link set lo up
client="curl -sS --max-time 60 --proxy http://127.0.0.1:15001"
"""
ASKED = """
"$1" -m outgate replay modes --mode "$2" --listen 127.0.0.1:15001 2>"$2.log" &
for tried in $(seq 600); do grep -q ready "$2.log" && break; sleep 0.1; done
client="$client --cacert $(sed -n 's/.*CA //p' "$2.log")"
$client http://api.example/a -w ' %{http_code}\\n'
$client https://api.example/b -w ' %{http_code}\\n'
$client http://api.example/none -o /dev/null -w '%{http_code}\\n'
kill %1
wait %1
"""


@pytest.mark.netns
@pytest.mark.parametrize(("mode", "way"), [("transparent", REDIRECTED), ("regular", AS_A_PROXY)])
def test_clients_that_keep_their_addresses(tmp_path, mode, way):
    """By redirected connections, and by a proxy, plain and inside TLS; with the network cut."""
    kept = sealed("http://api.example/a", answer=b"plain"), sealed("https://api.example/b", answer=b"secure")
    (tmp_path / "modes").write_bytes(b"".join(map(write, kept)))
    done = run("unshare", "--net", "bash", "-c", way + ASKED, "bash", sys.executable, mode, cwd=tmp_path)
    assert done.stdout.splitlines() == ["plain 200", "secure 200", "599"], done.stderr
    assert "2 requests answered, 1 miss, 0 recorded exchanges not asked for" in (tmp_path / f"{mode}.log").read_text()
