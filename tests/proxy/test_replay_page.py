"""The page of a replay: what was recorded and how often it was asked for, what is asked, and what was missed."""

import json
from types import SimpleNamespace

import pytest
from mitmproxy.addons.view import View

from capture.exchanges import sealed
from outgate.capture.serving.desk import desk
from outgate.capture.serving.places import Arrival, Mode
from outgate.proxy.flowfile import OURS
from outgate.proxy.replay_page import ReplayPage
from outgate.redact.exchange import Request, Verdict

ARRIVED = Arrival(Mode.REGULAR, "http")
KEPT = [
    sealed("http://a.example/one", answer=b"one", verdict=Verdict("allow", "registered")),
    sealed("http://a.example/two", answer=b"two", verdict=Verdict(""), marks=(("request.query.x", "token"),)),
]


@pytest.fixture
def page():
    made = ReplayPage(SimpleNamespace(view=View()))
    made.desk = desk(KEPT)
    made.open(made.desk.matcher.entries)
    made.desk.watch = made.asked
    return made


async def ask(page: ReplayPage, path: str) -> None:
    await page.desk.find(Request("GET", "http", "a.example", 80, path), ARRIVED)


def said(page: ReplayPage) -> list[str]:
    return sorted(flow.comment for flow in page.master.view._store.values())


def test_what_was_recorded_is_shown(page):
    assert said(page) == ["recorded 1, not asked for: allow registered", "recorded 2, not asked for"]
    marks = [json.loads(flow.metadata[OURS])["redaction"].get("marks") for flow in page.recorded.values()]
    assert marks == [None, [["request.query.x", "rule", "token"]]]


@pytest.mark.parametrize(("times", "told"), [(1, "asked once"), (3, "asked 3 times")])
async def test_what_is_asked_is_shown_with_what_answered(page, times, told):
    for _ in range(times):
        await ask(page, "/two")
    assert said(page).count("answered from recorded 2") == times
    assert f"recorded 2, {told}" in said(page)


async def test_an_answer_is_the_recorded_one_and_a_miss_is_marked(page):
    await ask(page, "/one")
    await ask(page, "/three")
    answered, missed = list(page.master.view)[2:]
    assert (answered.request.path, answered.response.content, answered.is_replay) == ("/one", b"one", "response")
    assert missed.response.status_code == 599
    assert missed.marked == ":no_entry:"
    assert missed.comment.startswith("miss: GET http://a.example/three: nothing was recorded for this method")


async def test_nothing_of_it_can_be_sent(page):
    replays = page.commands[0]
    await ask(page, "/one")
    assert {replays.refusal(flow) for flow in page.master.view} == {"it did not come through this gate"}


async def test_the_last_of_them_are_shown(page, monkeypatch):
    monkeypatch.setattr("outgate.proxy.web.SHOWN", 3)
    for _ in range(5):
        await ask(page, "/one")
    assert len(page.master.view) == 3
