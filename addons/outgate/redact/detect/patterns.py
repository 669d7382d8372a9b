"""Every detector that is shipped, by name, and which of them a rule means. The tables are in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable

from outgate.redact.detect import (
    accounts,
    assignments,
    coins,
    commands,
    generic,
    hl7,
    hosts,
    introduced,
    lines,
    national,
    network,
    particulars,
    people,
    personal,
    registers,
)
from outgate.redact.detect.detector import Detector, Group
from outgate.redact.detect.vendors import cloud, code, messages, models, payments, prefixes, watching

DETECTORS: tuple[Detector, ...] = (
    *cloud.DETECTORS,
    *messages.DETECTORS,
    *payments.DETECTORS,
    *code.DETECTORS,
    *models.DETECTORS,
    *watching.DETECTORS,
    *prefixes.DETECTORS,
    *generic.DETECTORS,
    *commands.DETECTORS,
    *lines.DETECTORS,
    *assignments.DETECTORS,
    *coins.DETECTORS,
    *personal.DETECTORS,
    *national.DETECTORS,
    *registers.DETECTORS,
    *accounts.DETECTORS,
    *hosts.DETECTORS,
    *hl7.DETECTORS,
    *people.DETECTORS,
    *introduced.DETECTORS,
    *particulars.DETECTORS,
    *network.DETECTORS,
)
"""The more specific first: of two that find the same, the first has found it."""
BY_NAME = {detector.name: detector for detector in DETECTORS}
RANK = {name: rank for rank, name in enumerate(BY_NAME)}


def chosen(names: Iterable[str]) -> tuple[Detector, ...]:
    """Those of names and classes. Raises `ValueError` for what is neither."""
    wanted = set(names)
    if unknown := sorted(wanted - BY_NAME.keys() - set(Group)):
        raise ValueError(f"{unknown[0]!r} is no detector and no class of them; use {', '.join(Group)}, or a name")
    return tuple(each for each in DETECTORS if each.name in wanted or each.group in wanted)
