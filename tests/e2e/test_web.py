"""What is done in mitmweb goes through the gate: held, edited, let go, killed, sent again. Needs no namespaces."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from e2e.documents import Document, access, native, policy
from e2e.hosted import Hosted, Json
from e2e.lab import world
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server
from e2e.workload import Answer

HERE = "127.0.0.1"
SECRET = "s3cr3t-s3cr3t-s3cr3t"
WITHIN = 20.0


@pytest.fixture(scope="module")
def local(origin_pki: world.OriginPki) -> Iterator[LocalOrigins]:
    secured = Server("tls", "http", (f"{HERE}:0",), world.tls(origin_pki, "api"))
    with LocalOrigins([secured, Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


@pytest.fixture(scope="module")
def gate(
    local: LocalOrigins, origin_pki: world.OriginPki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosted]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(SECRET)

    def port(number: int, protocol: str, server: str) -> Document:
        at = local.address(server)[1]
        upstream = {"port": at, "endpoints": [{"address": HERE, "port": at}]}
        return {"number": number, "protocol": protocol, "upstream": upstream}

    ports = [port(80, "HTTP", "plain"), port(443, "HTTPS", "tls")]
    named = {"hosts": ["api.example"], "resolution": "STATIC", "ports": ports}
    confided = {"hosts": ["confided.example"], "resolution": "STATIC", "ports": ports[:1]}
    confided["headers"] = {"setFromFile": [{"name": "x-token", "file": str(token)}]}
    documents = policy(
        native("EgressDestination", "api", named),
        native("EgressDestination", "confided", confided),
        access("forbidden", action="DENY", rules=[{"to": [{"paths": ["/forbidden*"]}]}]),
        access("no-delete", action="DENY", rules=[{"to": [{"methods": ["DELETE"]}]}]),
    )
    with Hosted("mitmweb", documents, origin_pki) as running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()


@pytest.fixture
def web(gate: Hosted, local: LocalOrigins) -> Iterator[Hosted]:
    gate.does("POST", "/clear")
    local.records.forget()
    yield gate
    gate.does("PUT", "/options", {"intercept": ""})
    gate.does("POST", "/flows/resume")


class Asking:
    """A request under way in a thread of its own."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self.answers: list[Answer] = []
        self.thread = threading.Thread(target=lambda: self.answers.append(ask()), daemon=True)
        self.thread.start()

    def answer(self) -> Answer:
        self.thread.join(WITHIN)
        assert self.answers, "no answer in time"
        return self.answers[0]


def held(web: Hosted, pattern: str, url: str, *flags: str) -> tuple[Asking, Any]:
    """A request that somebody looks at: it is shown, and stays where it is."""
    web.does("PUT", "/options", {"intercept": pattern})
    asking = Asking(lambda: web.curl(url, *flags))
    return asking, web.flow(lambda flow: flow["intercepted"])


def lines(origins: LocalOrigins) -> list[str]:
    return [record["line"] for record in origins.records("request")]


@pytest.mark.parametrize("url", ["http://api.example/echo", "https://api.example/echo"])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_request_that_is_held_leaves_when_it_is_let_go(
    web: Hosted, local: LocalOrigins, url: str, version: str
) -> None:
    asking, flow = held(web, "~q", url, version)
    assert local.records("connection") == []
    web.does("POST", f"/flows/{flow['id']}/resume")
    assert asking.answer().status == 200
    assert len(lines(local)) == 1


def test_what_is_edited_is_what_leaves(web: Hosted, local: LocalOrigins) -> None:
    asking, flow = held(web, "~q", "http://api.example/echo", "--data-binary", "hello")
    headers = [*flow["request"]["headers"], ["x-edited", "yes"]]
    edited = {"path": "/echo?edited", "method": "PUT", "headers": headers, "content": "hello, edited"}
    web.does("PUT", f"/flows/{flow['id']}", {"request": edited})
    web.does("POST", f"/flows/{flow['id']}/resume")
    answer = asking.answer()
    assert answer.json["line"] == "PUT /echo?edited HTTP/1.1"
    assert answer.json["body"] == "hello, edited"
    assert ["x-edited", "yes"] in answer.json["headers"]


@pytest.mark.parametrize(
    ("edited", "status", "code"),
    [
        ({"path": "/forbidden"}, 403, "refused_by_rule"),
        ({"method": "DELETE"}, 403, "refused_by_rule"),
        ({"host": "evil.example"}, 502, "policy_failure"),
        ({"port": 8081}, 502, "policy_failure"),
        ({"scheme": "https"}, 502, "policy_failure"),
        ({"headers": [["host", "evil.example"]]}, 502, "policy_failure"),
        ({"headers": [["host", "api.example"], ["content-length", "100"]]}, 502, "policy_failure"),
        ({"path": "/a b"}, 400, "request_malformed"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_edited_request_is_judged_again(
    web: Hosted, local: LocalOrigins, edited: dict[str, Any], status: int, code: str
) -> None:
    asking, flow = held(web, "~q", "http://api.example/echo")
    web.does("PUT", f"/flows/{flow['id']}", {"request": edited})
    web.does("POST", f"/flows/{flow['id']}/resume")
    answer = asking.answer()
    assert (answer.status, answer.denial["code"]) == (status, code)
    assert lines(local) == []
    assert code in web.flow(lambda shown: shown["id"] == flow["id"])["comment"]


def test_an_answer_may_be_held_and_edited(web: Hosted) -> None:
    asking, flow = held(web, "~s", "http://api.example/echo")
    web.does("PUT", f"/flows/{flow['id']}", {"response": {"code": 418, "content": "edited"}})
    web.does("POST", f"/flows/{flow['id']}/resume")
    answer = asking.answer()
    assert (answer.status, answer.body) == (418, b"edited")


def test_a_request_that_is_killed_does_not_leave(web: Hosted, local: LocalOrigins) -> None:
    asking, flow = held(web, "~q", "http://api.example/echo")
    web.does("POST", f"/flows/{flow['id']}/kill")
    assert asking.answer().exit != 0
    assert local.records("connection") == []


def test_whoever_leaves_while_it_is_held_leaves_nothing_behind(web: Hosted, local: LocalOrigins) -> None:
    asking, flow = held(web, "~q", "http://api.example/echo", "--max-time", "0.5")
    assert asking.answer().exit == 28
    web.flow(lambda shown: shown["id"] == flow["id"] and not shown["intercepted"])
    assert local.records("connection") == []


# Again.


def answered(shown: Json) -> bool:
    """A client of HTTP/2 that has all of the body may be gone before the stream ends; the flow has an error, then."""
    response = shown.get("response", {})
    return bool(response.get("timestamp_end") or (response and shown.get("error")))


@pytest.mark.parametrize("url", ["http://api.example/echo", "https://api.example/echo"])
def test_what_is_sent_again_goes_through_the_gate(web: Hosted, local: LocalOrigins, url: str) -> None:
    assert web.curl(url, "--data-binary", "hello").status == 200
    flow = web.flow(answered)
    web.does("POST", f"/flows/{flow['id']}/replay")
    web.flow(lambda shown: shown["is_replay"] == "request" and answered(shown))
    assert [line.partition(" HTTP")[0] for line in lines(local)] == ["POST /echo"] * 2
    assert json.loads(web.does("GET", f"/flows/{flow['id']}/response/content.data"))["body"] == "hello"


@pytest.mark.parametrize(
    ("edited", "code"),
    [
        ({"path": "/forbidden"}, "refused_by_rule"),
        ({"host": "evil.example"}, "unregistered"),
        ({"headers": [["host", "api.example"], ["host", "evil.example"]]}, "request_malformed"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("copied", [False, True], ids=["itself", "a copy"])
def test_what_is_edited_and_sent_again_is_judged(
    web: Hosted, local: LocalOrigins, edited: dict[str, Any], code: str, copied: bool
) -> None:
    assert web.curl("http://api.example/echo").status == 200
    known = web.flow(answered)["id"]
    if copied:
        known = web.does("POST", f"/flows/{known}/duplicate").decode()
    local.records.forget()
    web.does("PUT", f"/flows/{known}", {"request": edited})
    web.does("POST", f"/flows/{known}/replay")
    web.flow(lambda shown: shown["id"] == known and shown["comment"].startswith(f"deny {code}"))
    assert local.records("request") == []


def test_a_flow_of_somewhere_else_is_not_sent(web: Hosted, local: LocalOrigins) -> None:
    """As from a file: another client's, of which the gate knows neither the caller nor where it went."""
    made = tflow.tflow()
    made.request.host, made.request.port, made.live = "127.0.0.1", local.address("plain")[1], False
    file = io.BytesIO()
    FlowWriter(file).add(made)
    assert web.upload("/flows/dump", file.getvalue()) == 200
    web.does("POST", f"/flows/{made.id}/replay")
    assert web.curl("http://api.example/echo").status == 200
    assert lines(local) == ["GET /echo HTTP/1.1"]
    assert "did not come through this gate" in web.stderr()


# What can be seen and done.


def test_a_credential_is_not_shown(web: Hosted) -> None:
    with socket.create_connection(web.address, 10) as made:
        made.sendall(b"GET http://confided.example/echo HTTP/1.1\r\nHost: confided.example\r\n\r\n")
        flow = web.flow(answered)
    seen = web.does("GET", "/flows") + web.does("GET", "/flows/dump")
    seen += web.does("GET", f"/flows/{flow['id']}/response/content.data")
    assert b"x-token" in seen
    assert SECRET.encode() not in seen
