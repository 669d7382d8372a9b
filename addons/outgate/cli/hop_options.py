"""The options of the hops around a gate: settings that are worth a flag of their own.

Owns the flags alone. What they mean, and what they demand of each other, is `outgate.hop_settings`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

type Command = Callable[..., object]

HOPS = (
    ("gateway", "HOST:PORT[,HOST:PORT]", "The gateway to forward through; replicas stand in for each other."),
    ("gateway-cert", "FILE", "Who this gate is between sidecar and gateway: a certificate with a SPIFFE ID."),
    ("gateway-key", "FILE", "The key of --gateway-cert."),
    ("gateway-ca", "FILE", "Who is trusted to say who the other end is."),
    ("gateway-id", "SPIFFE-ID", "Who the gateway has to be, such as spiffe://cluster.local/ns/egress/sa/gateway."),
    ("proxy-protocol", "CIDR[,CIDR]", "From where connections begin with a PROXY header, and have to."),
    ("upstream-proxy", "URL", "A proxy to leave through, asked by CONNECT, as http://HOST:PORT."),
    (
        "upstream-proxy-credentials-file",
        "FILE",
        "USER:PASSWORD for it; or in the variable OUTGATE_UPSTREAM_PROXY_CREDENTIALS.",
    ),
)


def hop_options(command: Command) -> Command:
    """All of them, as arguments of their names."""
    for name, metavar, text in reversed(HOPS):
        command = click.option(f"--{name}", metavar=metavar, help=text)(command)
    return command


def hop_pairs(options: Mapping[str, str | None]) -> list[str]:
    """What was given, as `KEY=VALUE` of settings: behind all other pairs, for the last one counts."""
    return [f"{name}={text}" for name, text in options.items() if text is not None]
