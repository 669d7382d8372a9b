"""`outgate certs provide-authority|provide-server|trust-server`: what the chart's Jobs do with a cluster's Secrets.

Owns words, exit codes and the order of things: what is there and good is kept. What needs `cryptography` is imported
where it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from outgate.kube import secrets
from outgate.kube.api import Api, Unable, in_cluster
from outgate.kube.secrets import AUTHORITY, CERTIFICATE, KEY, Files, Place, parse_place
from outgate.pki.problem import CertificateProblem

if TYPE_CHECKING:
    from outgate.pki.provided import Pair


class CannotHere(click.ClickException):
    """The environment is not able."""

    exit_code = 3


class Refused(click.ClickException):
    """What is there cannot be used."""


def _places(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[Place, ...]:
    try:
        return tuple(map(parse_place, texts))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _place(ctx: click.Context, param: click.Parameter, text: str) -> Place:
    return _places(ctx, param, (text,))[0]


@click.command("provide-authority")
@click.argument("into", nargs=-1, required=True, callback=_places, metavar="NAMESPACE/SECRET...")
@click.option("--name", default="outgate CA", show_default=True, help="The authority's common name.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@click.option("--permit", multiple=True, metavar="DNS", help="Sign only this name and all below it. May be repeated.")
def provide_authority(into: tuple[Place, ...], name: str, days: int, permit: tuple[str, ...]) -> None:
    """Put one authority into Secrets of the cluster that this is a pod of.

    One that is there is kept until it expires, and copied to where there is none: workloads trust it. Two different
    ones are left as they are, and refused.
    """
    with _answered():
        from outgate.pki.provided import new_authority

        api = in_cluster(os.environ)
        found = {place: secrets.read(api, place) for place in into}
        standing = {place: files for place, files in found.items() if files and _left(place, files)}
        if len({files[CERTIFICATE] for files in standing.values()}) > 1:
            raise Refused(f"there are different authorities in {' and '.join(map(str, standing))}; delete all but one")
        kept = next(iter(standing.values()), None)
        files = kept or _files(new_authority(name, days, permit))
        for place in into:
            _fill(api, place, files, kept=place in standing)


@click.command("provide-server")
@click.argument("into", callback=_place, metavar="NAMESPACE/SECRET")
@click.option("--host", "hosts", multiple=True, required=True, metavar="DNS", help="Its name. May be repeated.")
def provide_server(into: Place, hosts: tuple[str, ...]) -> None:
    """Put a server certificate and its own authority into a Secret of the cluster that this is a pod of.

    One that is there is kept while it has a third of its life left; trust-server then has to follow.
    """
    with _answered():
        from outgate.pki.provided import RENEWED, new_server

        api = in_cluster(os.environ)
        found = secrets.read(api, into)
        kept = _left(into, found) > RENEWED and AUTHORITY in (found or {})
        _fill(api, into, (found or {}) if kept else _files(new_server(hosts)), kept=kept)


@click.command("trust-server")
@click.argument("configuration", metavar="CONFIGURATION")
@click.option(
    "--secret", required=True, callback=_place, metavar="NAMESPACE/SECRET", help="What provide-server filled."
)
def trust_server(configuration: str, secret: Place) -> None:
    """Have the API server trust a Secret's authority at the webhooks of a MutatingWebhookConfiguration."""
    with _answered():
        api = in_cluster(os.environ)
        found = secrets.read(api, secret)
        if not found or AUTHORITY not in found:
            raise Refused(f"the Secret {secret} has no {AUTHORITY}; run outgate certs provide-server first")
        count = secrets.trust(api, configuration, found[AUTHORITY])
    click.echo(f"{configuration}: {count} webhooks trust the authority of {secret}")


def _left(place: Place, files: Files | None) -> float:
    """The share of its life that what is there has left; 0 for nothing."""
    from outgate.pki.provided import share_left

    if not files:
        return 0.0
    return share_left(files.get(CERTIFICATE, b""), files.get(KEY, b""), f"the Secret {place}")


def _files(pair: Pair) -> Files:
    return {CERTIFICATE: pair.certificate, KEY: pair.key, AUTHORITY: pair.authority}


def _fill(api: Api, place: Place, files: Files, *, kept: bool) -> None:
    if not kept:
        secrets.write(api, place, files)
    click.echo(f"{place}: {'kept' if kept else 'written'}")


@contextmanager
def _answered() -> Iterator[None]:
    """Turn a problem into its line on stderr and the exit code that belongs to it."""
    try:
        yield
    except CertificateProblem as error:
        raise Refused(str(error)) from error
    except Unable as error:
        raise CannotHere(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error


COMMANDS: Sequence[click.Command] = (provide_authority, provide_server, trust_server)
