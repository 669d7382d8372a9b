"""`outgate run`: the sidecar or gateway. Owns its flags; what runs is `outgate.app`, loaded when it is started."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import click

from outgate.cli.hop_options import hop_options, hop_pairs
from outgate.cli.options import policy_options, settings_of
from outgate.settings import (
    ListenMode,
    Settings,
    parse_address,
    parse_endpoint,
    parse_names,
    parse_place,
)


def _listen(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, int] | None:
    return None if text is None else _fitting(lambda: parse_address(text))


def _admin(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _fitting(lambda: parse_endpoint(text))


def _place(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _fitting(lambda: parse_place(text))


def _names(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    return None if text is None else _fitting(lambda: parse_names(text))


def _fitting[T](read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
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
    "--metrics",
    callback=_place,
    metavar="ADDR:PORT",
    help="Where Prometheus and a kubelet ask, from outside too; '' for nowhere.  [default: '']",
)
@click.option(
    "--dns",
    callback=_place,
    metavar="[ADDR]:PORT",
    help="Where workloads ask for names: only registered ones are there; '' for nowhere.  [default: '']",
)
@click.option(
    "--policy-from-cluster",
    is_flag=True,
    default=None,
    help="Documents in Kubernetes are policy too; the files of --policy are laid over them.",
)
@click.option(
    "--kubeconfig",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="How its API is reached.  [default: as the pod's service account]",
)
@click.option(
    "--cluster-namespaces", callback=_names, metavar="NAME,...", help="Whose documents are policy.  [default: all]"
)
@click.option("--workers", type=click.IntRange(1), help="Processes, one core each.  [default: 1]")
@click.option("--drain-timeout", type=click.FloatRange(0), help="Seconds that SIGTERM leaves to open requests.")
@hop_options
@click.option("--worker", type=int, hidden=True)
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
    /,
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    mode: str | None,
    listen: tuple[str, int] | None,
    admin: str | None,
    metrics: str | None,
    dns: str | None,
    policy_from_cluster: bool | None,
    kubeconfig: str | None,
    cluster_namespaces: tuple[str, ...] | None,
    workers: int | None,
    drain_timeout: float | None,
    worker: int | None,
    addons: tuple[str, ...],
    **hops: str | None,
) -> None:
    """Run the gate.

    Traffic is judged by the policy until SIGTERM, which lets open requests finish. A policy that changes is loaded
    again, at SIGHUP too; one that cannot be used leaves the old one in force.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it reloads: the policy is loaded later anyway
    chosen = ListenMode(mode) if mode else None
    places = {"listen": listen, "admin": admin, "metrics": metrics, "dns": dns}
    flags = {"mode": chosen, "workers": workers, "drain_timeout": drain_timeout, "addons": addons or None}
    cluster = {"kubeconfig": kubeconfig, "cluster_namespaces": cluster_namespaces}
    pairs = (*pairs, *hop_pairs(hops))
    settings = settings_of(policy, strict, pairs, policy_from_cluster=policy_from_cluster, **cluster, **places, **flags)
    if worker is not None:
        ctx.exit(_work(settings, worker))
    ctx.exit(_supervise(settings) if settings.workers > 1 else _serve(settings))


def _serve(settings: Settings) -> int:
    from outgate import app  # the data plane, which no other command needs

    return app.run(settings)


def _supervise(settings: Settings) -> int:
    """The data plane is loaded, once for all workers, while the supervisor loads its own part."""
    from outgate.workers.nursery import Nursery

    nursery = Nursery((sys.executable, "-m", "outgate", *sys.argv[1:]))
    nursery.start()

    from outgate.workers.supervisor import supervise

    return supervise(settings, nursery)


def _work(settings: Settings, control: int) -> int:
    from outgate.workers.bonds import die_with_supervisor

    die_with_supervisor()  # before the data plane is loaded, which takes a second
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a terminal sends it to everybody; the supervisor says what it means

    from outgate import app

    return app.run(settings, control=socket.socket(fileno=control))
