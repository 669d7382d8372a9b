"""What other people's addons are written against: a request as it was judged, an answer, and a way to deny.

Owns this small interface and what may be set through it. Knows nothing of mitmproxy, whose own hooks an addon may have
beside these methods, and nothing of policy beyond the decision that it is shown. Its objects hold plain values, so an
addon can be tested without a gate.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from outgate.policy.model import Code, Decision, Identity

__all__ = ["Addon", "Denied", "Destination", "Request", "Response"]

CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
RESERVED = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Where a message goes and where it ends is the gate's to say."""
CONTROL_PREFIX = "x-outgate-"
MOST_NOTES, LONGEST_NOTE = 16, 256
"""Of one request, and characters of one."""


class Denied(Exception):
    """Raised by an addon, in a method of `Addon` or in a hook of mitmproxy's, to deny what it is called for.

    `code` is stable and for programs, in lower case, and none of the gate's own; `reason` is for people. Both are told
    to the workload and stand in the access log. `status` is the HTTP status, 400 to 599.
    """

    def __init__(self, code: str, reason: str, status: int = 403) -> None:
        if not CODE.fullmatch(code) or code in Code:
            raise ValueError(f'"{code}" cannot be a code; use a-z, 0-9 and _, and none of the codes of the gate')
        if not 400 <= status <= 599:
            raise ValueError(f"{status} cannot be the status of a denial; use 400 to 599")
        self.code, self.reason, self.status = code, reason, status
        super().__init__(f"{code}: {reason}")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request goes, verified. It cannot be changed."""

    host: str | None
    """The canonical name; None where the workload named none."""
    port: int
    """The port that the workload named or dialled."""
    address: str | None = None
    """The address that the workload dialled, in transparent mode."""
    key: str = ""
    """The key of the registered destination; empty where it is not registered."""
    tls: bool = False
    """Whether it leaves the gate in TLS, of the workload or of the gate."""


@dataclass(slots=True)
class _Head:
    """Headers by lower-case name, several of one name joined with commas, and what is done to them."""

    headers: Mapping[str, str] = field(default_factory=dict)
    changes: dict[str, str | None] = field(default_factory=dict, kw_only=True)
    """What was set and, with None, removed, by lower-case name."""
    notes: dict[str, str] = field(default_factory=dict, kw_only=True)
    """What was noted about the exchange; request and answer have the same."""

    def note(self, name: str, value: str) -> None:
        """Have something in access logs, by `DYNAMIC_METADATA(outgate.addons:NAME)`, and in spans, whatever becomes of
        the exchange. Raises `ValueError` for what cannot be noted."""
        if not CODE.fullmatch(name):
            raise ValueError(f'"{name}" cannot be the name of a note; use a-z, 0-9 and _')
        if len(value) > LONGEST_NOTE:
            raise ValueError(f"a note has {len(value)} characters; use at most {LONGEST_NOTE}")
        if name not in self.notes and len(self.notes) >= MOST_NOTES:
            raise ValueError(f"there are {MOST_NOTES} notes about one request; use fewer")
        self.notes[name] = value

    def set_header(self, name: str, value: str) -> None:
        """Set a header, in place of all of that name. Raises `ValueError` for what cannot be set."""
        if UNFIT.search(value):
            raise ValueError(f'the value of header "{name}" has a line break or a control character; use a single line')
        self._change(name, value)

    def remove_header(self, name: str) -> None:
        """Remove all headers of a name, if there are any. Raises `ValueError` for what cannot be removed."""
        self._change(name, None)

    def _change(self, name: str, value: str | None) -> None:
        key = name.lower()
        if not NAME.fullmatch(name) or key in RESERVED or key.startswith(CONTROL_PREFIX):
            raise ValueError(f'header "{name}" is not an addon\'s to change; use another')
        self.changes[key] = value
        kept = {known: text for known, text in self.headers.items() if known != key}
        self.headers = kept if value is None else kept | {key: value}


@dataclass(slots=True)
class Request(_Head):
    """A request that the policy allows, on its way out.

    `headers` are as they leave, but for the credentials that the gate sets: those are added after every addon, and
    replace what has their name.
    """

    method: str = "GET"
    path: str = "/"
    """Path and query, as sent."""
    destination: Destination = field(default_factory=lambda: Destination(None, 0))
    caller: Identity = field(default_factory=Identity)
    decision: Decision | None = None
    """The allowance: verdict, code, reason and the document behind it. Never None inside a gate."""
    generation: str = ""
    """The policy that allowed it, as in the access log."""
    body: bytes | None = None
    """The whole body, as sent, where the addon waited for it; else None."""


@dataclass(slots=True)
class Response(_Head):
    """The head of an origin's answer, before anything of it reaches the workload."""

    status: int = 200


class Addon:
    """To be inherited. Each method may be `async`, within the gate's `hook_timeout`.

    An exception denies what the method was called for, and the workload is told no more than its type. `Denied` denies
    with a code and a reason of the addon's own.
    """

    def body_limit(self, request: Request) -> int:
        """Bytes of this request's body to wait for, so that `on_request` sees it; a longer body is denied with 413.

        With 0 the body is not waited for: it passes by unseen, and may still be arriving when the head has left.
        """
        return 0

    def on_request(self, request: Request) -> Awaitable[None] | None:
        """A request was allowed and has not left. What is changed of its head is judged again before it does."""

    def on_response(self, request: Request, response: Response) -> Awaitable[None] | None:
        """The head of the answer is there, with the gate's credentials masked."""
