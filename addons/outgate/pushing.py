"""The page of metrics, sent to a collector at intervals instead of being asked for.

Owns the step from the thread that sends to the event loop that counts. What is sent is what the page shows, of all
workers together.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from outgate import __version__
from outgate.scrape import Counting, Page
from outgate.telemetry.exporting import Exports

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

PATIENCE = 5.0
"""Seconds in which the event loop has to have gathered the values."""


def push(exports: Exports, source: Counting) -> None:
    """From now on, where that is wanted. To be called in the event loop."""
    loop, began = asyncio.get_running_loop(), time.time_ns()
    page = Page(source, fresh=0.0)  # what is sent last has everything in it

    def read() -> MetricsData:
        from outgate.telemetry.otlp import resource_of
        from outgate.telemetry.otlp_metrics import metrics_data

        scraped = asyncio.run_coroutine_threadsafe(page.scraped(), loop).result(PATIENCE)
        return metrics_data(scraped, resource_of(exports.resource), __version__, began, time.time_ns())

    exports.measure(read)
