"""Where the tests of one engine play: a lab, the whole cast in it, and a gate, kept from one file of tests to the next.

Owns when each is made and who has to be replaced. The gate of `outgate run` is new for each file; mitmproxy's programs,
which take longer to start, are given the next file's documents instead, as long as its settings are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from typing import Any, Self

from .journal import load
from .lab import engines, world
from .lab.gate import Documents, Gate
from .lab.namespaces import Lab
from .lab.origins import LabOrigins


class Stage(AbstractContextManager["Stage"]):
    """For one engine, by its name. Everything is made when it is first wanted and lasts until the end."""

    def __init__(self, engine: str, pki: world.OriginPki) -> None:
        self.engine, self._pki = engine, pki
        self._ending, self._gates = ExitStack(), ExitStack()
        self._kept: tuple[Mapping[str, object], Gate] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gates.close()
        self._ending.close()

    @cached_property
    def lab(self) -> Lab:
        return self._ending.enter_context(Lab(world.NAMES))

    @cached_property
    def origins(self) -> LabOrigins:
        return self._ending.enter_context(LabOrigins(self.lab, world.cast(self._pki)))

    @contextmanager
    def gate(self, documents: Documents, settings: Mapping[str, object]) -> Iterator[Gate]:
        """A gate under these documents and settings. Whatever was done to it, nothing in it crashed."""
        if self._kept is not None and self._kept[0] == settings and not self._kept[1].process_ended():
            gate = self._kept[1]
            load(gate, documents)
        else:
            self._gates.close()
            options: dict[str, Any] = {"settings": settings, "engine": self.engine}
            gate = self._gates.enter_context(Gate(self.lab, documents, self._pki, **options))
            self._kept = (settings, gate) if self.engine in engines.HOSTED else None
        yield gate
        if self._kept is None:
            self._gates.close()
        assert "Traceback" not in gate.stderr(), gate.stderr()
