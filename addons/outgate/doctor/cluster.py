"""The check of the cluster that policy is from: it is asked as the gate would ask it.

Owns the words. Which kinds are asked for, and what is wrong with what they hold, others know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.util import find_spec

from outgate.doctor.finding import Finding, wrong
from outgate.doctor.gate import RIGHTS, followed, policy
from outgate.policy.frontends import Setting
from outgate.settings import Settings

PATIENCE = 10.0
"""Seconds for all of the policy."""


def cluster(settings: Settings, setting: Setting) -> Iterator[Finding]:
    """Whether it tells all of its policy, and whether that can be used."""
    if find_spec("kubernetes_asyncio") is None:
        yield wrong("cluster", "policy is from the cluster, whose client is not here", "install outgate[kubernetes]")
        return
    from outgate.following import Unheard, heard  # the client of Kubernetes

    try:
        found = heard(replace(settings, cluster_timeout=PATIENCE))
    except Unheard as error:
        yield wrong("cluster", str(error), RIGHTS)
        return
    yield followed(asdict(found.freshness()) | {"age": 0.0})
    yield from policy(settings.policy, setting, found)
