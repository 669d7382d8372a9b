"""A page that is only looked at is given copies of what is over: redacted, cut, under the same ids."""

import asyncio
import io
from types import SimpleNamespace

from mitmproxy.addons.view import View
from mitmproxy.io import FlowReader
from mitmproxy.test import tflow

from outgate.proxy.window import SHOWN_BODY, Window
from proxy.test_copies import SECRET, secretive
from proxy.test_marks import passed


async def shown(window: Window, *flows):
    """What is on the page when the flows are over."""
    for made in flows:
        window.requestheaders(made)
        window.request(made)
        window.responseheaders(made)
        window.response(made)
        assert len(window.master.view) == 0, "nothing of a flow that passes is shown"
    for made in flows:
        window.outgate_exchange(made)
    for _ in range(1000):
        if len(window.master.view) == len(flows):
            break
        await asyncio.sleep(0.01)
    return list(window.master.view)


def window() -> Window:
    return Window(SimpleNamespace(view=View()))


async def test_what_is_over_is_shown_as_a_copy():
    made = secretive(passed())
    (copy,) = await shown(window(), made)
    assert copy is not made
    assert copy.id == made.id
    assert SECRET not in repr(copy.get_state())
    assert copy.get_state()["backup"] is None
    assert copy.client_conn.peername == ("", 0)
    assert copy.comment.startswith("allow registered (2 redacted): api.example:80 is registered [")


async def test_a_failure_is_told_by_its_code_alone():
    """Its words may quote what was received."""
    (copy,) = await shown(window(), passed(failure=f"it said {SECRET}", error_code="upstream_reset"))
    assert copy.comment.startswith("allow registered (UC): upstream_reset; api.example:80")
    assert copy.marked == ":warning:"
    assert SECRET not in repr(copy.get_state())


async def test_a_long_body_is_cut():
    made = passed()
    made.response.content = b"a " * SHOWN_BODY
    (copy,) = await shown(window(), made)
    assert copy.response.raw_content == b"a " * (SHOWN_BODY // 2)
    assert "response.body cut" in copy.comment


async def test_of_messages_the_last_are_shown():
    made = passed()
    made.websocket = tflow.twebsocketflow().websocket
    for message in made.websocket.messages:
        message.content = b"b" * (SHOWN_BODY // 2 - 1)
    made.websocket.messages[-1].content = b"last"
    (copy,) = await shown(window(), made)
    assert len(copy.websocket.messages) == 2 < len(made.websocket.messages)
    assert copy.websocket.messages[-1].content == b"last"


async def test_bodies_are_kept_to_be_redacted():
    held, made = window(), passed()
    made.response = None
    held.requestheaders(made)
    made.response = tflow.tflow(resp=True).response
    held.responseheaders(made)
    exchange = made.__dict__["outgate"]
    assert exchange.request_kept is not None
    assert exchange.response_kept is not None
    assert (exchange.body_limit, exchange.response_limit) == (0, 0), "nobody waits for them"


async def test_a_file_of_them_is_what_is_shown():
    page = window()
    copies = await shown(page, secretive(passed()), secretive(passed()))
    data = await page.dump(copies)
    assert SECRET.encode() not in data
    assert [each.id for each in FlowReader(io.BytesIO(data)).stream()] == [copy.id for copy in copies]
