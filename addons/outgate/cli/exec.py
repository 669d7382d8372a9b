"""`outgate exec`: a command whose whole network is the gate. Owns flags, the words around the run, and exit codes.

What runs is `outgate.exec`, loaded when it is started. Standard output is the command's alone.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outgate.cli.options import DEFAULT, policy_options, require_readable
from outgate.cli.output import aligned, printable
from outgate.loading import setting_of
from outgate.policy import documents
from outgate.policy.compile import Policy
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import Document
from outgate.policy.model import Mode
from outgate.problems import PolicyError
from outgate.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from outgate.exec.tally import Entry, Tally

FAILED = 125
"""The exit code of everything that goes wrong before the command runs; 126 and 127 are those of a shell."""
UNGUARDED = (
    "outgate: --env-proxy asks programs to use the gate and forces none: what ignores the variables, UDP, and DNS "
    "leave as ever, and unseen"
)
COLUMNS = ("host", "port", "verdict", "count", "why")


class ExecCommand(click.Command):
    """Every failure of outgate's own ends with 125, wrong usage included: the other codes are the command's."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        with _failing():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _failing():
            return super().invoke(ctx)


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        error.show()
        sys.exit(FAILED)


@click.command("exec", cls=ExecCommand, context_settings={"allow_interspersed_args": False})
@policy_options
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host that may be reached, or *.SUFFIX; ports 80 and 443 unless one is named. May be repeated; adds to the "
    "policy that --policy names, else is all there is.",
)
@click.option("--allow-any", is_flag=True, help="Let pass what is not registered, and tell of it.")
@click.option(
    "--env-proxy", is_flag=True, help="Use HTTP_PROXY and its like, where namespaces cannot be made. Forces nothing."
)
@click.option(
    "--capture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where everything that it does is kept, redacted, once it has ended.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.pass_context
def exec_command(
    ctx: click.Context,
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    allow: tuple[str, ...],
    allow_any: bool,
    env_proxy: bool,
    capture: Path | None,
    command: tuple[str, ...],
) -> None:
    """Run a command whose whole network is the gate.

    It gets a network of its own, in which every connection leads to the gate, a resolver that knows what is registered
    and nothing else, and variables that make its programs trust the gate. At the end, standard error tells what was
    tried. The exit code is the command's; 125 is outgate's own, 126 and 127 mean that it could not be run.
    """
    settings = _settings(policy, strict, pairs, alone=bool(allow or allow_any))
    if capture is not None and not capture.absolute().parent.is_dir():
        raise click.UsageError(f"there is no directory {capture.absolute().parent} for the capture; make it first")
    from outgate.exec import allow as allowing
    from outgate.exec.captured import Unwritten
    from outgate.sandbox.names import Names

    try:
        hosts = allowing.parse(allow)
        names = Names(allowing.named(hosts))
        addresses = {host: [str(ip) for ip in names.addresses(host)] for host in allowing.named(hosts)}
        mode = Mode.ALLOW_ANY if allow_any else None if settings.policy else Mode.REGISTRY_ONLY
        written = allowing.written(hosts, mode, {} if env_proxy else addresses, len(settings.policy))
        compiled = _policy(settings, written)
    except (allowing.AllowError, PolicyError) as error:
        raise click.ClickException(str(error)) from error
    from outgate.exec.run import Job, execute  # the data plane, once it is known that it is needed
    from outgate.exec.tally import Tally
    from outgate.sandbox.launch import Refused

    if env_proxy:
        click.echo(UNGUARDED, err=True)
    tally = Tally(names.host)
    try:
        code = execute(Job(command, settings, compiled, names, env_proxy, capture), tally, os.environ.copy())
    except Refused as error:
        click.echo(f"outgate exec: {error}", err=True)
        if error.code == FAILED and not env_proxy and not isinstance(error.__cause__, Unwritten):
            click.echo("where there can be no namespaces, --env-proxy is a weaker way", err=True)
        ctx.exit(error.code)
    except Exception as error:
        # A defect of ours must not look like the command's own answer.
        logging.getLogger(__name__).error("the gate failed", exc_info=error)
        ctx.exit(FAILED)
    show(tally)
    ctx.exit(code)


def _settings(policy: tuple[Path, ...], strict: bool | None, pairs: tuple[str, ...], *, alone: bool) -> Settings:
    """`alone`: the command line allows something, so that no policy has to be found."""
    try:
        settings = read_settings({"policy": policy or None, "strict": strict}, pairs, os.environ)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    paths = settings.policy or ((DEFAULT,) if DEFAULT.is_dir() and not alone else ())
    if not paths and not alone:
        raise click.UsageError("nothing is allowed; name a policy with --policy, or hosts with --allow")
    for path in paths:
        require_readable(path)
    return replace(settings, policy=paths)


def _policy(settings: Settings, written: list[Document]) -> Policy:
    """The directories and the command line in one. Raises PolicyError."""
    found = [document for layer, path in enumerate(settings.policy) for document in documents.load(path, layer)]
    compiled = compile_policy([*found, *written], setting_of(settings))
    for problem in compiled.problems:
        click.echo(f"outgate: {problem}", err=True)
    return compiled


def show(tally: Tally) -> None:
    """The summary. Refusals come last, where they are seen."""
    entries = sorted(tally.entries(), key=lambda entry: entry[0].verdict != "allow")
    denied = sum(1 for entry, _ in entries if entry.verdict == "deny")
    if not entries:
        click.echo("outgate: nothing was tried", err=True)
        return
    click.echo(f"outgate: {_counted(len(entries) - denied, 'destination')} allowed, {denied} denied", err=True)
    rows = [[column.upper() for column in COLUMNS], *(_row(entry, count) for entry, count in entries)]
    for line in aligned(rows):
        click.echo(f"  {line}", err=True)
    if tally.further:
        click.echo(f"  and {tally.further} attempts elsewhere", err=True)
    if missing := list(dict.fromkeys(entry.missing for entry, _ in entries if entry.missing)):
        words = " ".join(f"--allow {host}" for host in missing)
        click.echo(f"  to allow what was not registered: {printable(words)}", err=True)


def _row(entry: Entry, count: int) -> list[str]:
    port = str(entry.port) if entry.port else "-"
    return [printable(entry.host) or "-", port, entry.verdict, str(count), printable(entry.why)]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
