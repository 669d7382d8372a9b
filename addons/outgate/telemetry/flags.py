"""Envoy's response flags: their short names, their long ones and their bits.

Owns the table; a flag's place in it is its bit in `response.flags`. Knows not when one is set.
"""

from __future__ import annotations

LONG = {
    "LH": "FailedLocalHealthCheck",
    "UH": "NoHealthyUpstream",
    "UT": "UpstreamRequestTimeout",
    "LR": "LocalReset",
    "UR": "UpstreamRemoteReset",
    "UF": "UpstreamConnectionFailure",
    "UC": "UpstreamConnectionTermination",
    "UO": "UpstreamOverflow",
    "NR": "NoRouteFound",
    "DI": "DelayInjected",
    "FI": "FaultInjected",
    "RL": "RateLimited",
    "UAEX": "UnauthorizedExternalService",
    "RLSE": "RateLimitServiceError",
    "DC": "DownstreamConnectionTermination",
    "URX": "UpstreamRetryLimitExceeded",
    "SI": "StreamIdleTimeout",
    "IH": "InvalidEnvoyRequestHeaders",
    "DPE": "DownstreamProtocolError",
    "UMSDR": "UpstreamMaxStreamDurationReached",
    "RFCF": "ResponseFromCacheFilter",
    "NFCF": "NoFilterConfigFound",
    "DT": "DurationTimeout",
    "UPE": "UpstreamProtocolError",
    "NC": "NoClusterFound",
    "OM": "OverloadManagerTerminated",
    "DF": "DnsResolutionFailed",
    "DO": "DropOverload",
    "DR": "DownstreamRemoteReset",
    "UDO": "UnconditionalDropOverload",
}
BITS = {short: 1 << place for place, short in enumerate(LONG)}


def names(flags: str) -> list[str]:
    """The flags of an event, one by one; `-` is none."""
    return [flag for flag in flags.split(",") if flag and flag != "-"]


def long(flags: str) -> str:
    return ",".join(LONG.get(flag, flag) for flag in names(flags))


def bits(flags: str) -> int:
    return sum({BITS.get(flag, 0) for flag in names(flags)})
