"""The process that redacts is there as long as its gate, whoever kills either of them; and nobody waits for it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from capture.handing import CANARY, MASTER, asked, capture
from outgate.capture import attendant
from outgate.capture.keeper import Keeper
from outgate.capture.reading import Capture
from outgate.policy.redaction_model import KeepingPolicy

PATIENCE = 30.0


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def identities(folder):
    return [kept.exchange.id for kept in Capture(folder)]


def written(keeper, number):
    until(lambda: keeper.counts()["captures_written"] == number)


def ended(keeper, within=PATIENCE):
    keeper.close(within)
    keeper.join()
    return keeper.counts()


def gone(pid):
    """Also where nobody has asked how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def started(tmp_path):
    """Keepers of one capture, which are ended where the test ends."""
    made = []

    def start():
        made.append(keeper := Keeper(MASTER))
        keeper.follow(KeepingPolicy(captures=(capture(tmp_path / "all"),)))
        keeper.start()
        return keeper

    yield start
    for keeper in made:
        ended(keeper)


def test_its_life(started, tmp_path, caplog):
    keeper, policy, folder = started(), capture(tmp_path / "all"), tmp_path / "all"
    keeper.put(policy, asked(1))
    written(keeper, 1)
    pid = keeper.pid

    told = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert not [each for each in told if MASTER in each or CANARY in each]
    assert [line.partition(b"=")[0] for line in told[1].split(b"\0") if line] == [b"PYTHONPATH"]
    kinds = sorted(os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd"))
    assert not [kind for kind in kinds if "socket" in kind][1:], "one socket, and none of the gate's"
    assert os.getsid(pid) == pid != os.getsid(0)
    assert not [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if "mitmproxy" in line]

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    keeper.put(policy, asked(2))
    written(keeper, 2)
    assert keeper.pid == pid, "a signal to a group is the gate's to heed"

    os.kill(pid, signal.SIGSTOP)
    for number in range(3, 103):
        assert keeper.put(policy, asked(number))
    os.kill(pid, signal.SIGKILL)
    written(keeper, 102)
    assert keeper.pid != pid
    assert "the process that redacts captures was ended by signal 9; another one is started in 0.1 s" in caplog.text
    last = keeper.pid
    keeper.put(policy, asked(103))
    assert ended(keeper) == {"captures_written": 103, "captures_dropped": 0, "captures_failed": 0}
    assert gone(last)
    assert identities(folder) == [str(number) for number in range(1, 104)]


def test_what_kills_it_twice_is_left_out(started, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(attendant, "MODULE", "capture.dying")
    keeper, policy = started(), capture(tmp_path / "all")
    for name in ("1", "kills", "2"):
        keeper.put(policy, (name, *asked()[1:]))
    written(keeper, 2)
    assert identities(tmp_path / "all") == ["1", "2"]
    assert (keeper.counts()["captures_failed"], keeper.counts()["redaction_failed"]) == (1, 1)
    assert caplog.text.count("was ended by signal 9") == 2
    until(lambda: "an exchange was not captured, it could not be redacted: RuntimeError" in caplog.text)


def test_one_that_cannot_be_started_costs_captures_and_nothing_else(started, tmp_path, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        keeper, policy = started(), capture(tmp_path / "all")
        assert keeper.put(policy, asked())
        until(lambda: "cannot be started" in caplog.text)
    written(keeper, 1)
    assert "[Errno 2] No such file or directory" in caplog.text


def test_one_that_ends_at_once_is_not_started_again_and_again(started, monkeypatch, caplog):
    monkeypatch.setattr(attendant, "MODULE", "capture.nothing")
    monkeypatch.setattr(attendant, "LONGEST", 0.4)
    keeper = started()
    until(lambda: caplog.text.count("another one is started in 0.4 s") > 1)
    assert caplog.text.count("has ended with code 1; another one is started in 0.1 s") == 1
    assert caplog.text.count("another one is started in 0.2 s") == 1
    keeper.put(capture(Path("/nowhere")), asked())
    assert ended(keeper, 0.0)["captures_dropped"] == 1


def test_the_end_waits_no_longer_than_it_may(started, tmp_path):
    keeper, policy = started(), capture(tmp_path / "all")
    keeper.put(policy, asked())
    written(keeper, 1)
    pid = keeper.pid
    os.kill(pid, signal.SIGSTOP)
    for number in range(3):
        keeper.put(policy, asked(number))
    assert ended(keeper, 0.05)["captures_dropped"] == 3
    assert gone(pid)


# A gate that is killed.

GATE = """
    import sys
    sys.path[:0] = sys.argv[2:4]
    from pathlib import Path
    from capture.handing import MASTER, asked, capture
    from outgate.capture.keeper import Keeper
    from outgate.policy.redaction_model import KeepingPolicy

    keeper, policy = Keeper(MASTER), capture(Path(sys.argv[1]))
    keeper.follow(KeepingPolicy(captures=(policy,)))
    keeper.start()
    for number in range(10**9):
        while not keeper.put(policy, asked(number)):
            pass
        print(number, keeper.pid, flush=True)
"""


@pytest.mark.parametrize("after", [0, 400])
def test_what_a_killed_gate_has_handed_over_is_written(tmp_path, after):
    """Also where the process that is to redact it has not begun."""
    roots = [str(Path(__file__).parents[2] / name) for name in ("addons", "tests")]
    folder = tmp_path / "all"
    command = [sys.executable, "-c", textwrap.dedent(GATE), str(folder), *roots]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gate:
        said = []
        for line in gate.stdout:
            number, pid = line.split()
            said.append(int(number))
            if pid != "None" and int(number) >= after:
                break
        gate.send_signal(signal.SIGKILL)
        said += [int(each.split()[0]) for each in gate.stdout if each.endswith("\n")]
    until(lambda: gone(int(pid)))
    kept = [int(each) for each in identities(folder)]
    assert kept == list(range(len(kept)))
    assert len(kept) > max(said)
