"""`outgate web`: mitmweb with the gate in it. Owns its flags; what becomes of mitmweb is `outgate.proxy.takeover`'s."""

from __future__ import annotations

from pathlib import Path

import click

from outgate import sockets
from outgate.cli.asking import Unable
from outgate.cli.options import policy_options, settings_of
from outgate.settings import ListenMode, SettingsError, parse_address

PAGE = "127.0.0.1:8081"
REPLAYED = ("127.0.0.1", 8080)


def _address(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, int] | None:
    try:
        return None if text is None else parse_address(text)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error


def _free(flag: str, address: tuple[str, int]) -> None:
    """mitmweb's own words for an address that is taken name flags of mitmweb's."""
    host, port = address
    try:
        for each in sockets.bind(host, port):
            each.close()
    except OSError as error:
        told = f"cannot listen on {host}:{port}: {error.strerror}; name another address with {flag}"
        raise Unable(told) from error


@click.command()
@policy_options
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in ListenMode if mode is not ListenMode.GATEWAY]),
    help="How workloads reach the gate.  [default: transparent]",
)
@click.option("--listen", callback=_address, metavar="ADDR:PORT", help="Where workloads arrive.  [default: :15001]")
@click.option(
    "--page", callback=_address, default=PAGE, metavar="ADDR:PORT", help=f"Where the page is.  [default: {PAGE}]"
)
@click.option("--read-only", is_flag=True, help="Show redacted copies to look at, and let nothing be done.")
@click.option(
    "--exports",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the page's command outgate.export may make files.  [default: nowhere]",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, path_type=Path),
    metavar="CAPTURE",
    help="Show a capture and answer from it; nothing is sent.  [mode and address then: regular, 127.0.0.1:8080]",
)
@click.option("--addon", "addons", multiple=True, metavar="FILE|NAME", help="An addon, as for run. May be repeated.")
@click.pass_context
def web(
    ctx: click.Context,
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    mode: str | None,
    listen: tuple[str, int] | None,
    page: tuple[str, int],
    read_only: bool,
    exports: Path | None,
    replay: Path | None,
    addons: tuple[str, ...],
) -> None:
    """Run the gate with mitmweb's page.

    What passes is shown with its verdict, and can be held, edited and sent again, each time through the gate. The
    page's address is printed when it is up, with the password that it asks for.
    """
    chosen = ListenMode(mode) if mode else None
    if replay is not None:
        if policy or pairs or addons or exports or strict is not None:
            raise click.UsageError("--replay has no gate: leave out --policy, --strict, --set, --addon and --exports")
        from outgate import playback

        _free("--page", page)
        _free("--listen", listen or REPLAYED)
        ctx.exit(playback.run_web(replay, chosen or ListenMode.REGULAR, listen or REPLAYED, page))
    settings = settings_of(policy, strict, pairs, mode=chosen, listen=listen, addons=addons or None)
    _free("--page", page)
    _free("--listen", settings.listen)
    beside = {"read_only": "true"} if read_only else {}
    if exports is not None:
        beside["exports"] = str(exports)
    from outgate import embedded  # the data plane, which no other command needs but run

    ctx.exit(embedded.run_web(settings, pairs, page, beside))
