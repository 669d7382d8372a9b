"""MeshCircuitBreaker: what may be under way towards an origin, and when an endpoint is left out.

Owns the conf's shape, its checks, Kuma's defaults, and what they come to.
"""

from __future__ import annotations

from outgate.policy.frontends.kuma.entries import Kind
from outgate.policy.frontends.kuma.shapes import PERCENT, Count, Decimal, Span
from outgate.policy.model import Fate
from outgate.policy.resilience_model import FailurePercentage, Limits, Outliers, SuccessRate
from outgate.policy.schema import Boolean, Field, Fields, Reading, Record

INITIAL = Limits(connections=1024, pending=1024, requests=1024, retries=3)
"""Of the policy that each mesh has."""
PANIC = 50.0
CONSECUTIVE = 5

COUNT = Field(Count())
LIMITS = Fields(
    {
        "maxConnections": COUNT,
        "maxConnectionPools": Field(Count(), fate=Fate.IGNORED, note="the gate has one pool for an endpoint"),
        "maxPendingRequests": COUNT,
        "maxRetries": COUNT,
        "maxRequests": COUNT,
    }
)
IN_A_ROW = Fields({"consecutive": COUNT})
DETECTORS = Fields(
    {
        "totalFailures": Field(IN_A_ROW),
        "gatewayFailures": Field(IN_A_ROW),
        "localOriginFailures": Field(IN_A_ROW),
        "successRate": Field(
            Fields(
                {
                    "minimumHosts": COUNT,
                    "requestVolume": COUNT,
                    "standardDeviationFactor": Field(Decimal(0, 1e9, positive=True, wrong="invalid number")),
                }
            )
        ),
        "failurePercentage": Field(
            Fields({"minimumHosts": COUNT, "requestVolume": COUNT, "threshold": Field(Count(1, 100))})
        ),
    }
)
OUTLIERS = Fields(
    {
        "disabled": Field(Boolean()),
        "interval": Field(Span(positive=True)),
        "baseEjectionTime": Field(Span(positive=True)),
        "maxEjectionPercent": Field(Count(0, 100, "must be in inclusive range [0, 100]")),
        "splitExternalAndLocalErrors": Field(Boolean()),
        "healthyPanicThreshold": Field(PERCENT),
        "detectors": Field(DETECTORS),
    }
)
CONF = Fields({"connectionLimits": Field(LIMITS), "outlierDetection": Field(OUTLIERS)})


def limits(conf: Record | None, *, initial: bool) -> Limits:
    block: Record | None = conf.get("connectionLimits") if conf is not None else None
    usual = INITIAL if initial else Limits()
    if block is None:
        return usual
    return Limits(
        connections=block.get("maxConnections", usual.connections),
        pending=block.get("maxPendingRequests", usual.pending),
        requests=block.get("maxRequests", usual.requests),
        retries=block.get("maxRetries", usual.retries),
    )


def panic(conf: Record | None) -> float:
    block: Record | None = conf.get("outlierDetection") if conf is not None else None
    return float(block.get("healthyPanicThreshold", PANIC)) if block is not None else PANIC


def outliers(conf: Record | None) -> Outliers | None:
    """Detectors are off unless they are named."""
    block: Record | None = conf.get("outlierDetection") if conf is not None else None
    detectors: Record | None = block.get("detectors") if block is not None else None
    if block is None or detectors is None or block.get("disabled", False):
        return None

    def in_a_row(name: str) -> int | None:
        found: Record | None = detectors.get(name)
        return found.get("consecutive", CONSECUTIVE) if found is not None else None

    usual, split = Outliers(), block.get("splitExternalAndLocalErrors", False)
    return Outliers(
        consecutive_5xx=in_a_row("totalFailures"),
        consecutive_gateway=in_a_row("gatewayFailures"),
        consecutive_local=in_a_row("localOriginFailures") if split else None,
        split_local=split,
        success_rate=_success_rate(detectors.get("successRate")),
        failure_percentage=_failure_percentage(detectors.get("failurePercentage")),
        interval=block.get("interval", usual.interval),
        base_ejection=block.get("baseEjectionTime", usual.base_ejection),
        maximum_percent=float(block.get("maxEjectionPercent", usual.maximum_percent)),
        always_one=True,
    )


def _success_rate(record: Record | None) -> SuccessRate | None:
    if record is None:
        return None
    usual = SuccessRate()
    return SuccessRate(
        record.get("minimumHosts", usual.minimum_hosts),
        record.get("requestVolume", usual.request_volume),
        record.get("standardDeviationFactor", usual.deviation_factor),
    )


def _failure_percentage(record: Record | None) -> FailurePercentage | None:
    if record is None:
        return None
    usual = FailurePercentage()
    return FailurePercentage(
        record.get("minimumHosts", usual.minimum_hosts),
        record.get("requestVolume", usual.request_volume),
        float(record.get("threshold", usual.threshold)),
    )


def _check(conf: Record, reading: Reading) -> None:
    if not conf.places:
        what = "at least one of: 'connectionLimits' or 'outlierDetection' should be configured"
        reading.error(conf.where, conf.path, what, "add one")
    block: Record | None = conf.get("outlierDetection")
    if block is None or block.get("disabled", False):
        return
    detectors: Record | None = block.get("detectors")
    if detectors is None:
        reading.error(block.where, block.under("detectors"), "must be defined", "name at least one")
    elif not detectors.places:
        what = f"must have at least one defined: {', '.join(DETECTORS.fields)}"
        reading.error(detectors.where, detectors.path, what, "name one")


KIND = Kind("MeshCircuitBreaker", CONF, ("to", "from", "rules"), _check)
