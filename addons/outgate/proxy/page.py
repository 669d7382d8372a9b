"""mitmweb's page where people may look and do nothing.

Owns which requests to the page are answered at all. Decides by their method, before a route is looked for, so that
a route that is new changes nothing either.
"""

from __future__ import annotations

from typing import Any

from tornado import httputil, web

LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN = "/"
"""Where the password is sent by POST."""
REFUSED = "this page is read-only: nothing is held, edited, let go or sent again here; start without it to do so"


class ReadOnly(web.RequestHandler):
    """Refuses, whoever asks. It is shown no password, and so says nothing of who may do what."""

    def check_xsrf_cookie(self) -> None:
        """Nothing is done for a forged request either, and the reason is told to all."""

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(REFUSED + "\n")


def make_read_only(app: web.Application) -> None:
    """From now on this application answers to those who look. What is open already goes on: it only tells."""
    routed = app.find_handler

    def find_handler(request: httputil.HTTPServerRequest, **more: Any) -> Any:
        if request.method in LOOKING or (request.method == "POST" and request.path == LOGIN):
            return routed(request, **more)
        return app.get_handler_delegate(request, ReadOnly)

    app.find_handler = find_handler  # type: ignore[method-assign]
