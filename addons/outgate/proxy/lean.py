"""mitmproxy's master without the addons that it ships: it wants one module of their package, which loads forty more.

Owns how it is imported. Whoever asks for that package later, as mitmweb does, gets it whole.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "mitmproxy.addons"


@contextmanager
def _bare() -> Iterator[None]:
    """The package's modules can be imported, one by one; the package itself says nothing."""
    spec = find_spec(PACKAGE) if PACKAGE not in sys.modules else None
    if spec is None or spec.submodule_search_locations is None:
        yield
        return
    package = ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[PACKAGE] = package
    try:
        yield
    finally:
        del sys.modules[PACKAGE]


with _bare():
    from mitmproxy import master as master
