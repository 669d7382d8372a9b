"""When destinations were last used outlives the process, is shared between several, and never grows without end."""

import asyncio
import json
import logging
import stat
from multiprocessing import get_context

import pytest

from acting import acting_as
from outgate.telemetry import usage
from outgate.telemetry.usage import LOCK, LastUse, Usage, bounded, combined, merged


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


def content(folder):
    return json.loads((folder / usage.FILE).read_text())


async def test_without_a_directory_it_counts_since_the_start():
    record = LastUse({}, None, clock=Clock())
    record.used["a"] = 1001.0
    await record.flush()
    assert record.usage() == Usage(1000.0, {"a": 1001.0}, persisted=False)


async def test_it_outlives_the_process(tmp_path):
    first = LastUse({}, tmp_path / "state", clock=Clock(1000.0))
    first.used |= {"a": 1001.0, "b": 1002.0}
    await first.flush()
    second = LastUse({}, tmp_path / "state", clock=Clock(2000.0))
    assert second.usage().used == {}
    await second.flush()
    second.used["b"] = 2002.0
    assert second.usage() == Usage(1000.0, {"a": 1001.0, "b": 2002.0}, persisted=True)


async def test_what_is_used_while_it_is_written_is_not_lost(tmp_path):
    record = LastUse({"a": 1001.0}, tmp_path, clock=Clock())
    writing = asyncio.create_task(record.flush())
    await asyncio.sleep(0)
    record.used["a"], record.used["b"] = 1005.0, 1006.0
    await writing
    assert record.usage().used == {"a": 1005.0, "b": 1006.0}
    await record.flush()
    assert content(tmp_path)["used"] == {"a": 1005.0, "b": 1006.0}
    assert record.used == {}


async def test_what_is_still_open_is_in_use_now(tmp_path):
    clock, open_ones = Clock(), {"tunnel"}
    record = LastUse({}, tmp_path, lambda: open_ones, clock=clock)
    clock.now = 5000.0
    assert record.usage().used == {"tunnel": 5000.0}
    await record.flush()
    open_ones.clear()
    clock.now = 6000.0
    assert record.usage().used == {"tunnel": 5000.0}


def write(folder, number):
    record = LastUse({f"own-{number}": 1000.0 + number, "shared": 2000.0 + number}, folder)
    asyncio.run(record.flush())


async def test_processes_add_to_one_file_and_the_newest_counts(tmp_path):
    processes = [get_context("spawn").Process(target=write, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join, 60)
        assert process.exitcode == 0
    used = content(tmp_path)["used"]
    assert used == {f"own-{number}": 1000.0 + number for number in range(4)} | {"shared": 2003.0}


async def test_nobody_else_reads_it_and_nothing_half_written_is_left(tmp_path):
    folder = tmp_path / "state"
    record = LastUse({"a": 1.0}, folder)
    await record.flush()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {entry.name for entry in folder.iterdir()} == {usage.FILE, LOCK}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in folder.iterdir()} == {0o600}


async def test_nothing_is_written_where_nothing_was_used(tmp_path):
    record = LastUse({"a": 1.0}, tmp_path)
    await record.flush()
    before = (tmp_path / usage.FILE).stat().st_ino
    await record.flush()
    assert (tmp_path / usage.FILE).stat().st_ino == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"used": 3, "since": 1}',
        '{"used": {"a": "x"}, "since": 1}',
        '{"used": {"a": "nan"}, "since": 1}',
        '{"used": {}, "since": "inf"}',
        "[" * 100_000,
    ],
)
async def test_a_file_that_is_none_of_ours_is_begun_anew(tmp_path, text, caplog):
    (tmp_path / usage.FILE).write_text(text)
    record = LastUse({"a": 1001.0}, tmp_path, clock=Clock())
    with caplog.at_level(logging.WARNING):
        await record.flush()
    assert "begun anew" in caplog.text
    assert content(tmp_path) == {"version": 1, "since": 1000.0, "used": {"a": 1001.0}}


async def test_a_directory_that_cannot_be_written_is_told_of_once_and_nothing_is_lost(tmp_path, caplog):
    with acting_as(1000):
        record = LastUse({"a": 1001.0}, tmp_path / "no" / "way", clock=Clock())
        for _ in range(2):
            await record.flush()
    assert record.usage().used == {"a": 1001.0}
    assert record.usage().persisted is False
    assert "Permission denied" in record.usage().problem
    assert caplog.text.count("cannot be written") == 1
    await record.flush()
    assert record.usage() == Usage(1000.0, {"a": 1001.0}, persisted=True)


async def test_a_link_in_its_place_is_not_followed(tmp_path):
    target = tmp_path / "target"
    (tmp_path / LOCK).symlink_to(target)
    record = LastUse({"a": 1.0}, tmp_path)
    await record.flush()
    assert not target.exists()
    assert record.usage().persisted is False


async def until(done):
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_it_is_written_now_and_then_until_it_is_cancelled(tmp_path):
    record = LastUse({"a": 1.0}, tmp_path, interval=0.01)
    running = asyncio.create_task(record.run())
    await until((tmp_path / usage.FILE).exists)
    record.used["b"] = 2.0
    await until(lambda: "b" in content(tmp_path)["used"])
    running.cancel()


async def test_only_so_many_are_kept_and_those_are_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "MOST", 3)
    for folder in (None, tmp_path):
        used = {str(number): float(number) for number in range(10)}
        record = LastUse(used, folder)
        await record.flush()
        assert set(record.usage().used) == {"7", "8", "9"}
        assert len(used) <= 3
    assert set(content(tmp_path)["used"]) == {"7", "8", "9"}


def test_records_are_merged_by_the_newest():
    assert merged({"a": 1.0, "b": 5.0}, {"a": 2.0, "c": 3.0}, {"b": 4.0}) == {"a": 2.0, "b": 5.0, "c": 3.0}
    assert merged() == {}
    assert bounded({"a": 1.0}) == {"a": 1.0}


def test_what_several_processes_know_together():
    one, two = Usage(10.0, {"a": 11.0, "b": 15.0}, persisted=True), Usage(5.0, {"a": 12.0}, persisted=True)
    assert combined([one, two]) == Usage(5.0, {"a": 12.0, "b": 15.0}, persisted=True)
    lost = Usage(7.0, {"c": 8.0}, persisted=False, problem="the disk is full")
    assert combined([one, lost]) == Usage(7.0, {"a": 11.0, "b": 15.0, "c": 8.0}, False, "the disk is full")
    assert combined([]) == Usage(0.0, {})
