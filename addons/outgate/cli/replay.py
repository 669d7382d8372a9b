"""`outgate replay`: a capture served to a test run.

Owns the arguments, the signals that end it and the report. What is served is `outgate.replaying`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outgate.capture.formats.reading import Source
from outgate.capture.match import Ending
from outgate.capture.serving.desk import Desk, desk
from outgate.capture.serving.places import Mode
from outgate.capture.told import Malformed
from outgate.cli.asking import Unable
from outgate.cli.options import settings_of
from outgate.cli.output import printable
from outgate.cli.progress import shown
from outgate.cli.tidily import tidily
from outgate.cli.unread import warn
from outgate.loading import setting_of
from outgate.pki.problem import CertificateProblem
from outgate.policy.compile import load
from outgate.problems import PolicyError
from outgate.settings import SettingsError, parse_address

if TYPE_CHECKING:
    from outgate.onward.gate import Way
    from outgate.pki.authority import Authority
    from outgate.replaying import Plan

MISSED, UNREADABLE = 1, 2
LISTEN = "127.0.0.1:8080"
MISS_IS_ERROR, MISS_IS_RECORDED = "error", "record"
CERTS = Path("certs")


def _address(_ctx: click.Context, _param: click.Parameter, text: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("capture", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--listen", callback=_address, default=LISTEN, show_default=True, metavar="ADDR:PORT", help="Where clients arrive."
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.REVERSE.value,
    show_default=True,
    help="Called by its own address, as a proxy, or by redirected connections.",
)
@click.option(
    "--ending",
    type=click.Choice([ending.value for ending in Ending]),
    default=Ending.REPEAT_LAST.value,
    show_default=True,
    help="What follows when all answers to a request were given.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="NAME",
    help="A parameter, field or key whose value need not be equal. May be repeated.",
)
@click.option("--timing", is_flag=True, help="Keep the pace of the recording.")
@click.option(
    "--on-miss",
    type=click.Choice([MISS_IS_ERROR, MISS_IS_RECORDED]),
    default=MISS_IS_ERROR,
    show_default=True,
    help="Answer with 599, or send it on through a gate, under --policy, and append what comes back to the capture.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="By which misses that are recorded may leave. May be repeated.  [default: ./policy, if it is there]",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where something was missed or not asked for.")
@click.option(
    "--certs",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The CA's directory, of outgate certs init.  [default: ./certs, if it is there; else a CA for this run]",
)
@click.pass_context
def replay(
    ctx: click.Context,
    capture: Path,
    listen: tuple[str, int],
    mode: str,
    ending: str,
    ignored: tuple[str, ...],
    timing: bool,
    on_miss: str,
    policy: tuple[Path, ...],
    strict: bool,
    certs: Path | None,
) -> None:
    """Serve a capture to a test run, and nothing else.

    CAPTURE is a file of records, the folder that a gate writes them to, HAR, or flows of mitmproxy. A request is found
    by what it means; one that was not recorded is answered with 599, the nearest recorded one and the difference.
    Nothing is sent to anybody else, but with --on-miss record: what the policy lets pass is then redacted and appended
    to CAPTURE. At its end it tells what was missed and what was not asked for.

    Exits 0 at SIGTERM or SIGINT, 1 with --strict where something was missed or not asked for, 2 when nothing can be
    read, 3 when it cannot listen.
    """
    made = _desk(ctx, capture, Ending(ending), frozenset(ignored), timing, empty=on_miss == MISS_IS_RECORDED)
    with tidily(), _authority(certs) as (authority, trusted), _way(ctx, capture, on_miss, policy) as way:
        asyncio.run(_serve(_plan(ctx, made, Mode(mode), authority, listen), trusted, way))
    for line in made.tally.lines(made.matcher.unused):
        click.echo(printable(line), err=True)
    ctx.exit(MISSED if strict and (made.tally.missed or made.matcher.unused) else 0)


def _desk(
    ctx: click.Context, capture: Path, ending: Ending, ignored: frozenset[str], timing: bool, *, empty: bool
) -> Desk:
    """`empty`: it may hold nothing yet."""
    from outgate.replaying import source  # what it loads, no other command needs

    try:
        found: Source = source(capture)
        made = desk(shown(found, "exchanges read"), ending, ignored, timing=timing)
    except (OSError, Malformed) as error:
        raise Unreadable(printable(f"{capture} cannot be read: {error}")) from error
    warn(found.problems)
    if not made.matcher.entries and not empty:
        click.echo(f"{capture} holds no requests", err=True)
        ctx.exit(UNREADABLE)
    return made


class Unreadable(click.ClickException):
    """What was named cannot be used: exit code 2."""

    exit_code = UNREADABLE


@contextlib.contextmanager
def _authority(certs: Path | None) -> Iterator[tuple[Authority, Path]]:
    """The CA, and the file by which clients trust it."""
    from outgate.pki.authority import CERTIFICATE_FILE
    from outgate.replaying import trusted

    directory = certs or (CERTS if (CERTS / CERTIFICATE_FILE).is_file() else None)
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(trusted(directory))
        except CertificateProblem as error:
            raise Unreadable(str(error)) from error
        yield found


def _plan(ctx: click.Context, made: Desk, mode: Mode, authority: Authority, listen: tuple[str, int]) -> Plan:
    from outgate.replaying import Plan, listening

    try:
        return Plan(made, mode, authority, listening(*listen))
    except OSError as error:
        raise Unable(f"cannot listen on {listen[0]}:{listen[1]}: {error.strerror}") from error


@contextlib.contextmanager
def _way(ctx: click.Context, capture: Path, on_miss: str, policy: tuple[Path, ...]) -> Iterator[Way | None]:
    """Where misses go; None: nowhere."""
    if on_miss == MISS_IS_ERROR:
        yield None
        return
    from outgate.onward.appending import NoCapture, folder_of
    from outgate.onward.gate import Way

    settings = settings_of(policy, None, ())
    try:
        loaded = load(settings.policy, setting_of(settings))
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    try:
        with folder_of(capture) as folder:
            yield Way(settings, loaded, folder)
    except (NoCapture, OSError) as error:
        raise Unreadable(printable(str(error))) from error


async def _serve(plan: Plan, trusted: Path, way: Way | None) -> None:
    from outgate.replaying import serve

    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    async with contextlib.AsyncExitStack() as stack:
        if way is not None:
            from outgate.onward.gate import gate

            plan.desk.onward = (await stack.enter_async_context(gate(way))).ask
        await serve(plan, lambda: _say_ready(plan, trusted), end)


def _say_ready(plan: Plan, trusted: Path) -> None:
    click.echo(f"ready: {plan}, CA {trusted}", err=True)
