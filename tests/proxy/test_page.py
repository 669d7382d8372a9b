"""What mitmweb's page is asked for and what of it is answered, route by route as mitmproxy has them."""

import re

import pytest
from mitmproxy.tools.web import app

from outgate.proxy.page import NOT_SHOWN, READ_ONLY, UNKNOWN, refusal

FLOW = "/flows/0123abcd-0123-0123-0123-0123456789ab"
ANSWERED = {
    "/": {"POST"},
    "/clear": {"POST"},
    "/commands/x": {"POST"},
    "/flows/dump": {"POST"},
    "/flows/kill": {"POST"},
    "/flows/resume": {"POST"},
    "/options": {"PUT"},
    FLOW: {"PUT", "DELETE"},
    f"{FLOW}/duplicate": {"POST"},
    f"{FLOW}/kill": {"POST"},
    f"{FLOW}/replay": {"POST"},
    f"{FLOW}/request/content.data": {"POST"},
    f"{FLOW}/resume": {"POST"},
    f"{FLOW}/revert": {"POST"},
}
"""What changes something, and is answered where something may be done. Everything else is not."""
CHANGING = ("POST", "PUT", "DELETE", "PATCH", "NEW")


def paths() -> list[str]:
    """One of each route."""
    found = []
    for pattern, _ in app.handlers:
        path = pattern.replace("(?:\\.json)?", "").replace("(?P<cmd>[a-z.]+)", "x")
        path = path.replace("(?P<flow_id>[0-9a-f\\-]+)", FLOW.removeprefix("/flows/"))
        path = path.replace("(?P<message>request|response|messages)", "request")
        found.append(re.sub(r"\(\?P<content_view>[^)]*\)", "raw", path))
    return found


@pytest.mark.parametrize(
    "path", [*paths(), "/new", "/options/", "//clear", "/commands/", f"{FLOW}/messages/content.data"]
)
def test_only_what_is_known_to_be_harmless_is_answered(path):
    assert "(" not in path
    for method in CHANGING:
        answered = method in ANSWERED.get(path, set())
        assert refusal(method, path, read_only=False) == ("" if answered else UNKNOWN), method


@pytest.mark.parametrize("path", [*paths(), "/new"])
def test_where_people_may_look_nothing_is_done(path):
    for method in CHANGING:
        login = (method, path) == ("POST", "/")
        assert refusal(method, path, read_only=True) == ("" if login else READ_ONLY), method


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_people_may_look_but_not_at_the_machine(method, read_only):
    refused = {path for path in paths() if refusal(method, path, read_only=read_only)}
    assert refused == {"/executable-icon"}
    assert refusal(method, "/executable-icon", read_only=read_only) == NOT_SHOWN
