"""`outgate explain`: what a gate with this policy would do with one request, and why.

Owns the arguments and the exit code. The request becomes an attempt in `policy.attempts`, the words are
`explanation`'s, and the verdict is the one that the data plane asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outgate.cli.explanation import Explanation, section
from outgate.cli.options import policy_options, settings_of
from outgate.cli.output import json_option, show_json
from outgate.cli.recording import Recording
from outgate.loading import setting_of
from outgate.policy.attempts import Way, asked_of
from outgate.policy.callers import identify
from outgate.policy.compile import load
from outgate.policy.model import Identity
from outgate.policy.urls import UrlError
from outgate.problems import PolicyError
from outgate.settings import Settings
from outgate.upstream.target import Target

if TYPE_CHECKING:
    from outgate.cli.connecting import Report

DENIED, UNREADABLE = 1, 2


def _address(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else str(ip_address(text))
    except ValueError as error:
        raise click.BadParameter(f'"{text}" is not an IP address') from error


def _fields(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = [text.partition("=") for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not equals or not name.strip():
            raise click.BadParameter(f'"{text}" is not NAME=VALUE')
    return tuple((name.strip(), value) for name, _, value in pairs)


def _caller(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The settings that make someone the caller."""
    if text is None:
        return ()
    namespace, slash, account = text.partition("/")
    if not namespace or (slash and not account) or "/" in account:
        raise click.BadParameter(f'"{text}" is not NAMESPACE/SERVICEACCOUNT')
    return f"workload_namespace={namespace}", f"workload_service_account={account}"


@click.command()
@click.argument("method")
@click.argument("url")
@click.option("--as", "caller", callback=_caller, metavar="NS/SERVICEACCOUNT", help="Who is calling.")
@click.option("--from", "source", callback=_address, metavar="IP", help="The address the workload calls from.")
@click.option("--to", "address", callback=_address, metavar="IP", help="The address it dials, before redirection.")
@click.option("--header", "headers", callback=_fields, multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--connect", is_flag=True, help="Resolve, dial and shake hands as the gate would, where it is allowed.")
@policy_options
@json_option
@click.pass_context
def explain(
    ctx: click.Context,
    method: str,
    url: str,
    caller: tuple[str, ...],
    source: str | None,
    address: str | None,
    headers: tuple[tuple[str, str], ...],
    connect: bool,
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    output: str | None,
) -> None:
    """Say whether a request would be allowed, and why, step by step with the document behind each.

    URL is http://, https://, tls://HOST:PORT or tcp://HOST:PORT. Nothing is resolved and nothing is dialled, unless
    --connect asks for it. --set mode=regular or mode=socks5 asks a gate that is a proxy.

    Exits 0 when it is allowed and a route takes it, and with --connect reached, 1 when not, 2 when there is no usable
    policy to ask.
    """
    settings = settings_of(policy, strict, (*pairs, *caller))
    way = Way.of(settings.mode)
    if address is not None and way is not Way.TRANSPARENT:
        raise click.UsageError(f"--to is for mode transparent; in mode {way} a workload dials the gate")
    try:
        loaded = load(settings.policy, setting_of(settings))
        who = identify(loaded.defaults, _identity(settings, source))
        explanation = Explanation.of(loaded, asked_of(method, url, who, address, headers, way))
    except UrlError as error:
        raise click.UsageError(str(error)) from error
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    recording = Recording.of(loaded, who, explanation.decision, settings, leaves=explanation.leaves)
    if output != "json":
        _show(explanation.lines())
        _show(section("telemetry", recording.lines()))
    report = _connected(explanation, settings) if connect else None
    if output == "json":
        told = explanation.content() | {"telemetry": recording.content()}
        show_json(told | ({"connection": report.content()} if report else {}))
    elif report is not None:
        _show(section("connection", report.lines()))
    fine = (
        explanation.decision.allowed
        and explanation.found
        and (not connect or (report is not None and report.error is None))
    )
    ctx.exit(0 if fine else DENIED)


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _connected(explanation: Explanation, settings: Settings) -> Report | None:
    """How the connection went; None where there is nothing that may be dialled."""
    target = explanation.target
    if not isinstance(target, Target):
        return None
    from outgate.cli.connecting import reach  # loading what connects costs more than most explanations

    try:
        return reach(target, settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _identity(settings: Settings, source: str | None) -> Identity:
    return replace(settings.workload, address=source or settings.workload.address)
