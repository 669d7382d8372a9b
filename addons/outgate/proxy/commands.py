"""What layers and handler say to each other beside mitmproxy's own commands and events.

Owns their shapes. What is done about them is `handler`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events

from outgate.policy.model import Code


class LingeringClose(commands.CloseConnection):
    """Close a client that may still be sending: what it sends is swallowed for a moment, so that our answer arrives."""


class Abort(commands.CloseConnection):
    """Reset a client, so that a response without a length cannot pass for a whole one."""


@dataclass
class Rejected(commands.Command):
    """A request that was no request: for the log only."""

    code: Code
    reason: str


@dataclass
class Release(commands.ConnectionCommand):
    """The exchange on this origin connection is complete and another may use it."""

    connection: Connection

    def __hash__(self) -> int:
        return id(self)


@dataclass
class Stopped(events.Event):
    """A stream of HTTP/2 has to end; its exchange says why. The others go on."""

    stream_id: int


@dataclass
class OutgateExchangeHook(commands.StartHook):
    """An exchange is over, however it ended. Fired exactly once for each."""

    flow: http.HTTPFlow
    blocking = False
