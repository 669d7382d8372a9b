"""A running gate follows its policy files: whole, checked, and never to something worse than what it has."""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from outgate.policy.compile import Policy, load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.reload import Digests, PolicyWatcher

WITHIN = 20.0
"""Seconds that anything may take."""


def document(*names: str) -> str:
    """Destinations by name."""
    head = "apiVersion: outgate.dev/v1alpha1\nkind: "
    parts = [f"{head}EgressDefaults\nmetadata: {{name: mesh}}\nspec: {{mode: REGISTRY_ONLY}}\n"]
    parts += [
        f"{head}EgressDestination\nmetadata: {{name: {name}}}\n"
        f"spec: {{hosts: [{name}.example], ports: [{{number: 443, protocol: HTTPS}}]}}\n"
        for name in names
    ]
    return "---\n".join(parts)


def names(policy: Policy) -> list[str]:
    return [destination.name for destination in policy.destinations]


class Gate:
    """A policy in force and its watcher, as a running gate has them."""

    def __init__(self, *paths: Path, settle: float = 0.0, interval: float = 0.01) -> None:
        self.snapshot = Snapshot(load(paths, Setting()))
        self.watcher = PolicyWatcher(paths, Setting(), self.snapshot, settle=settle, interval=interval)
        self.swaps: list[list[str]] = []
        self.snapshot.observers.append(lambda policy: self.swaps.append(names(policy)))

    @property
    def names(self) -> list[str]:
        return names(self.snapshot.policy)

    async def settled(self) -> "Gate":
        """With the first look behind it."""
        assert not await self.watcher.check_once()
        return self


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policy"
    made.mkdir()
    (made / "a.yaml").write_text(document("a"))
    return made


@contextlib.asynccontextmanager
async def running(watcher: PolicyWatcher):
    task = asyncio.create_task(watcher.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_was_read_at_the_start_is_not_compiled_again(folder, monkeypatch):
    """A large policy takes its time, in which traffic waits; what changes after the files were looked at is seen."""
    looked = Digests([folder]).look()
    snapshot = Snapshot(load([folder], Setting()))
    watcher = PolicyWatcher([folder], Setting(), snapshot, loaded=looked, settle=0.0)
    with monkeypatch.context() as patched:
        patched.setattr(PolicyWatcher, "_compiled", lambda self: pytest.fail("it is compiled again"))
        assert not await watcher.check_once()
    (folder / "a.yaml").write_text(document("a", "b"))
    assert await watcher.check_once()
    assert names(snapshot.policy) == ["a", "b"]


async def until(condition) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110 - what is waited for is in files
            await asyncio.sleep(0.01)


async def test_what_does_not_change_is_not_loaded_again(folder):
    gate = await Gate(folder).settled()
    assert not await gate.watcher.check_once()
    assert (gate.swaps, gate.snapshot.generation, gate.snapshot.failures) == ([], 1, 0)


async def test_an_edit_is_noticed(folder):
    gate = await Gate(folder).settled()
    (folder / "a.yaml").write_text(document("b"))
    assert await gate.watcher.check_once()
    assert (gate.names, gate.swaps, gate.snapshot.generation) == (["b"], [["b"]], 2)
    assert not await gate.watcher.check_once()


async def test_an_edit_between_the_first_load_and_the_first_look_is_noticed(folder):
    gate = Gate(folder)
    (folder / "a.yaml").write_text(document("b"))
    assert await gate.watcher.check_once()
    assert gate.names == ["b"]


async def test_an_edit_that_keeps_size_and_time_is_noticed(folder):
    """As of an editor that restores times, or of two writes within one tick of the file system's clock."""
    file = folder / "a.yaml"
    gate = await Gate(folder).settled()
    before = file.stat()
    file.write_text(document("b"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert await gate.watcher.check_once()
    assert gate.names == ["b"]


async def test_a_file_that_is_added_renamed_or_removed_is_noticed(folder):
    gate = await Gate(folder).settled()
    (folder / "b.yaml").write_text(document("b").partition("---\n")[2])
    assert await gate.watcher.check_once()
    assert gate.names == ["a", "b"]
    (folder / "b.yaml").rename(folder / "0.yaml")
    assert await gate.watcher.check_once()
    assert gate.names == ["b", "a"]
    (folder / "0.yaml").unlink()
    assert await gate.watcher.check_once()
    assert gate.names == ["a"]


async def test_a_file_that_is_no_policy_is_not_looked_at(folder):
    gate = await Gate(folder).settled()
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.yaml").write_text("kind: [")
    assert not await gate.watcher.check_once()
    assert gate.snapshot.failures == 0


async def test_a_touched_file_changes_nothing(folder):
    gate = await Gate(folder).settled()
    os.utime(folder / "a.yaml")
    assert not await gate.watcher.check_once()
    assert gate.swaps == []


async def test_content_that_means_the_same_changes_nothing(folder):
    gate = await Gate(folder).settled()
    (folder / "a.yaml").write_text(document("a") + "# a comment at the end\n")
    assert not await gate.watcher.check_once()
    assert gate.swaps == []


async def test_the_symlink_swap_of_a_config_map_is_noticed(tmp_path):
    """A mounted ConfigMap is a symlink per file into `..data`, itself a symlink that is replaced by a rename."""
    mount = tmp_path / "mount"
    mount.mkdir()

    def publish(version: str, *given: str) -> None:
        (mount / version).mkdir()
        (mount / version / "a.yaml").write_text(document(*given))
        (mount / "..tmp").symlink_to(version)
        (mount / "..tmp").rename(mount / "..data")

    publish("..1", "a")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    gate = await Gate(mount).settled()
    publish("..2", "b")
    shutil.rmtree(mount / "..1")
    assert await gate.watcher.check_once()
    assert gate.names == ["b"]


async def test_a_symlinked_directory_that_is_pointed_elsewhere_is_noticed(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(document(name))
    (tmp_path / "policy").symlink_to("one")
    gate = await Gate(tmp_path / "policy").settled()
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").rename(tmp_path / "policy")
    assert await gate.watcher.check_once()
    assert gate.names == ["two"]


async def test_every_path_is_watched(folder, tmp_path):
    other = tmp_path / "overlay.yaml"
    other.write_text(document("b").partition("---\n")[2])
    gate = await Gate(folder, other).settled()
    other.write_text(document("c").partition("---\n")[2])
    assert await gate.watcher.check_once()
    assert gate.names == ["a", "c"]


async def test_a_bad_policy_leaves_the_old_one_and_is_reported_once(folder, caplog):
    gate = await Gate(folder).settled()
    (folder / "b.yaml").write_text("apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nspec: {host: x}\n")
    with caplog.at_level(logging.ERROR):
        assert not await gate.watcher.check_once()
        assert not await gate.watcher.check_once()
    assert (gate.names, gate.swaps, gate.snapshot.failures, gate.snapshot.generation) == (["a"], [], 1, 1)
    assert f"{folder}/b.yaml:3:8" in gate.snapshot.last_error
    assert [record.getMessage() for record in caplog.records if f"{folder}/b.yaml:3:8" in record.getMessage()]
    assert len([record for record in caplog.records if "stays in force" in record.getMessage()]) == 1


async def test_every_problem_is_logged(folder, caplog):
    gate = await Gate(folder).settled()
    (folder / "b.yaml").write_text("kind: [")
    (folder / "c.yaml").write_text("kind: [")
    with caplog.at_level(logging.ERROR):
        await gate.watcher.check_once()
    for name in ("b", "c"):
        assert any(f"{name}.yaml:1:" in record.getMessage() for record in caplog.records)
    assert gate.snapshot.last_error.count("\n") == 1


async def test_a_bad_policy_that_is_mended_is_loaded(folder):
    gate = await Gate(folder).settled()
    (folder / "a.yaml").write_text("kind: [")
    assert not await gate.watcher.check_once()
    (folder / "a.yaml").write_text(document("b"))
    assert await gate.watcher.check_once()
    assert (gate.names, gate.snapshot.last_error, gate.snapshot.failures) == (["b"], "", 1)


async def test_a_bad_policy_that_is_taken_back_is_no_longer_an_error(folder):
    gate = await Gate(folder).settled()
    (folder / "a.yaml").write_text("kind: [")
    await gate.watcher.check_once()
    (folder / "a.yaml").write_text(document("a"))
    assert not await gate.watcher.check_once()
    assert (gate.snapshot.last_error, gate.swaps) == ("", [])


@pytest.mark.parametrize("how", ["removed", "unreadable"])
async def test_files_that_are_gone_leave_the_old_policy(folder, how):
    gate = await Gate(folder).settled()
    if how == "removed":
        shutil.rmtree(folder)
    else:
        (folder / "a.yaml").write_bytes(b"\xff\xfe\xff")
    assert not await gate.watcher.check_once()
    assert not await gate.watcher.check_once()
    assert (gate.names, gate.snapshot.failures) == (["a"], 1)


async def test_reload_loads_what_has_not_changed(folder):
    gate = await Gate(folder).settled()
    assert await gate.watcher.reload()
    assert (gate.swaps, gate.snapshot.generation) == ([["a"]], 2)
    assert not await gate.watcher.check_once()


async def test_reload_says_that_a_bad_policy_was_refused_every_time(folder):
    gate = await Gate(folder).settled()
    (folder / "a.yaml").write_text("kind: [")
    assert not await gate.watcher.reload()
    assert not await gate.watcher.reload()
    assert (gate.names, gate.snapshot.failures) == (["a"], 2)
    assert "a.yaml:1:" in gate.snapshot.last_error


async def test_a_file_written_in_two_steps_is_never_loaded_in_between(folder):
    """The first half is a policy too: one that knows less."""
    gate = await Gate(folder, settle=0.3).settled()
    whole = document("b", "c")
    half = whole[: whole.rindex("---\n")]
    (folder / "a.yaml").write_text(half)
    looking = asyncio.create_task(gate.watcher.check_once())
    await asyncio.sleep(0.05)
    with (folder / "a.yaml").open("a") as file:
        file.write(whole[len(half) :])
    async with asyncio.timeout(WITHIN):
        assert await looking
    assert gate.swaps == [["b", "c"]]


async def test_files_that_never_stand_still_are_refused_when_asked_for(folder, monkeypatch):
    gate = await Gate(folder).settled()
    digests = (f"digest {number}" for number in range(1000))
    monkeypatch.setattr(Digests, "look", lambda _: next(digests))
    assert not await gate.watcher.reload()
    assert "keep changing" in gate.snapshot.last_error
    assert gate.swaps == []


async def test_the_event_loop_turns_while_a_policy_is_compiled(folder):
    gate = await Gate(folder).settled()
    (folder / "a.yaml").write_text(document(*(f"d{number}" for number in range(300))))
    turns = 0
    looking = asyncio.create_task(gate.watcher.check_once())
    async with asyncio.timeout(WITHIN):
        while not looking.done():
            turns += 1
            await asyncio.sleep(0)
    assert looking.result()
    assert turns > 50


async def test_a_failure_that_nobody_foresaw_leaves_the_old_policy(folder, monkeypatch, caplog):
    gate = await Gate(folder).settled()

    def broken(*_: object) -> Policy:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("outgate.reload.load", broken)
    (folder / "a.yaml").write_text(document("b"))
    with caplog.at_level(logging.ERROR):
        assert not await gate.watcher.check_once()
    assert gate.names == ["a"]
    assert gate.snapshot.last_error == "policy: could not be compiled: RuntimeError: unforeseen"


async def test_a_watcher_follows_changes_by_itself(folder):
    gate = Gate(folder)
    async with running(gate.watcher):
        (folder / "a.yaml").write_text(document("b"))
        await until(lambda: gate.names == ["b"])
        (folder / "a.yaml").write_text("kind: [")
        await until(lambda: gate.snapshot.failures == 1)
        (folder / "a.yaml").write_text(document("c"))
        await until(lambda: gate.names == ["c"])


async def test_a_watcher_outlives_what_it_tells_of_a_swap(folder, caplog):
    gate = Gate(folder)
    fail = iter([True])

    def observer(_: Policy) -> None:
        if next(fail, False):
            raise RuntimeError("observer")

    gate.snapshot.observers.append(observer)
    async with running(gate.watcher) as task:
        (folder / "a.yaml").write_text(document("b"))
        await until(lambda: gate.names == ["b"])
        (folder / "a.yaml").write_text(document("c"))
        await until(lambda: gate.names == ["c"])
        assert not task.done()


def test_files_that_stand_still_are_not_read_again(folder, monkeypatch):
    file = folder / "a.yaml"
    reads: list[Path] = []
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read(path))
    clock: Iterator[float] = iter([file.stat().st_ctime + seconds for seconds in (1, 3, 4, 5)])
    monkeypatch.setattr("outgate.reload.time.time", lambda: next(clock))
    digests = Digests([folder])
    looks = [digests.look() for _ in range(4)]
    assert len(set(looks)) == 1
    assert reads == [file, file]  # too fresh to be trusted at the first look, known from the second on
