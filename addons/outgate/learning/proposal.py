"""A proposal as the text of documents, each behind lines that tell what it is proposed for.

Owns the text. Everything in it is a canonical name or a number, so that nothing that was logged can add to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

import yaml

from outgate.learning import istio, native
from outgate.learning.places import Place
from outgate.learning.services import Service

SHOWN = 20
"""Places that are told of before a document."""
NAMED = 4
"""Callers that are told of one place."""


class To(StrEnum):
    """Whose kinds."""

    NATIVE = "native"
    ISTIO = "istio"


def text(services: Sequence[Service], to: To, root: str, *, whole: bool, narrow: bool) -> str:
    """Documents in YAML. `whole`: they stand for themselves, and say what becomes of everything else; `narrow`: and who
    may use them."""
    made = [_written([_mode(to, root)], ("Nothing passes but what is below.",))] if whole else []
    for service in services:
        contents = native.documents(service) if to is To.NATIVE else istio.documents(service)
        made.append(_written(contents, tuple(_told(service))))
    ruled = [each for each in services if not each.internal]  # no rule is asked about what stays in the mesh
    if narrow and ruled:
        content = native.callers(ruled) if to is To.NATIVE else istio.callers(ruled, root)
        made.append(_written([content], ("Who was seen to go where. Nobody else may go there.",)))
    return "---\n".join(made)


def _mode(to: To, root: str) -> native.Content:
    return native.mode() if to is To.NATIVE else istio.mode(root)


def _written(contents: Sequence[native.Content], comments: Sequence[str]) -> str:
    heads = "".join(f"# {comment}\n" for comment in comments)
    return heads + "---\n".join(
        yaml.safe_dump(each, sort_keys=False, default_flow_style=None, width=120) for each in contents
    )


def _told(service: Service) -> Iterator[str]:
    for place in service.places[:SHOWN]:
        yield _of(place)
    if len(service.places) > SHOWN:
        yield f"and {len(service.places) - SHOWN} more"
    if any(place.mutual for place in service.places):
        yield "A client certificate was shown there: say which under upstream.tls."


def _of(place: Place) -> str:
    spoken = ", ".join(sorted(place.speeches))
    known = [caller.removesuffix("/") for caller in sorted(place.callers) if caller]
    by = f", by {', '.join(known[:NAMED])}" if known else ""
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    denied = f"; {place.denied} DENIED" if place.denied else ""
    return f"{place.at}: {spoken}, {place.count} seen{by}{more}{denied}"
