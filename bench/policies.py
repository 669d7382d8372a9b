"""outgate with nothing said of how it carries traffic, and with all that can be said of it where none of it bites.

Owns what "all" is: it is looked at with every request, and no request is refused, delayed or tried again by it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from proxies import STOCK, Proxy, outgate, stock
from report import Promise

from e2e.lab.world import OriginPki

NONE, ALL = "outgate, no traffic policies", "outgate, all traffic policies"
ENTRIES = 200
HOSTS = ("plain", "decrypted")
PROMISES = (Promise(ALL, 0.9, NONE), Promise(ALL, 1.7, STOCK))
TRAFFIC = """---
apiVersion: outgate.dev/v1alpha1
kind: EgressTraffic
metadata: {{name: {name}}}
spec:
  destination: {name}
  routes:
  - {{name: never, match: [{{path: {{prefix: /never/}}}}], answer: {{status: 404}}}}
  - name: all
    match: [{{path: {{prefix: /}}, method: {{exact: GET}}}}, {{headers: {{x-never: {{present: true}}}}}}]
    requestHeaders: {{set: {{x-route: all}}}}
    responseHeaders: {{add: {{x-served-by: gate}}}}
    timeout: 15s
    idleTimeout: 5m
    maximumDuration: 1h
    retries: {{attempts: 2, perTryTimeout: 5s, on: [5xx, reset, connect-failure], statuses: [409]}}
    faults: [{{delay: {{duration: 1s, percent: 0}}, abort: {{status: 503, percent: 0}}}}]
    rateLimits:
    - {{name: all, tokens: 100000000, interval: 1s}}
    - {{name: callers, tokens: 100000000, interval: 1s, by: [caller]}}
  balancing: {{balancer: LEAST_REQUEST}}
  limits: {{connections: 1000, pending: 1000, requests: 1000, retries: 100}}
  outliers: {{consecutive5xx: 5, consecutiveGateway: 5, maximumPercent: 100}}
  retryBudget: {{percent: 20}}
"""


def governed(folder: Path, pki: OriginPki) -> list[Proxy]:
    plain = replace(outgate(folder, pki, ENTRIES, port=15001), name=NONE)
    every = outgate(folder, pki, ENTRIES, port=15006)
    more = folder / "traffic"
    more.mkdir(exist_ok=True)
    (more / "traffic.yaml").write_text("".join(TRAFFIC.format(name=name) for name in HOSTS))
    return [
        stock(folder, pki),
        plain,
        replace(every, name=ALL, command=(*every.command, "--policy", str(more))),
    ]
