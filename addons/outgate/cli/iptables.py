"""`outgate iptables install|verify|remove`: the redirect rules of the network namespace it is run in.

Owns flags, lines printed and exit codes. What the rules are, and how they get in, is `outgate.netfilter`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import TypedDict, Unpack

import click

from outgate.netfilter import installation, surroundings
from outgate.netfilter.backend import Kind, Unable, installed
from outgate.netfilter.options import LAST_UID, Address, Family, Network, Options, Ports, parse_cidrs, parse_ports
from outgate.netfilter.verify import Outcome
from outgate.netfilter.verify import verify as prove

Command = Callable[..., None]


class CannotHere(click.ClickException):
    """The environment is not able."""

    exit_code = 3


class Asked(TypedDict):
    """The flags that `install` and `verify` share, under the names that `Options` has for them."""

    uid: int
    listen_port: int
    ports: tuple[Ports, ...]
    exclude_ports: tuple[Ports, ...]


def _parsed[S, T](parse: Callable[[S], T]) -> Callable[[click.Context, click.Parameter, S], T]:
    """Read a flag by a function that raises ValueError, which becomes a usage error naming the flag."""

    def read(_ctx: click.Context, _param: click.Parameter, given: S) -> T:
        try:
            return parse(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def _all_or_ports(text: str) -> tuple[Ports, ...]:
    return () if text == "all" else parse_ports(text)


def _resolvers(words: tuple[str, ...]) -> tuple[Address, ...] | None:
    """Nothing said is None; `none` is said, and means that the workload asks nobody. Rules know no zones."""
    if not words:
        return None
    named = (word.strip() for word in ",".join(words).split(","))
    return tuple(ip_address(word.partition("%")[0]) for word in named if word.lower() != "none")


UID = click.IntRange(0, LAST_UID)
PORT = click.IntRange(1, 65535)
PORTS = _parsed(parse_ports)
ALL_OR_PORTS = _parsed(_all_or_ports)

SHARED = (
    click.option("--uid", type=UID, default=1337, show_default=True, help="The gate's uid: the only one exempt."),
    click.option("--listen-port", type=PORT, default=15001, show_default=True, help="Where the gate listens."),
    click.option(
        "--ports", callback=ALL_OR_PORTS, default="all", show_default=True, help="TCP to redirect; the rest is refused."
    ),
    click.option("--exclude-ports", callback=PORTS, default="", help="TCP that passes untouched."),
    click.option("--ipv6/--no-ipv6", default=True, show_default=True, help="Without, nothing guards IPv6."),
)


def _shared(command: Command) -> Command:
    for option in reversed(SHARED):
        command = option(command)
    return command


@click.group("iptables")
def iptables_group() -> None:
    """Redirect this namespace's outgoing TCP to the gate, and refuse every other protocol.

    Exit codes: 0 fine, 1 a rule does not bite, 2 wrong usage, 3 not possible here.
    """


@iptables_group.command("install")
@_shared
@click.option("--exclude-cidrs", callback=_parsed(parse_cidrs), default="", help="Ranges whose TCP passes untouched.")
@click.option(
    "--dns",
    callback=_parsed(_resolvers),
    multiple=True,
    metavar="ADDR|none",
    help="A resolver the workload may ask; may be repeated.  [default: those of /etc/resolv.conf]",
)
@click.option("--dns-port", type=PORT, help="Where the gate answers for names (run --dns): no resolver is asked.")
@click.option(
    "--backend",
    type=click.Choice([kind.value for kind in Kind]),
    help="Which rule set.  [default: the first that works]",
)
@click.option("--dry-run", is_flag=True, help="Print the commands of a first installation and change nothing.")
def install(
    ipv6: bool,
    exclude_cidrs: tuple[Network, ...],
    dns: tuple[Address, ...] | None,
    dns_port: int | None,
    backend: str | None,
    dry_run: bool,
    **asked: Unpack[Asked],
) -> None:
    """Put the rules in, or mend them. Running it twice changes nothing."""
    if dns and dns_port is not None:
        raise click.UsageError("--dns names a resolver that may be asked, and with --dns-port none may; keep one")
    resolvers = surroundings.resolvers() if dns is None else dns
    options = replace(_options(asked), exclude_cidrs=exclude_cidrs, resolvers=resolvers, dns_port=dns_port)
    if dry_run:
        click.echo(installation.preview(options, ipv6), nl=False)
        return
    _require_root()
    for change in _able(lambda: installation.install(options, ipv6, Kind(backend) if backend else None)):
        click.echo(f"{change}: {'installed' if change.changed else 'unchanged'}")
    if not ipv6 and surroundings.has_ipv6():
        click.echo("warning: this namespace has IPv6 addresses and nothing guards them", err=True)


@iptables_group.command("verify")
@_shared
@click.pass_context
def verify(ctx: click.Context, ipv6: bool, **asked: Unpack[Asked]) -> None:
    """Prove by connections that the rules bite. Give it the flags that install had."""
    options = _options(asked)
    _require_root()
    if not installed(Family.IPV4):
        raise CannotHere("there is no iptables here; install it")
    guarded = [Family.IPV4, Family.IPV6] if ipv6 and surroundings.has_ipv6() else [Family.IPV4]
    results = _able(lambda: prove(options, guarded))
    for result in results:
        click.echo(result)
    ctx.exit(any(result.outcome is Outcome.FAILED for result in results))


@iptables_group.command("remove")
def remove() -> None:
    """Take every rule of outgate out again."""
    _require_root()
    changes = _able(installation.remove)
    for change in changes:
        click.echo(f"{change}: removed")
    if not changes:
        click.echo("nothing to remove")


def _options(asked: Asked) -> Options:
    try:
        return Options(**asked, uids=surroundings.uids())
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _able[T](act: Callable[[], T]) -> T:
    try:
        return act()
    except Unable as error:
        raise CannotHere(str(error)) from error


def _require_root() -> None:
    if os.geteuid() != 0:
        raise CannotHere("needs root; run it as root, in a pod in an init container with NET_ADMIN")
