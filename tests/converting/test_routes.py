"""A route is written as it was said."""

import pytest
import yaml

from converting.rewritten import HEAD, HOME, native, spec

ROUTES = (
    "{name: a, match: [{path: {prefix: /a}}, {method: {exact: GET}}]}",
    "{match: [{path: {segments: /a}, scheme: https, authority: {regex: a.*, not: true}}]}",
    "{match: [{headers: {a: [{exact: b}, {exact: c, not: true}], b: {present: false}}, queries: {Q: {prefix: p}}}]}",
    "{match: [{kinds: [tls], snis: ['*.example'], addresses: [192.0.2.0/24], hosts: [home.example]}]}",
    "{match: [{from: {namespaces: [shop], serviceAccounts: [shop/web], labels: {app: web}}}]}",
    "{match: [{from: {when: [{attribute: principal, values: [a], not: true}]}}]}",
    "{to: [{destination: default/home, weight: 3}, {destination: default/home, requestHeaders: {set: {X-A: b}}}]}",
    "{to: [{destination: default/home, subset: v1, host: o.example, upstream: {port: 8443, resolution: DNS}}]}",
    "{redirect: {status: 302, scheme: https, authority: a.example, port: 8443, path: /r}}",
    "{match: [{path: {prefix: /a}}], redirect: {status: 301, portOfScheme: true, prefix: /b}}",
    "{answer: {status: 418, body: short}}",
    "{notFound: true}",
    "{rewrite: {regex: (a), substitution: \\1, toBackend: true}}",
    "{match: [{path: {prefix: /a}}], rewrite: {prefix: /b, authority: b.example}}",
    "{requestHeaders: {set: {a: b}, add: {c: d}, remove: [e]}, responseHeaders: {add: {f: g}}}",
    "{timeout: 3s, idleTimeout: 250ms, maximumDuration: 60s}",
    "{retries: {attempts: 2, 'on': [5xx, retriable-status-codes], statuses: [409], methods: [GET], perTryTimeout: 1s}}",
    "{retries: {attempts: 1, 'on': [reset], anyMethod: true, backoff: {base: 10ms, maximum: 1s}, otherHosts: false}}",
    "{retries: {attempts: 1, 'on': [reset], retryAfter: {headers: {retry-after: seconds}, maximum: 9s}}}",
    "{connectAttempts: 3}",
    "{faults: [{delay: {duration: 1s, percent: 5.0}, abort: {status: 503}, from: {namespaces: [shop]}}]}",
    "{faults: [{abort: {grpcStatus: 14}, bandwidth: {bytesPerSecond: 1000}, headers: {x-a: {exact: b}}}]}",
    "{mirrors: [{destination: default/home, percent: 10.0}]}",
    "{rateLimits: [{key: k, tokens: 5, refill: 2, interval: 1s, scope: connection, by: [caller], byHeaders: [x-a]}]}",
    "{rateLimits: [{key: k, tokens: 5, interval: 1s, status: 503, connections: true, enforcedPercent: 50.0}]}",
)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_written_as_it_was_said(route):
    text = HEAD + HOME + native("EgressTraffic", f"{{destination: home, unmatched: NOT_FOUND, routes: [{route}]}}")
    assert spec(text, "EgressTraffic")["routes"] == [yaml.safe_load(route)]
