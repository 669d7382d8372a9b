"""What layers and handler say to each other beside mitmproxy's own commands and events.

Owns their shapes. What is done about them is `handler`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    """A stream has to end, whatever it waits for; its exchange says why. Others of its connection go on."""

    stream_id: int


class Limited(StrEnum):
    """What of an exchange is limited in time."""

    REQUEST = "request"
    """From the end of the request to the end of the response, however often it is tried."""
    TRY = "try"
    """Each time, from the end of the request to the beginning of a response."""
    IDLE = "idle"
    DURATION = "duration"


@dataclass
class Within(commands.Command):
    """A stream has so many seconds for something; None: no longer."""

    stream_id: int
    what: Limited
    seconds: float | None


@dataclass
class Copied(commands.Command):
    """The whole request is here: whoever is to have a copy gets one."""

    flow: http.HTTPFlow
    body: bytes


@dataclass
class Ended(commands.Command):
    """Nothing of a stream is timed any more."""

    stream_id: int


@dataclass
class Late(Stopped):
    """It did not come to that in time."""

    what: Limited


@dataclass
class OutgateExchangeHook(commands.StartHook):
    """An exchange is over, however it ended. Fired exactly once for each."""

    flow: http.HTTPFlow
    blocking = False


@dataclass
class OutgateAdmitHook(commands.StartHook):
    """Ask the traffic policy whether an exchange goes on, and wait as long as it says. No addon sees it."""

    flow: http.HTTPFlow


@dataclass
class OutgatePlaceHook(commands.StartHook):
    """Let it say where the next try goes, and wait for its turn. No addon sees it."""

    flow: http.HTTPFlow
