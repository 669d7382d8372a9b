"""The webhook over real TLS: reviews are answered, everything else is refused, and nothing that fails admits a pod."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from admission.reviews import admitted, refused, review
from admission.secured import Pair, ask, parsed, raw
from injection.podded import PLAIN, pod
from outgate.admission import review as reviewing
from outgate.admission import server
from outgate.admission.keeping import Files, Keeping
from outgate.admission.server import MAX_BODY, Listener, Webhook
from outgate.injection import pods
from outgate.injection.settings import Settings

SETTINGS = Settings()


@dataclass
class Served:
    webhook: Webhook
    reviews: int
    metrics: int
    client: ssl.SSLContext
    listeners: list[Listener]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    made = Pair(tmp_path_factory.mktemp("webhook"))
    made.renew()
    return made


@pytest.fixture
async def served(pair) -> AsyncIterator[Served]:
    webhook = Webhook(Keeping(Files(pair.cert, pair.key)))
    listeners = [Listener("127.0.0.1:0", webhook, reviews=True), Listener("127.0.0.1:0", webhook, reviews=False)]
    for listener in listeners:
        listener.start()
    yield Served(webhook, listeners[0].port, listeners[1].port, pair.client(), listeners)
    for listener in listeners:
        await listener.stop()


async def test_a_review_goes_round(served):
    said = await ask(served.reviews, served.client, review(PLAIN))
    assert (said.status, said.headers["content-type"]) == (200, "application/json")
    assert admitted(PLAIN, said.content) == pods.inject(PLAIN, SETTINGS)[0]
    assert "server" not in said.headers


async def test_one_connection_carries_many(served):
    body = json.dumps(review(PLAIN)).encode()
    head = f"POST /inject HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    sent = b"".join(f"{head}{last}\r\n".encode() + body for last in ("", "", "Connection: close\r\n"))
    answers, _ = await raw(served.reviews, sent, served.client)
    assert answers.count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8"])
async def test_the_content_type_may_be_written_otherwise(served, kind):
    assert (await ask(served.reviews, served.client, review(PLAIN), Content_Type=kind)).status == 200


@pytest.mark.parametrize(
    ("content", "headers", "status", "told"),
    [
        (review(PLAIN), {"Content_Type": "text/plain"}, 415, 'the content type is "text/plain"; send application/json'),
        (review(PLAIN), {"Content_Type": ""}, 415, 'the content type is ""'),
        (b"", {}, 400, "the body is no JSON"),
        (b'{"apiVersion": ', {}, 400, "the body is no JSON"),
        (review(PLAIN) | {"apiVersion": "admission.k8s.io/v1beta1"}, {}, 400, "set admissionReviewVersions: [v1]"),
        (review(PLAIN, uid=None), {}, 400, "the request has no uid"),
        (b"x", {"Content_Length": str(MAX_BODY + 1)}, 413, f"the body has more than {MAX_BODY} bytes"),
        (b"x", {"Content_Length": "9" * 30}, 413, "the body has more than"),
    ],
    ids=["type", "no-type", "empty", "cut", "v1beta1", "uid", "large", "huge"],
)
async def test_what_is_no_review_is_refused_counted_and_outlived(served, content, headers, status, told):
    said = await ask(served.reviews, served.client, content, **headers)
    assert said.status == status
    assert told in said.content["error"]
    assert served.webhook.malformed == 1
    assert not served.webhook.outcomes
    assert (await ask(served.reviews, served.client, review(PLAIN))).status == 200


@pytest.mark.parametrize("length", ["abc", "-1", "1, 2", "0x10"])
async def test_a_length_that_is_none_gets_no_answer_that_admits(served, length, caplog):
    head = f"POST /inject HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    answer, _ = await raw(served.reviews, head.encode(), served.client)
    assert answer == b"" or parsed(answer, b"").status == 400
    assert "Traceback" not in caplog.text
    assert (await ask(served.reviews, served.client, review(PLAIN))).status == 200


async def test_a_body_in_pieces_is_read_and_one_without_end_is_not(served, monkeypatch):
    body = json.dumps(review(PLAIN)).encode()
    head = "POST /inject HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
    head += "Transfer-Encoding: chunked\r\n\r\n"
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:100], body[100:]))
    answer, _ = await raw(served.reviews, head.encode() + pieces + b"0\r\n\r\n", served.client)
    assert admitted(PLAIN, parsed(answer, b"").content)
    monkeypatch.setattr(server, "MAX_BODY", 150)
    answer, _ = await raw(served.reviews, head.encode() + pieces + b"0\r\n\r\n", served.client)
    assert parsed(answer, b"").status == 413


async def test_one_that_ends_in_the_middle_is_outlived(served, caplog):
    body = json.dumps(review(PLAIN)).encode()
    head = f"POST /inject HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    for sent in (b"POST /inj", head.encode(), head.encode() + body[:50]):
        await raw(served.reviews, sent, served.client, ends=True)
    assert (await ask(served.reviews, served.client, review(PLAIN))).status == 200
    assert sum(served.webhook.outcomes.values()) == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/inject", 405),
        ("PUT", "/inject", 405),
        ("POST", "/", 404),
        ("POST", "/metrics", 404),
        ("GET", "/metrics", 404),
        ("POST", "/healthz", 405),
    ],
)
async def test_other_paths_and_methods_are_told_apart(served, method, path, status):
    said = await ask(served.reviews, served.client, review(PLAIN), path, method)
    assert said.status == status
    assert said.content["error"]


async def test_without_tls_there_is_nothing(served):
    with suppress(ConnectionError):  # it may end in either way
        assert await raw(served.reviews, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", None) == (b"", b"")
    assert (await ask(served.reviews, served.client, path="/healthz", method="GET")).status == 200


async def test_whatever_fails_admits_no_pod_and_the_next_is_judged(pair, caplog):
    failing = [True]

    def judge(*given):
        if failing.pop() if failing else False:
            raise RuntimeError("boom")
        return reviewing.answer(*given)

    webhook = Webhook(Keeping(Files(pair.cert, pair.key)), judge)
    listener = Listener("127.0.0.1:0", webhook, reviews=True)
    listener.start()
    try:
        said = await ask(listener.port, pair.client(), review(PLAIN))
        assert said.status == 200
        assert "the webhook failed, so the pod is not admitted" in refused(said.content)
        assert "boom" in caplog.text
        assert admitted(PLAIN, (await ask(listener.port, pair.client(), review(PLAIN))).content)
    finally:
        await listener.stop()
    assert webhook.outcomes == {"failed": 1, "injected": 1}


async def test_probes_and_metrics(served):
    await ask(served.reviews, served.client, review(PLAIN))
    await ask(served.reviews, served.client, review(pod({"hostNetwork": True})))
    await ask(served.reviews, served.client, b"no")
    for port, context in ((served.reviews, served.client), (served.metrics, None)):
        assert (await ask(port, context, path="/healthz", method="GET")).content == {"status": "ok"}
        assert (await ask(port, context, path="/readyz", method="GET")).content == {"ready": True}
    told = (await ask(served.metrics, None, path="/metrics", method="GET")).body.decode()
    for line in (
        'outgate_webhook_reviews_total{outcome="injected"} 1',
        'outgate_webhook_reviews_total{outcome="refused"} 1',
        'outgate_webhook_reviews_total{outcome="failed"} 0',
        "outgate_webhook_malformed_total 1",
    ):
        assert line in told
    assert (await ask(served.metrics, None, review(PLAIN))).status == 404


async def test_one_that_ends_says_so_and_still_answers(served):
    served.webhook.draining = True
    served.listeners[0].drain()
    ready = await ask(served.reviews, served.client, path="/readyz", method="GET")
    assert (ready.status, ready.content) == (503, {"ready": False, "reason": "draining"})
    said = await ask(served.reviews, served.client, review(PLAIN), Connection="")
    assert said.headers["connection"] == "close"
    assert admitted(PLAIN, said.content)


async def test_names_in_the_log_are_quoted(served, caplog):
    caplog.set_level(logging.INFO, "outgate.admission.server")
    await ask(served.reviews, served.client, review(pod({"hostNetwork": True}, name="a\nready: no")))
    (line,) = [record.getMessage() for record in caplog.records if "hostNetwork" in record.getMessage()]
    assert line.startswith('refused the pod "shop/a\\nready: no": "Pod a\\nready: no: it shares')


async def test_there_is_room_for_so_many_and_no_more(served, pair, monkeypatch):
    webhook = Webhook(Keeping(Files(pair.cert, pair.key)))
    monkeypatch.setattr(server, "CONNECTIONS", 2)
    listener = Listener("127.0.0.1:0", webhook, reviews=True)
    listener.start()
    held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]
    try:
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await ask(listener.port, pair.client(), path="/healthz", method="GET")
    finally:
        for _, writer in held:
            writer.close()
        await listener.stop()
