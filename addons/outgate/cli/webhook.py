"""`outgate webhook`: the mutating admission webhook. Owns its flags; what serves is `outgate.admission`."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import click

from outgate.settings import SettingsError, parse_address

FILE = click.Path(path_type=Path)
WRONG, UNABLE = 2, 3


def _place(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    try:
        if text:
            parse_address(text)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error
    return text


@click.command()
@click.option(
    "--listen",
    callback=_place,
    default=":8443",
    show_default=True,
    metavar="ADDR:PORT",
    help="Where the API server asks, over TLS.",
)
@click.option("--cert", type=FILE, required=True, metavar="FILE", help="Its certificate, read again when it changes.")
@click.option("--key", type=FILE, required=True, metavar="FILE", help="The certificate's key.")
@click.option("--config", type=FILE, metavar="FILE", help="What is injected, read again when it changes.")
@click.option(
    "--metrics",
    callback=_place,
    default="",
    metavar="ADDR:PORT",
    help="Where Prometheus asks, without TLS; '' for nowhere.  [default: '']",
)
@click.option(
    "--drain-timeout",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    help="Seconds in which it goes on answering after SIGTERM; a second one ends it.",
)
@click.pass_context
def webhook(
    ctx: click.Context, listen: str, cert: Path, key: Path, config: Path | None, metrics: str, drain_timeout: float
) -> None:
    """Answer the API server's reviews of pods with a patch that puts the sidecar in.

    A pod that cannot have one is refused with the reason; one that cannot be judged is refused too. Reviews are taken
    at /inject, and /healthz and /readyz tell how it is. It needs no privilege, and asks the cluster for nothing.
    """
    from outgate.admission.keeping import Files, Unusable
    from outgate.admission.serving import Plan, serve

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    plan = Plan(listen, Files(cert, key, config), metrics, drain_timeout)
    host = parse_address(listen)[0]
    try:
        asyncio.run(serve(plan, lambda port: click.echo(f"ready: reviews at {host or '*'}:{port}/inject", err=True)))
    except Unusable as error:
        click.echo(str(error), err=True)
        ctx.exit(WRONG)
    except OSError as error:
        click.echo(f"cannot listen: {error}", err=True)
        ctx.exit(UNABLE)
