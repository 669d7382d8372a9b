"""`outgate run`: the sidecar or gateway. Owns its flags; what runs is `outgate.app`, loaded when it is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from outgate.cli.options import policy_options, settings_of
from outgate.settings import ListenMode, SettingsError, parse_address, parse_endpoint


def _listen(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, int] | None:
    return None if text is None else _fitting(lambda: parse_address(text))


def _admin(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _fitting(lambda: parse_endpoint(text))


def _fitting[T](read: Callable[[], T]) -> T:
    try:
        return read()
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@policy_options
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in ListenMode]),
    help="How workloads reach the gate.  [default: transparent]",
)
@click.option("--listen", callback=_listen, metavar="ADDR:PORT", help="Where workloads arrive.  [default: :15001]")
@click.option(
    "--admin",
    callback=_admin,
    metavar="ADDR:PORT|unix:PATH",
    help="Where it tells how it is; '' for nowhere.  [default: 127.0.0.1:15000]",
)
@click.option(
    "--addon",
    "addons",
    multiple=True,
    metavar="FILE|NAME",
    help="An addon: a Python file, or an entry point of outgate.addons. May be repeated; they are called in order.",
)
@click.pass_context
def run(
    ctx: click.Context,
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    mode: str | None,
    listen: tuple[str, int] | None,
    admin: str | None,
    addons: tuple[str, ...],
) -> None:
    """Run the gate.

    Traffic is judged by the policy until SIGTERM, which lets open requests finish. A policy that changes is loaded
    again, at SIGHUP too; one that cannot be used leaves the old one in force.
    """
    chosen = ListenMode(mode) if mode else None
    settings = settings_of(policy, strict, pairs, mode=chosen, listen=listen, admin=admin, addons=addons or None)
    from outgate import app  # the data plane, which no other command needs

    ctx.exit(app.run(settings))
