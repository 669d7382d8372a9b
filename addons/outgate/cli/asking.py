"""Questions to the admin endpoint of a running gate.

Owns the way there, its bounds, and what is said where nobody answers. What an answer means is the command's.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any

import click

from outgate.cli.options import read
from outgate.policy.hosts import bracketed
from outgate.settings import SettingsError, parse_address, parse_endpoint

PATIENCE = 20.0
"""Seconds for one answer."""
MAX_ANSWER = 512 * 1024 * 1024
UNIX = "unix:"
REFUSED = 1


class Unable(click.ClickException):
    """There is nobody to ask, or they do not answer."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: Any


def _endpoint(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str:
    """`ADDR:PORT` or `unix:PATH`; without one, the gate's setting."""
    try:
        found = read(()).admin if text is None else parse_endpoint(text)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error
    if not found:
        raise click.UsageError("the admin endpoint is turned off; name one with --admin")
    return found


admin_option = click.option(
    "--admin",
    callback=_endpoint,
    metavar="ADDR:PORT|unix:PATH",
    help="Where the gate tells how it is.  [default: 127.0.0.1:15000, or OUTGATE_ADMIN]",
)


def ask(admin: str, path: str, body: object = None) -> Any:
    """The content of an answer. Where there is none, the command ends with code 3; where it is a refusal, with 1."""
    answer = exchange(admin, path, body)
    if answer.status >= 400:
        raise Refused(_reason(answer))
    return answer.content


class Refused(click.ClickException):
    """The gate answered, and what was asked is not done."""

    exit_code = REFUSED


def exchange(admin: str, path: str, body: object = None) -> Answer:
    """Ask by GET, or with a body by POST. Ends the command with code 3 where nobody answers, or not us."""
    connection = _Connection(admin)
    try:
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        answer = Answer(response.status, _content(admin, response.read(MAX_ANSWER)))
    except (OSError, http.client.HTTPException) as error:
        raise Unable(_unreached(admin, error)) from error
    finally:
        connection.close()
    if answer.status == 403:
        raise Unable(f"{admin} does not answer: {_reason(answer)}; ask as the gate's own uid or as root, by address")
    if answer.status == 404:
        raise Unable(f"{admin} knows no {path.partition('?')[0]}; it is no outgate, or one of another version")
    return answer


class _Connection(http.client.HTTPConnection):
    """HTTP over TCP or a socket file."""

    def __init__(self, admin: str) -> None:
        self.file = admin.removeprefix(UNIX) if admin.startswith(UNIX) else ""
        host, port = ("localhost", 80) if self.file else parse_address(admin)
        super().__init__(bracketed(host or "127.0.0.1"), port, timeout=PATIENCE)

    def connect(self) -> None:
        if not self.file:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.file)


def _content(admin: str, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unable(f"{admin} answered with what is not JSON; is it the admin endpoint?") from error


def _reason(answer: Answer) -> str:
    told = answer.content.get("error") if isinstance(answer.content, dict) else None
    return str(told or f"status {answer.status}")


def _unreached(admin: str, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{admin} is open to the gate's own uid alone; ask as that uid or as root"
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return f"nobody listens at {admin}; start outgate run, or name its --admin"
    if isinstance(error, TimeoutError):
        return f"{admin} did not answer within {PATIENCE:g} s"
    return f"{admin} cannot be asked: {getattr(error, 'strerror', None) or repr(error)}"
