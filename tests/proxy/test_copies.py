"""What is in a flow is redacted away from the event loop, within bounds; whatever goes wrong costs what is shown."""

import asyncio
import io
import threading

import pytest
from mitmproxy.io import FlowReader
from mitmproxy.test import tflow

from outgate.policy.redaction_model import (
    Carrier,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.proxy import copies as module
from outgate.proxy.copies import Copies, neutral_of, neutrals
from proxy.test_marks import passed

SECRET = "hunter2hunter2"


def secretive(made=None):
    found = made if made is not None else tflow.tflow(resp=True)
    found.request.headers["authorization"] = f"Bearer {SECRET}"
    found.response.headers["content-type"] = "application/json"
    found.response.content = f'{{"password": "{SECRET}"}}'.encode()
    return found


async def kept_of(copies, *flows):
    loop = asyncio.get_running_loop()
    waiting = [loop.create_future() for _ in flows]
    for made, future in zip(flows, waiting, strict=True):
        copies.later(made, future.set_result)
    return await asyncio.wait_for(asyncio.gather(*waiting), 10)


async def test_nothing_of_a_secret_is_left():
    copies = Copies(KeepingPolicy)
    one, other = await kept_of(copies, secretive(), secretive())
    assert SECRET not in repr(one.exchange)
    assert one.exchange.response.body.content == other.exchange.response.body.content, "equal values join"
    assert {mark.where for mark in one.manifest.marks} >= {"request.header.authorization", "response.body.$.password"}


async def test_the_policy_in_force_says_how():
    rule = RedactionRule("mine", (Selector(Carrier.KEY, "password"),), replacement=Replacement(Strategy.CONSTANT, "x"))
    keeping = KeepingPolicy()
    copies = Copies(lambda: keeping)
    first = copies.redactor()
    assert copies.redactor() is first
    keeping = KeepingPolicy((RedactionPolicy("mine", rules=(rule,)),))
    (kept,) = await kept_of(copies, secretive())
    assert kept.exchange.response.body.content == b'{"password": "x"}'


async def test_a_flow_has_its_verdict_and_the_port_that_was_named():
    made = passed()
    made.request.port = 8443
    found = neutral_of(made)
    assert (found.id, found.request.port, found.verdict.code, found.caller) == (made.id, 80, "registered", "prod/web")
    assert neutral_of(tflow.tflow()).verdict.code == ""


def test_what_is_no_exchange_is_left_out(caplog):
    assert len(neutrals([tflow.tflow(), tflow.tdnsflow(), tflow.ttcpflow()])) == 2
    assert "of the kind dns" in caplog.text


@pytest.mark.parametrize("bound", ["WAITING", "HELD"])
async def test_what_is_too_much_is_not_looked_at(monkeypatch, caplog, bound):
    monkeypatch.setattr(module, bound, 0)
    copies = Copies(KeepingPolicy)
    for _ in range(3):
        copies.later(secretive(), pytest.fail)
    assert copies.lost == 3
    assert caplog.text.count("too much waits") == 1


async def test_room_is_given_back():
    copies = Copies(KeepingPolicy)
    await kept_of(copies, *(secretive() for _ in range(3)))
    assert (copies._waiting, copies._held) == (0, 0)


async def test_whatever_fails_says_nothing_of_what_passed(monkeypatch, caplog):
    copies = Copies(KeepingPolicy)

    def fails(_):
        raise ValueError(SECRET)

    monkeypatch.setattr(module, "neutral_of", fails)
    copies.later(secretive(), pytest.fail)
    monkeypatch.undo()
    copies.later(secretive(), fails)
    for _ in range(500):
        if copies.lost == 2:
            break
        await asyncio.sleep(0.01)
    assert copies.lost == 2
    assert SECRET not in caplog.text


async def test_a_file_of_flows_is_redacted():
    data = await Copies(KeepingPolicy).dump([secretive(passed()), secretive()])
    assert SECRET.encode() not in data
    assert len(list(FlowReader(io.BytesIO(data)).stream())) == 2


async def test_redaction_is_not_the_event_loops_work():
    keeping, seen = KeepingPolicy(), []
    copies = Copies(lambda: keeping)
    copies.redactor().redact = lambda exchange: seen.append(threading.current_thread().name) or exchange
    await kept_of(copies, secretive())
    assert seen[0].startswith("page")
