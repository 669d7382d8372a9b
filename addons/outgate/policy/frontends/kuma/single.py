"""Policies that say one thing of the proxies that they select: a conf under `default`, without items.

Owns their shape. What the conf says is each kind's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma.entries import Entry, check_top
from outgate.policy.frontends.kuma.resource import Resource, read
from outgate.policy.frontends.kuma.target import TARGET
from outgate.policy.schema import Field, Fields, Record, Shape


@dataclass(frozen=True, slots=True)
class Single:
    """A kind of such policies."""

    name: str
    conf: Shape
    check: Callable[[Record, Resource], None]

    def entry(self, document: Document, setting: Setting, contribution: Contribution) -> Entry | None:
        """The document as an item without a reference, or None where it cannot be used."""
        spec_of = Fields({"targetRef": Field(TARGET), "default": Field(self.conf)})
        resource = read(document, spec_of, setting, contribution)
        if resource is None:
            return None
        spec, reading = resource.spec, resource.reading
        top: Record | None = spec.get("targetRef")
        if top is not None:
            check_top(top, resource)
        conf: Record = spec.get("default") or Record(spec.where, spec.under("default"), {}, {})
        self.check(conf, resource)
        contribution.problems += reading.problems
        return None if reading.failed else Entry(resource, "default", 0, top, None, conf, conf)
