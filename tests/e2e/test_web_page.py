"""What mitmweb's page shows of a gate, what of it is closed off, and how it looks in a real browser."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mitmproxy.tools.web
import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from e2e.browser import PROGRAM, Browser
from e2e.documents import Document, access, native, policy
from e2e.hosted import Hosted
from e2e.lab import world
from e2e.lab.engines import PASSWORD
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server

HERE = "127.0.0.1"
SECRET = "hunter2hunter2"
SENT = json.dumps({"name": "Ann", "password": SECRET})
LETTER = ["-H", f"Authorization: Bearer {SECRET}", "-H", "Content-Type: application/json", "--data-binary", SENT]

needs_browser = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def local() -> Iterator[LocalOrigins]:
    with LocalOrigins([Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


def place(host: str, at: int) -> Document:
    port = {"number": 80, "protocol": "HTTP", "upstream": {"port": at, "endpoints": [{"address": HERE, "port": at}]}}
    return native("EgressDestination", host.split(".")[0], {"hosts": [host], "resolution": "STATIC", "ports": [port]})


def documents(local: LocalOrigins) -> list[Document]:
    return [
        place("api.example", local.address("plain")[1]),
        place("dead.example", 1),
        access("forbidden", action="DENY", rules=[{"to": [{"paths": ["/forbidden*"]}]}]),
    ]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def web(local: LocalOrigins, origin_pki: world.OriginPki, exports: Path) -> Iterator[Hosted]:
    with Hosted("mitmweb", policy(*documents(local)), origin_pki, settings={"exports": exports}) as running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()


@pytest.fixture(scope="module")
def passed(web: Hosted) -> dict[str, Any]:
    """A flow of each kind, by its path."""
    return asked(web)


def asked(gate: Hosted) -> dict[str, Any]:
    gate.curl("http://api.example/echo", *LETTER)
    gate.curl("http://api.example/forbidden")
    gate.curl("http://evil.example/evil")
    gate.curl("http://dead.example/dead")
    gate.flow(lambda flow: "redacted" in flow["comment"])
    gate.flow(lambda flow: "connect_failed" in flow["comment"])
    return {flow["request"]["path"]: flow for flow in gate.flows()}


# What is shown.


@pytest.mark.parametrize(
    ("path", "sign", "said"),
    [
        ("/echo", "", r"allow registered \(\d redacted\): api\.example:80 is registered \[EgressDestination "),
        ("/forbidden", "⛔", r"deny refused_by_rule \(UAEX\): denied by EgressAccess default/forbidden \("),
        ("/evil", "⛔", r"deny unregistered \(UAEX\): evil\.example:80 is not registered$"),
        ("/dead", "⚠", r"allow registered \(UF\): connect_failed: .*; dead\.example:80 is registered \["),
    ],
)
def test_every_flow_has_verdict_rule_and_flags(passed: dict[str, Any], path: str, sign: str, said: str) -> None:
    flow = passed[path]
    assert flow["marked"].rstrip("\ufe0f") == sign
    assert re.match(said, flow["comment"]), flow["comment"]
    assert flow["request"]["port"] == 80, "and not the origin's"


def test_verdicts_have_a_column(web: Hosted) -> None:
    told = json.loads(web.does("GET", "/options"))
    assert "comment" in told["web_columns"]["value"]
    assert told["web_password"]["value"] == ""
    assert (told["listen_host"]["value"], told["listen_port"]["value"]) == web.address


def test_what_redaction_takes_is_shown_in_its_place(web: Hosted, passed: dict[str, Any]) -> None:
    shown = json.loads(web.does("GET", f"/flows/{passed['/echo']['id']}/request/content/redaction.json"))["text"]
    assert "request.body.$.password" in shown
    assert '"password": "⟦default-password-by-name⟧"' in shown
    assert SECRET not in shown
    raw = web.does("GET", f"/flows/{passed['/echo']['id']}/request/content.data")
    assert raw == SENT.encode(), "what passes is shown as it is"


def run(web: Hosted, name: str, *arguments: str) -> Any:
    return json.loads(web.does("POST", f"/commands/{name}", {"arguments": arguments}))


def test_a_decision_is_explained_on_the_page(web: Hosted, passed: dict[str, Any]) -> None:
    told = run(web, "outgate.explain", f"@{passed['/forbidden']['id']}")["value"]
    assert told[0] == "GET http://api.example/forbidden: deny refused_by_rule"
    assert any("the rule matches [EgressAccess default/forbidden (" in line for line in told)


def test_what_may_be_kept_is_exported_and_nothing_else(web: Hosted, passed: dict[str, Any], exports: Path) -> None:
    assert passed
    told = run(web, "outgate.export", "@all", "trace.har")
    assert "appears when it is whole" in told["value"]
    web._await((exports / "trace.har").exists, "there is no export")
    written = (exports / "trace.har").read_text()
    assert "tok_secret_" in written
    assert SECRET not in written
    assert "exists" in run(web, "outgate.export", "@all", "trace.har")["error"]
    assert "no name for an export" in run(web, "outgate.export", "@all", "../trace.har")["error"]


def test_what_is_saved_from_the_page_is_redacted(web: Hosted, passed: dict[str, Any]) -> None:
    data = web.does("GET", "/flows/dump")
    assert SECRET.encode() not in data
    assert len(list(FlowReader(io.BytesIO(data)).stream())) == len(passed)
    (only,) = FlowReader(io.BytesIO(web.does("GET", "/flows/dump?filter=~u+/echo"))).stream()
    assert isinstance(only, http.HTTPFlow)
    assert only.request.path == "/echo"
    assert web.web("GET", "/flows/dump?filter=~u+(")[0] == 400


# What is closed off.


@pytest.mark.parametrize(
    "options",
    [
        {"ssl_insecure": True},
        {"ignore_hosts": [".*"]},
        {"mode": ["reverse:http://127.0.0.1:1"]},
        {"validate_inbound_headers": False},
        {"map_remote": ["|.*|http://evil.example/"]},
        {"scripts": ["/dev/null"]},
        {"save_stream_file": "/tmp/written"},
        {"hardump": "/tmp/written"},
        {"client_replay": ["/tmp/read"]},
        {"confdir": "/tmp"},
        {"listen_port": 1},
        {"web_host": "0.0.0.0"},
        {"web_password": "mine"},
        {"web_static_viewer": "/tmp/written"},
        {"termlog_verbosity": "debug"},
        {"outgate_policy": "/nowhere"},
        {"outgate_exports": "/"},
        {"outgate_read_only": False},
        {"intercept": "~q", "ssl_insecure": True},
    ],
    ids=lambda options: list(options)[-1],
)
def test_no_option_is_set_that_decides_anything(web: Hosted, options: dict[str, Any]) -> None:
    before = web.does("GET", "/options")
    for path in ("/options", "/options.json"):
        status, told = web.web("PUT", path, options)
        assert (status, b"not set here" in told) == (403, True)
    assert web.does("GET", "/options") == before
    assert web.curl("http://evil.example/").denial["code"] == "unregistered"


@pytest.mark.parametrize("content", [[], "mode", None, 1, {"intercept": 1}, {"intercept": "~u ("}])
def test_what_are_no_options_are_refused(web: Hosted, content: Any) -> None:
    assert web.web("PUT", "/options", content)[0] in (400, 403)


def test_what_is_held_and_how_it_is_shown_is_set(web: Hosted) -> None:
    for name, value in (("intercept", "~u /held"), ("intercept", ""), ("view_filter", "~a"), ("view_filter", "")):
        web.does("PUT", "/options", {name: value})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("script.run", ["@all", "{script}"]),
        ("save.file", ["@all", "{written}"]),
        ("save.har", ["@all", "{written}"]),
        ("export.file", ["curl", "@all", "{written}"]),
        ("export", ["raw", "@all"]),
        ("options.save", ["{written}"]),
        ("options.load", ["{script}"]),
        ("cut.save", ["@all", "request.host", "{written}"]),
        ("view.flows.load", ["{script}"]),
        ("view.flows.create", ["get", "http://evil.example/"]),
        ("replay.client", ["@all"]),
        ("replay.client.file", ["{script}"]),
        ("replay.server.file", ["{script}"]),
        ("set", ["ssl_insecure", "true"]),
        ("options.reset.one", ["web_password"]),
        ("block.list.add", ["/x/444"]),
        ("proxyserver.inject", []),
        ("inject.tcp", ["@focus", "true", "x"]),
        ("core.nothing", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_command_writes_runs_sets_or_dials(
    web: Hosted, local: LocalOrigins, tmp_path: Path, name: str, arguments: list[str]
) -> None:
    script, written = tmp_path / "script.py", tmp_path / "written"
    script.write_text(f"open({str(written)!r}, 'w').close()\n")
    local.records.forget()
    given = [text.format(script=script, written=written) for text in arguments]
    status, told = web.web("POST", f"/commands/{name}", {"arguments": given})
    assert (status, "is no command of a gate's page" in json.loads(told)["error"]) == (403, True)
    assert not written.exists()
    assert not local.records("connection")


def test_commands_that_are_told_of_are_those_that_are_run(web: Hosted) -> None:
    known = {name for name in json.loads(web.does("GET", "/commands")) if not name.startswith("replay.")}
    assert {"outgate.explain", "outgate.export"} <= known
    assert {name.split(".")[0] for name in known} == {"commands", "flow", "outgate", "view"}


def test_nothing_is_told_of_the_machine(web: Hosted) -> None:
    assert web.web("GET", "/executable-icon?path=/bin/sh")[0] == 403
    assert json.loads(web.does("GET", "/processes")) == []


@pytest.mark.parametrize("path", ["/", "/options", "/flows/dump", "/processes", "/commands", "/flows"])
def test_nobody_without_the_password_is_told_anything(web: Hosted, path: str) -> None:
    answer = web.curl(f"http://127.0.0.1:{web.page}{path}", "--noproxy", "*")
    assert answer.status == 403
    assert b"api.example" not in answer.body


@pytest.mark.parametrize("path", ["/commands/outgate.export", "/clear", "/flows/dump"])
def test_nobody_without_the_password_does_anything(web: Hosted, path: str) -> None:
    answer = web.curl(f"http://127.0.0.1:{web.page}{path}", "--noproxy", "*", "-X", "POST", "-d", "{}")
    assert answer.status == 403


# A page to look at.


@pytest.fixture(scope="module")
def shown(local: LocalOrigins, origin_pki: world.OriginPki) -> Iterator[Hosted]:
    running = Hosted("mitmweb", "", origin_pki, settings={"read_only": "true"})
    here = {"addresses": [f"{HERE}/32"], "ports": [{"number": running.page, "protocol": "HTTP"}]}
    running.write(policy(*documents(local), native("EgressDestination", "here", here)))
    with running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()


@pytest.fixture(scope="module")
def copies(shown: Hosted) -> dict[str, Any]:
    return asked(shown)


def test_nobody_reaches_the_page_through_the_gate(shown: Hosted) -> None:
    """Its address is registered, as those of the machine may be; the gate's connection would be one from loopback."""
    answer = shown.curl(f"http://{HERE}:{shown.page}/")
    assert (answer.status, answer.denial["code"]) == (502, "address_refused")


def test_on_a_page_that_is_read_only_nothing_is_as_it_passed(shown: Hosted, copies: dict[str, Any]) -> None:
    known = f"/flows/{copies['/echo']['id']}"
    seen = shown.does("GET", "/flows") + shown.does("GET", "/flows/dump")
    for side in ("request", "response"):
        seen += shown.does("GET", f"{known}/{side}/content.data")
        for kind in ("raw", "auto", "redaction", "hex%20dump"):
            seen += shown.does("GET", f"{known}/{side}/content/{kind}.json")
    assert b"tok_secret_" in seen
    assert b"Redaction took these:" in seen
    assert SECRET.encode() not in seen
    assert SECRET.encode().hex(" ") not in seen.decode()
    assert copies["/echo"]["client_conn"]["peername"] == ["", 0]


def test_a_page_that_is_read_only_shows_verdicts(shown: Hosted, copies: dict[str, Any]) -> None:
    assert copies["/forbidden"]["comment"].startswith("deny refused_by_rule (UAEX): ")
    assert copies["/dead"]["comment"].startswith("allow registered (UF): connect_failed; dead.example:80")
    assert copies["/echo"]["request"]["port"] == 80
    assert shown.web("POST", "/", None)[0] == 200, "where a password is given"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_that_is_read_only_refuses_every_route_that_changes_something(
    shown: Hosted, copies: dict[str, Any], local: LocalOrigins, method: str
) -> None:
    """The routes are mitmproxy's own list, and one that is not in it."""
    source = Path(mitmproxy.tools.web.__path__[0], "app.py").read_text(encoding="utf-8")
    routes = re.findall(r'^    \(r"(/[^"]*)", \w+\),$', source, re.MULTILINE)
    assert len(routes) > 20
    known = copies["/echo"]["id"]
    local.records.forget()
    for pattern in (*routes, "/new"):
        path = re.sub(r"\(\?P<flow_id>[^)]*\)", known, pattern).replace("(?:\\.json)?", "")
        path = path.replace("(?P<message>request|response|messages)", "request")
        path = re.sub(r"\(\?P<content_view>[^)]*\)", "raw", path).replace("(?P<cmd>[a-z.]+)", "outgate.export")
        assert "(" not in path
        if (method, path) != ("POST", "/"):
            status, told = shown.web(method, path, {})
            assert (status, b"read-only" in told) == (403, True), (method, path)
    assert [flow["id"] for flow in shown.flows() if flow["id"] == known] == [known]
    assert not local.records("request")


# In a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


def opened(browser: Browser, gate: Hosted) -> None:
    browser.open(f"http://127.0.0.1:{gate.page}/?token={PASSWORD}#/flows")
    browser.sees("document.querySelectorAll('td.col-comment').length >= 4")


def click(among: str, text: str) -> str:
    """A script that clicks on what is called so, and says whether it was there."""
    found = f"[...document.querySelectorAll('{among}')].find(each => each.innerText.trim() == '{text}')"
    return f"(it => it ? (it.click(), true) : false)({found})"


@needs_browser
def test_the_verdict_of_each_flow_is_in_sight(browser: Browser, web: Hosted, passed: dict[str, Any]) -> None:
    opened(browser, web)
    row = "[...document.querySelectorAll('.flow-table tr')].find(row => row.innerText.includes('/forbidden'))"
    assert "⛔" in browser.evaluate(f"{row}.querySelector('.marker').innerText")
    verdict = f"{row}.querySelector('td.col-comment')"
    assert browser.evaluate(f"{verdict}.innerText") == passed["/forbidden"]["comment"]
    assert browser.evaluate(f"{verdict}.offsetWidth") > 400, "room for more than its first words"


@needs_browser
def test_redaction_is_seen_in_the_page(browser: Browser, web: Hosted, passed: dict[str, Any]) -> None:
    assert passed
    opened(browser, web)
    path = "[...document.querySelectorAll('td.col-path')].find(each => each.innerText.includes('/echo'))"
    browser.evaluate(f"{path}.click()")
    browser.sees("[...document.querySelectorAll('.flow-detail a')].some(each => each.innerText.includes('View:'))")
    browser.evaluate(
        "[...document.querySelectorAll('.flow-detail a')].find(e => e.innerText.includes('View:')).click()"
    )
    browser.sees(click(".dropdown-menu a", "redaction"))
    browser.sees("document.querySelector('.flow-detail').innerText.includes('⟦default-password-by-name⟧')")


@needs_browser
def test_a_command_is_entered_in_its_bar(browser: Browser, web: Hosted, passed: dict[str, Any]) -> None:
    assert passed
    opened(browser, web)
    browser.sees(click(".nav-tabs a, nav a", "Options"))
    browser.sees(click("label", "Display Command Bar"))
    browser.sees("(it => it ? (it.focus(), true) : false)(document.querySelector('.command-input input'))")
    for command, answer in (
        ("outgate.explain '~u /forbidden'", "deny refused_by_rule"),
        ("save.file @all /tmp/written", "is no command of a gate"),
        ("outgate.export @all /tmp/written.har", "no name for an export"),
    ):
        browser.type(command)
        browser.sees(f"document.querySelector('.command').innerText.includes('{answer}')")


@needs_browser
def test_copies_are_seen_where_nothing_is_done(browser: Browser, shown: Hosted, copies: dict[str, Any]) -> None:
    assert copies
    opened(browser, shown)
    assert SECRET not in browser.evaluate("document.documentElement.outerHTML")
    assert "deny unregistered (UAEX)" in browser.evaluate("document.body.innerText")
