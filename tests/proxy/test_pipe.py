"""Chunks pass their stages in order; one that fails leaves nothing to pass on."""

import asyncio

import pytest
from mitmproxy.test import tflow

from outgate.proxy.pipe import Chunk, OutgateBodyHook, run


class Noting:
    """Adds its name to what passes, and notes what it was given."""

    def __init__(self, name: bytes, wait: float = 0.0) -> None:
        self.name = name
        self.wait = wait
        self.seen: list[tuple[bytes, bool]] = []

    async def feed(self, data: bytes, last: bool) -> bytes:
        self.seen.append((data, last))
        await asyncio.sleep(self.wait)
        return data + self.name


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def feed(self, data: bytes, last: bool) -> bytes:
        raise self.error


def chunk(*stages, data=b"data", last=False) -> Chunk:
    return Chunk(tflow.tflow(), stages, data, last)


@pytest.mark.parametrize("last", [False, True])
async def test_stages_follow_each_other_and_may_wait(last):
    first, second = Noting(b"-1", wait=0.01), Noting(b"-2")
    passing = chunk(first, second, last=last)
    await run(passing)
    assert passing.data == b"data-1-2"
    assert (first.seen, second.seen) == ([(b"data", last)], [(b"data-1", last)])


async def test_the_end_of_a_body_reaches_every_stage_without_data():
    stages = [Noting(b"-1"), Noting(b"-2")]
    passing = chunk(*stages, data=b"", last=True)
    await run(passing)
    assert passing.data == b"-1-2"


async def test_without_stages_nothing_changes():
    passing = chunk()
    await run(passing)
    assert passing.data == b"data"


@pytest.mark.parametrize("error", [ValueError("deliberate"), asyncio.CancelledError()], ids=["error", "cancelled"])
@pytest.mark.parametrize("behind", [0, 1])
async def test_a_stage_that_fails_leaves_nothing(error, behind):
    passing = chunk(*[Noting(b"-1")] * behind, Failing(error))
    with pytest.raises(type(error)):
        await run(passing)
    assert passing.data == b""


async def test_while_a_stage_waits_there_is_nothing_to_pass_on():
    passing = chunk(Noting(b"-1", wait=10))
    running = asyncio.create_task(run(passing))
    await asyncio.sleep(0.01)
    assert passing.data == b""
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert passing.data == b""


def test_no_addon_is_asked_about_a_chunk_by_a_name_of_mitmproxys():
    assert OutgateBodyHook(chunk()).name == "outgate_body"
