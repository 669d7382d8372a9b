"""A line of the access log as it leaves by OTLP.

Owns the shape alone; who writes the line has made it fit to be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class LogLine(NamedTuple):
    """`body`: a text, or names and values of JSON."""

    time: float
    """Seconds since the epoch."""
    body: Any
    attributes: Mapping[str, str]
    trace_id: int = 0
    """0: of no trace."""
    span_id: int = 0
    sampled: bool = False
