"""Messages and answers between two processes, and what the end of one of them does."""

import asyncio
import socket

import pytest

from outgate.workers.channel import MAX_LINE, MAX_WAITING, Channel, ChannelClosed, TooLong

WITHIN = 10.0


@pytest.fixture
async def ends():
    ours, theirs = socket.socketpair()
    made = await Channel.over(ours), await Channel.over(theirs)
    yield made
    for end in made:
        end.close()


async def heard(channel):
    return [message async for message in channel.messages()]


async def test_messages_arrive_in_their_order_until_the_other_end_is_gone(ends):
    here, there = ends
    here.send({"beat": 1})
    here.send({"beat": 2})
    here.close()
    async with asyncio.timeout(WITHIN):
        assert await heard(there) == [{"beat": 1}, {"beat": 2}]


async def test_a_question_is_answered_while_other_messages_come(ends):
    here, there = ends
    listening = asyncio.create_task(heard(here))
    asked = asyncio.create_task(here.ask("reload", WITHIN))
    async for message in there.messages():
        assert message["ask"] == "reload"
        there.send({"beat": 1})
        there.send({"answers": message["number"], "loaded": True})
        break
    assert (await asked)["loaded"] is True
    there.close()
    assert await listening == [{"beat": 1}]


async def test_a_question_that_is_not_answered_in_time_is_given_up(ends):
    with pytest.raises(TimeoutError):
        await ends[0].ask("report", 0.01)


async def test_a_question_to_somebody_who_leaves_fails_at_once(ends):
    here, there = ends
    listening = asyncio.create_task(heard(here))
    asked = asyncio.create_task(here.ask("report", WITHIN))
    await asyncio.sleep(0)
    there.close()
    async with asyncio.timeout(WITHIN):
        with pytest.raises(ChannelClosed):
            await asked
        await listening


async def test_an_answer_that_nobody_waits_for_is_dropped(ends):
    here, there = ends
    there.send({"answers": 99})
    there.close()
    assert await heard(here) == []


async def test_what_was_cut_off_in_the_middle_is_the_end():
    ours, theirs = socket.socketpair()
    theirs.sendall(b'{"beat": 1}\n{"be')
    theirs.close()
    channel = await Channel.over(ours)
    assert await heard(channel) == [{"beat": 1}]
    channel.close()


@pytest.mark.parametrize("line", [b"[]", b"1", b"null", b'"answers"', b"[" * 100_000, b"\xff"])
async def test_a_line_that_is_no_message_is_the_end(line):
    ours, theirs = socket.socketpair()
    channel = await Channel.over(ours)
    theirs.sendall(b'{"beat": 1}\n' + line + b'\n{"beat": 2}\n')
    theirs.close()
    async with asyncio.timeout(WITHIN):
        assert await heard(channel) == [{"beat": 1}]
    channel.close()


async def test_nothing_piles_up_for_an_end_that_does_not_read(ends):
    here, _ = ends
    long = {"beat": "x" * (MAX_WAITING // 4)}

    def send_on():
        for _ in range(100):
            here.send(long)

    with pytest.raises(ChannelClosed, match="does not read"):
        send_on()


async def test_a_message_that_would_not_be_read_is_not_sent(ends):
    here, there = ends
    with pytest.raises(TooLong, match="are the most"):
        here.send({"beat": "x" * MAX_LINE})
    here.send({"beat": 1})
    here.close()
    async with asyncio.timeout(WITHIN):
        assert await heard(there) == [{"beat": 1}]


async def test_a_name_that_is_no_utf8_arrives(ends):
    here, there = ends
    here.send({"error": "caf\udce9.yaml", "counts": {"a": 1}})
    here.close()
    async with asyncio.timeout(WITHIN):
        assert await heard(there) == [{"error": "caf\udce9.yaml", "counts": {"a": 1}}]
