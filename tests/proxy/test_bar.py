"""Commands of the page: why something was decided, and files that hold what may be kept and replace none."""

import json
import stat
from types import SimpleNamespace

import pytest
from mitmproxy import exceptions
from mitmproxy.test import tflow

from outgate.policy.current import Snapshot
from outgate.policy.redaction_model import KeepingPolicy
from outgate.proxy import bar as module
from outgate.proxy.bar import FORMATS, Bar
from outgate.proxy.copies import Copies
from policy.building import policy
from proxy.test_copies import SECRET, secretive
from proxy.test_marks import POLICY, passed

ELSEWHERE = policy("""
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: other, namespace: prod}
    spec: {hosts: [other.example], ports: [{number: 80, protocol: HTTP}]}
""")


def bar(folder=None, in_force=POLICY) -> Bar:
    plane = SimpleNamespace(snapshot=Snapshot(in_force))
    return Bar(SimpleNamespace(plane=plane, copies=Copies(KeepingPolicy)), folder)


def written(bar: Bar, *flows, file: str) -> bytes:
    bar.export(flows, file)
    bar.web.copies.run(lambda redact: None).result(10)  # behind it, in the one thread
    return (bar.folder / file).read_bytes()


def test_a_decision_is_explained_step_by_step():
    first, *steps = bar().explain([passed()])
    assert first == "GET http://api.example/: allow registered"
    assert [step.partition(".")[0] for step in steps] == [str(number) for number in range(1, len(steps) + 1)]
    assert "EgressDestination prod/api" in steps[-1]


def test_by_the_policy_of_now():
    assert bar(in_force=ELSEWHERE).explain([passed()])[0].endswith(": deny unregistered")


def test_what_was_no_request_was_never_judged():
    assert "before the policy was asked" in bar().explain([passed(attempt=None, decision=None)])[0]


@pytest.mark.parametrize("made", [tflow.tflow(), tflow.ttcpflow()], ids=["http", "tcp"])
def test_another_gates_flow_is_not_explained(made):
    with pytest.raises(exceptions.CommandError, match="did not come through this gate"):
        bar().explain([made])


def test_so_many_at_once(monkeypatch):
    monkeypatch.setattr(module, "EXPLAINED", 1)
    assert sum(line.startswith("GET") for line in bar().explain([passed(), passed()])) == 1


@pytest.mark.parametrize("suffix", FORMATS)
async def test_a_file_is_redacted_and_its_owners_alone(tmp_path, suffix):
    made = bar(tmp_path)
    content = written(made, secretive(passed()), file=f"trace{suffix}")
    assert b"tok_secret_" in content
    assert SECRET.encode() not in content
    assert stat.S_IMODE((tmp_path / f"trace{suffix}").stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_har_is_whole(tmp_path):
    content = written(bar(tmp_path), secretive(passed()), tflow.tdnsflow(), passed(), file="trace.har")
    assert len(json.loads(content)["log"]["entries"]) == 2


@pytest.mark.parametrize(
    "file", ["", "x", ".har", "a.py", "../a.har", "/a.har", "a/b.har", ".a.har", "a.har\n", "a.b.har", "ä.har", "a.HAR"]
)
async def test_another_name_is_refused(tmp_path, file):
    with pytest.raises(exceptions.CommandError, match="is no name for an export"):
        bar(tmp_path).export([passed()], file)
    assert not list(tmp_path.iterdir())


async def test_without_a_folder_there_is_no_file():
    with pytest.raises(exceptions.CommandError, match="no folder is set"):
        bar().export([passed()], "trace.har")


@pytest.mark.parametrize("late", [False, True], ids=["before", "while it is written"])
async def test_a_file_that_is_there_stays(tmp_path, caplog, monkeypatch, late):
    there, made = tmp_path / "trace.har", bar(tmp_path)
    if late:
        make = FORMATS[".har"]
        monkeypatch.setattr(module, "FORMATS", {**FORMATS, ".har": lambda out: there.write_text("mine") and make(out)})
        assert written(made, passed(), file="trace.har") == b"mine"
        assert "trace.har was not written: File exists" in caplog.text
    else:
        there.write_text("mine")
        with pytest.raises(exceptions.CommandError, match=r"trace\.har exists"):
            made.export([passed()], "trace.har")
    assert there.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [there]


async def test_what_fails_leaves_nothing_and_says_nothing_of_what_passed(tmp_path, caplog, monkeypatch):
    def fails(_):
        raise ValueError(SECRET)

    monkeypatch.setattr(module, "FORMATS", {**FORMATS, ".har": fails})
    made = bar(tmp_path)
    with pytest.raises(FileNotFoundError):
        written(made, secretive(passed()), file="trace.har")
    assert "was not written: ValueError" in caplog.text
    assert SECRET not in caplog.text
    assert not list(tmp_path.iterdir())


def test_what_was_entered_is_remembered_and_not_written():
    made = bar()
    for number in range(200):
        made.remember(str(number))
    assert made.recall() == [str(number) for number in range(100, 200)]
