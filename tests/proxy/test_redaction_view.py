"""The view of redaction: what is taken, by which rule and why, in the message and in its place."""

import json

import pytest
from mitmproxy import contentviews, http
from mitmproxy.contentviews import Metadata
from mitmproxy.test import taddons, tflow

from outgate.policy.model import Source
from outgate.policy.redaction_model import (
    Carrier,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.problems import Where
from outgate.proxy.flowfile import made as kept_flow
from outgate.proxy.redaction_view import NOTHING, RedactionView, add
from outgate.redact.exchange import Exchange, Request
from outgate.redact.redacted import Manifest, Mark, seal
from proxy.test_copies import SECRET, secretive
from proxy.test_marks import passed

SOURCE = Source(Where("policy.yaml", 7, 1), "EgressRedaction", "mine", "prod")
PLAN = RedactionRule("plans", (Selector(Carrier.KEY, "plan"),), replacement=Replacement(Strategy.HASH), source=SOURCE)


def seen(made: http.HTTPFlow, message, *, kept: bool = False, keeping: KeepingPolicy | None = None) -> str:
    metadata = Metadata(flow=made, content_type="application/json")
    if isinstance(message, http.Message):
        metadata.http_message = message
    else:
        metadata.websocket_message = message
    said = keeping or KeepingPolicy()
    return RedactionView(lambda: said, kept=kept).prettify(message.content, metadata)


def test_places_rules_and_the_body_with_them():
    made = secretive(passed())
    said = seen(made, made.response)
    assert "  response.body.$.password  default-password-by-name  token\n" in said
    assert '"password": "⟦default-password-by-name⟧"' in said
    assert SECRET not in said
    assert "request." not in said
    assert "request.header.authorization  default-headers  token" in seen(made, made.request)


def test_the_document_behind_a_rule():
    made = passed()
    made.response.headers["content-type"], made.response.content = "application/json", b'{"plan": "gold"}'
    said = seen(made, made.response, keeping=KeepingPolicy((RedactionPolicy("mine", rules=(PLAN,)),)))
    assert f"response.body.$.plan  plans  hash  [{SOURCE}]" in said


def test_where_nothing_is_taken_that_is_said():
    made = passed()
    made.request.headers.clear()
    assert seen(made, made.request).startswith(NOTHING)


def test_a_body_that_nobody_can_look_into_would_be_dropped():
    made = passed()
    made.response.headers["content-encoding"], made.response.raw_content = "gzip", b"no gzip"
    metadata = Metadata(flow=made, http_message=made.response)
    said = RedactionView(KeepingPolicy).prettify(b"no gzip", metadata)
    assert "All of response.body would be dropped: undecodable." in said
    assert not said.endswith("no gzip")


def test_a_message_of_a_websocket_by_itself():
    made = passed()
    made.websocket = tflow.twebsocketflow().websocket
    message = made.websocket.messages[1]
    message.content = json.dumps({"password": SECRET}).encode()
    said = seen(made, message)
    assert "message[0].$.password  default-password-by-name" in said
    assert SECRET not in said


def test_a_copy_says_what_was_taken():
    manifest = Manifest("", (Mark("request.query.token", "default-parameters", "token"),))
    copy = kept_flow(seal(Exchange("1", 0.0, Request("GET", "http", "a.example", 80, "/?token=tok_x")), manifest))
    said = seen(copy, copy.request, kept=True)
    assert "Redaction took these:" in said
    assert "  request.query.token  default-parameters  token\n" in said


def test_it_is_about_http():
    with pytest.raises(ValueError, match="HTTP alone"):
        RedactionView(KeepingPolicy).prettify(b"", Metadata(flow=tflow.ttcpflow()))


def test_people_choose_it_and_nothing_else_does():
    before = dict(contentviews.registry._by_name)
    try:
        add(KeepingPolicy)
        assert "redaction" in contentviews.registry.available_views()
        made = secretive(passed())
        with taddons.context():
            assert contentviews.prettify_message(made.response, made).view_name == "JSON"
            assert contentviews.prettify_message(made.response, made, "redaction").view_name == "Redaction"
    finally:
        contentviews.registry._by_name = before
