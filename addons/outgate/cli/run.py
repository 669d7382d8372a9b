"""`outgate run`: the sidecar or gateway. Owns its flags; what runs is `outgate.app`, loaded when it is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from outgate.cli.options import policy_options, settings_of
from outgate.settings import ListenMode, Settings, SettingsError, parse_address, parse_endpoint
from outgate.workers.seat import Seat


def _listen(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, int] | None:
    return None if text is None else _fitting(lambda: parse_address(text))


def _admin(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _fitting(lambda: parse_endpoint(text))


def _seat(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Seat | None:
    try:
        return None if text is None else Seat.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


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
@click.option("--workers", type=click.IntRange(1), help="Processes, one core each.  [default: 1]")
@click.option("--drain-timeout", type=click.FloatRange(0), help="Seconds that SIGTERM leaves to open requests.")
@click.option("--worker", callback=_seat, hidden=True)
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
    workers: int | None,
    drain_timeout: float | None,
    worker: Seat | None,
    addons: tuple[str, ...],
) -> None:
    """Run the gate.

    Traffic is judged by the policy until SIGTERM, which lets open requests finish. A policy that changes is loaded
    again, at SIGHUP too; one that cannot be used leaves the old one in force.
    """
    chosen = ListenMode(mode) if mode else None
    flags = {"mode": chosen, "listen": listen, "admin": admin, "workers": workers, "drain_timeout": drain_timeout}
    settings = settings_of(policy, strict, pairs, **flags, addons=addons or None)
    ctx.exit(_supervise(settings) if settings.workers > 1 and worker is None else _serve(settings, worker))


def _serve(settings: Settings, seat: Seat | None) -> int:
    from outgate import app  # the data plane, which no other command needs

    return app.run(settings, seat=seat)


def _supervise(settings: Settings) -> int:
    from outgate.workers.supervisor import supervise  # without the data plane

    return supervise(settings)
