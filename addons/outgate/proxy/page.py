"""mitmweb's page, and what of it is answered.

Owns which requests to the page are answered at all: those that are known to be harmless, by method and path, before a
route is looked for, so that a route that is new is refused. Whoever has the password may look, and hold, edit, let go
and send again through the gate; where the page is read-only, look. Nobody sets what decides about traffic, writes a
file or runs what is not the page's.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from mitmproxy import flow, flowfilter, optmanager
from mitmproxy.tools.web import app as stock
from tornado import httputil, web

LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN = "/"
"""Where the password is sent by POST."""
FLOW = r"/flows/[0-9a-f\-]+"
DONE = (
    ("POST", r"/clear|/flows/(?:resume|kill|dump)"),
    ("POST", rf"{FLOW}/(?:resume|kill|duplicate|replay|revert|(?:request|response)/content\.data)"),
    ("PUT", rf"{FLOW}|/options(?:\.json)?"),
    ("DELETE", FLOW),
    ("POST", r"/commands/[a-z.]+"),
)
"""What a page where something may be done is asked to do. What of options and commands is theirs to refuse."""
SETTABLE = frozenset(
    {"intercept", "intercept_active", "view_filter", "view_order", "view_order_reversed", "web_columns"}
)
"""Options about what is held and how it is shown."""
PRIVATE = frozenset({"web_password"})
ICON = "/executable-icon"
"""Which is given the path of a file, for a mode that no gate has."""
READ_ONLY = "this page is read-only: nothing is held, edited, let go or sent again here; start without it to do so"
UNKNOWN = "a gate's page does not do this"
NOT_SHOWN = "a gate's page tells nothing of the machine"
STYLE = b"<style>.flow-table .col-comment{width:45%} .flow-table td.col-comment{text-align:left}</style>"
"""Room for the verdicts, for which mitmweb's column has none."""

type Dump = Callable[[list[flow.Flow]], Awaitable[bytes]]
"""Flows as a file that may be kept."""


class Refused(web.RequestHandler):
    """Refuses, whoever asks. It is shown no password, and so says nothing of who may do what."""

    def initialize(self, why: str) -> None:
        self.why = why

    def check_xsrf_cookie(self) -> None:
        """Nothing is done for a forged request either, and the reason is told to all."""

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(self.why + "\n")


class Index(stock.IndexHandler):
    """The page itself."""

    def get(self) -> None:
        self.finish(self.render_string("../index.html").replace(b"</head>", STYLE + b"</head>"))

    post = get


class Options(stock.Options):
    """What is set decides what is shown and held, and nothing else."""

    def get(self) -> None:
        told = optmanager.dump_dicts(self.master.options)
        self.write({name: {**said, "value": ""} if name in PRIVATE else said for name, said in told.items()})

    def put(self) -> None:
        given = self.json
        if refused := sorted(set(given) - SETTABLE if isinstance(given, dict) else {"what is no object"}):
            raise stock.APIError(403, f"{', '.join(refused)}: not set here; restart the gate with it")
        super().put()  # type: ignore[no-untyped-call]


class Commands(stock.ExecuteCommand):
    """Runs those that the take-over has left. What is sent again is chosen on the page, flow by flow."""

    def post(self, cmd: str) -> None:
        if cmd in self.master.commands.commands and not cmd.startswith("replay."):
            super().post(cmd)
            return
        self.set_status(403)
        self.write({"error": f'"{cmd}" is no command of a gate\'s page'})


class Processes(stock.RequestHandler):
    """None: the machine's programs are for a mode that no gate has."""

    def get(self) -> None:
        self.write([])


class Dumped(stock.RequestHandler):
    """Flows as a file: redacted, as everything that is kept."""

    def initialize(self, dump: Dump) -> None:
        self.dump = dump

    async def get(self) -> None:
        asked = self.get_query_argument("filter", "")
        try:
            matches = flowfilter.parse(asked) if asked else None
        except ValueError as error:
            raise stock.APIError(400, "the filter is not one of mitmproxy's") from error
        self.set_header("Content-Disposition", "attachment; filename=flows")
        self.set_header("Content-Type", "application/octet-stream")
        self.write(await self.dump([each for each in self.view if matches is None or matches(each)]))


def refusal(method: str, path: str, *, read_only: bool) -> str:
    """Why a request is not answered; empty where it is."""
    if method in LOOKING:
        return NOT_SHOWN if path == ICON else ""
    if (method, path) == ("POST", LOGIN):
        return ""
    if read_only:
        return READ_ONLY
    known = any(method == known and re.fullmatch(pattern, path) for known, pattern in DONE)
    return "" if known else UNKNOWN


def take_over(app: web.Application, dump: Dump, *, read_only: bool = False) -> None:
    """From now on this application answers so. What is open already goes on: it only tells."""
    routed, delegate = app.find_handler, app.get_handler_delegate
    own: dict[tuple[str, str], Callable[..., Any]] = {
        ("GET", LOGIN): partial(delegate, target_class=Index),
        ("POST", LOGIN): partial(delegate, target_class=Index),
        ("GET", "/processes"): partial(delegate, target_class=Processes),
        ("GET", "/flows/dump"): partial(delegate, target_class=Dumped, target_kwargs={"dump": dump}),
    }
    own |= {
        (method, path): partial(delegate, target_class=Options)
        for method in ("GET", "PUT")
        for path in ("/options", "/options.json")
    }

    def find_handler(request: httputil.HTTPServerRequest, **more: Any) -> Any:
        method, path = request.method or "", request.path
        if why := refusal(method, path, read_only=read_only):
            return delegate(request, Refused, {"why": why})
        if found := own.get((method, path)):
            return found(request)
        if method == "POST" and path.startswith("/commands/"):
            return delegate(request, Commands, path_kwargs={"cmd": path.removeprefix("/commands/").encode()})
        return routed(request, **more)

    app.find_handler = find_handler  # type: ignore[method-assign]
