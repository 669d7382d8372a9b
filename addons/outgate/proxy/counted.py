"""How a layer says that a bound held: layers know nothing of what the gate's parts share.

Owns the command. The handler counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from mitmproxy.proxy import commands


@dataclass
class Counted(commands.Command):
    """One more of this in the gate's counts."""

    name: str
