"""Rows of the table of applied fields that are about traffic: for each field two blocks of documents that differ by it.

A row is what is set first, then what is changed; `shown` is the field around, as the inventory writes it, `at` where it
stands in the document.
"""

type Row = tuple[dict[str, object], dict[str, object]]
type Rows = dict[str, Row]

OTHER = "web.shop.example"


def rows(shown: str, at: str, changes: dict[str, tuple[object, ...]]) -> Rows:
    """Of `field: (block around it, path in the block, value)`; the path is the field where it is left out."""
    made: Rows = {}
    for field, (top, block, *change) in changes.items():
        path, value = change if len(change) == 2 else (field, change[0])
        made[f"{shown}.{field}"] = ({f"{at}.{top}": block}, {f"{at}.{path}": value})
    return made


def hashed(**key: object) -> dict[str, object]:
    return {"consistentHash": key}


COOKIE = {"name": "a", "path": "/", "ttl": "1s", "attributes": [{"name": "b", "value": "c"}]}
LOCALITY = {"distribute": [{"from": "eu", "to": {"eu": 80, "us": 20}}]}
FAILOVER = {"failover": [{"from": "eu", "to": "us"}]}
OUTLIERS = {"consecutive5xxErrors": 3, "maxEjectionPercent": 100}
SPLIT = {"splitExternalLocalOriginErrors": True, "consecutiveLocalOriginFailures": 3, "maxEjectionPercent": 100}
TCP = {"connectTimeout": "3s"}
HTTP = {"http1MaxPendingRequests": 1}
BALANCER = "loadBalancer"
SETTING = f"{BALANCER}.localityLbSetting"
COOKIES = f"{BALANCER}.consistentHash.httpCookie"


def pool_changes() -> dict[str, tuple[object, ...]]:
    tcp = {"maxConnections": 5, "maxConnectionDuration": "5s", "idleTimeout": "5s"}
    http = {
        "http1MaxPendingRequests": 5,
        "http2MaxRequests": 5,
        "maxRequestsPerConnection": 5,
        "maxRetries": 5,
        "idleTimeout": "5s",
        "h2UpgradePolicy": "UPGRADE",
        "useClientProtocol": True,
        "maxConcurrentStreams": 5,
    }
    around, alive = {"tcp": TCP, "http": HTTP}, {"probes": 5, "time": "5s", "interval": "5s"}
    ping = {"http": {"http2KeepAlive": {"interval": "1s", "timeout": "1s"}}}
    made: dict[str, tuple[object, ...]] = {}
    for name, value in tcp.items():
        made[f"connectionPool.tcp.{name}"] = ("connectionPool", around, value)
    for name, value in alive.items():
        made[f"connectionPool.tcp.tcpKeepalive.{name}"] = ("connectionPool", around, value)
    for name, value in http.items():
        made[f"connectionPool.http.{name}"] = ("connectionPool", around, value)
    made["connectionPool.http.http2KeepAlive.interval"] = ("connectionPool", ping, "5s")
    return made


def outlier_changes() -> dict[str, tuple[object, ...]]:
    values: dict[str, object] = {
        "consecutiveErrors": 4,
        "splitExternalLocalOriginErrors": True,
        "consecutiveGatewayErrors": 4,
        "consecutive5xxErrors": 4,
        "interval": "4s",
        "baseEjectionTime": "4s",
        "maxEjectionPercent": 60,
        "minHealthPercent": 40,
    }
    made = {f"outlierDetection.{name}": ("outlierDetection", OUTLIERS, value) for name, value in values.items()}
    made["outlierDetection.consecutiveLocalOriginFailures"] = ("outlierDetection", SPLIT, 4)
    made["outlierDetection.outlierDetectionHttpErrorCodes[]"] = (
        "outlierDetection",
        OUTLIERS | {"outlierDetectionHttpErrorCodes": [500]},
        "outlierDetection.outlierDetectionHttpErrorCodes.0",
        501,
    )
    return made


def balancer_changes() -> dict[str, tuple[object, ...]]:
    warm = {"simple": "ROUND_ROBIN", "warmup": {"duration": "1s", "minimumPercent": 20, "aggression": 2}}
    source, ring, table = hashed(useSourceIp=True), {"minimumRingSize": 7}, {"tableSize": 65537}
    return {
        "simple": (BALANCER, {"simple": "RANDOM"}, f"{BALANCER}.simple", "ROUND_ROBIN"),
        "consistentHash.httpHeaderName": (BALANCER, hashed(httpHeaderName="a"), "b"),
        "consistentHash.useSourceIp": (BALANCER, source, False),
        "consistentHash.httpQueryParameterName": (BALANCER, hashed(httpQueryParameterName="a"), "b"),
        "consistentHash.ringHash.minimumRingSize": (BALANCER, hashed(useSourceIp=True, ringHash=ring), 8),
        "consistentHash.maglev.tableSize": (BALANCER, hashed(useSourceIp=True, maglev=table), 7),
        "consistentHash.minimumRingSize": (BALANCER, hashed(useSourceIp=True, minimumRingSize=7), 8),
        "consistentHash.httpCookie.name": (BALANCER, hashed(httpCookie=COOKIE), "z"),
        "consistentHash.httpCookie.path": (BALANCER, hashed(httpCookie=COOKIE), "/z"),
        "consistentHash.httpCookie.ttl": (BALANCER, hashed(httpCookie=COOKIE), "9s"),
        "consistentHash.httpCookie.attributes[].name": (
            BALANCER, hashed(httpCookie=COOKIE), f"{COOKIES}.attributes.0.name", "z",
        ),
        "consistentHash.httpCookie.attributes[].value": (
            BALANCER, hashed(httpCookie=COOKIE), f"{COOKIES}.attributes.0.value", "z",
        ),
        "warmupDurationSecs": (BALANCER, {"warmupDurationSecs": "1s"}, "2s"),
        "warmup.duration": (BALANCER, warm, "2s"),
        "warmup.minimumPercent": (BALANCER, warm, 30),
        "warmup.aggression": (BALANCER, warm, 3),
    }  # fmt: skip


def locality_rows(shown: str, at: str, ejecting: dict[str, object]) -> Rows:
    """`ejecting`: what has endpoints ejected, without which nothing fails over."""
    more = {"eu": 70, "us": 30}
    priority = {"failoverPriority": ["zone"]}
    return {
        f"{shown}.distribute[].from": ({at: LOCALITY}, {f"{at}.distribute.0.from": "us"}),
        f"{shown}.distribute[].to.*": ({at: LOCALITY}, {f"{at}.distribute.0.to": more}),
        f"{shown}.failover[].from": (ejecting | {at: FAILOVER}, {f"{at}.failover.0.from": "asia"}),
        f"{shown}.failover[].to": (ejecting | {at: FAILOVER}, {f"{at}.failover.0.to": "asia"}),
        f"{shown}.failoverPriority[]": (ejecting | {at: priority}, {f"{at}.failoverPriority.0": "rack"}),
        f"{shown}.enabled": ({at: LOCALITY}, {f"{at}.enabled": False}),
    }


def policy_rows(shown: str, at: str) -> Rows:
    """A row for each field of a traffic policy that tunes an origin."""
    balanced = {
        field: (top, block, *(change if len(change) == 2 else (f"{BALANCER}.{field}", *change)))
        for field, (top, block, *change) in balancer_changes().items()
    }
    made = rows(f"{shown}.{BALANCER}", at, balanced)
    made |= locality_rows(f"{shown}.{SETTING}", f"{at}.{SETTING}", {f"{at}.outlierDetection": OUTLIERS})
    return made | rows(shown, at, pool_changes() | outlier_changes())


def whole_rows(shown: str, at: str) -> Rows:
    """A row for each field that no port can say."""
    tunnel = {"protocol": "CONNECT", "targetHost": "far.example", "targetPort": 443}
    budget = {"percent": 10, "minRetryConcurrency": 1, "budgetInterval": "1s"}
    return rows(
        shown,
        at,
        {
            "proxyProtocol.version": ("proxyProtocol", {"version": "V1"}, "V2"),
            "tunnel.protocol": ("tunnel", tunnel, "POST"),
            "tunnel.targetHost": ("tunnel", tunnel, "further.example"),
            "tunnel.targetPort": ("tunnel", tunnel, 444),
            "retryBudget.percent": ("retryBudget", budget, 30),
            "retryBudget.minRetryConcurrency": ("retryBudget", budget, 9),
            "retryBudget.budgetInterval": ("retryBudget", budget, "9s"),
        },
    )


RETRIES = {
    "attempts": 3,
    "perTryTimeout": "1s",
    "retryOn": "5xx",
    "retryIgnorePreviousHosts": True,
    "backoff": "1s",
}


def retry_rows(shown: str, at: str) -> Rows:
    values = {
        "attempts": 4,
        "perTryTimeout": "2s",
        "retryOn": "reset",
        "retryIgnorePreviousHosts": False,
        "backoff": "2s",
    }
    return {f"{shown}.{name}": ({at: RETRIES}, {f"{at}.{name}": value}) for name, value in values.items()}


MATCHES = {
    "uri": [("exact", "/a", "/b"), ("prefix", "/a", "/b"), ("regex", "/a", "/b")],
    "scheme": [("exact", "http", "https"), ("prefix", "h", "t"), ("regex", "h.*", "t.*")],
    "method": [("exact", "GET", "PUT"), ("prefix", "G", "P"), ("regex", "G.*", "P.*")],
    "authority": [("exact", "a", "b"), ("prefix", "a", "b"), ("regex", "a", "b")],
}
TO = "spec.http.0.route.0"


def http_rows() -> Rows:
    """A row for each field of an HTTP route but those that say where it leads."""
    at, shown = "spec.http.0", "spec.http[]"
    made: Rows = {f"{shown}.timeout": ({}, {f"{at}.timeout": "3s"}), f"{shown}.name": ({}, {f"{at}.name": "a"})}
    made |= retry_rows(f"{shown}.retries", f"{at}.retries")
    made |= _match_rows(f"{shown}.match[]", f"{at}.match.0")
    made |= _header_rows(f"{shown}.headers", f"{at}.headers") | _header_rows(
        f"{shown}.route[].headers", f"{TO}.headers"
    )
    made |= _answer_rows(shown, at) | _fault_rows(f"{shown}.fault", f"{at}.fault") | _mirror_rows(shown, at)
    made[f"{shown}.route[].destination.subset"] = ({f"{TO}.destination.subset": "a"}, {f"{TO}.destination.subset": "b"})
    delegate = {"spec.http": [{"delegate": {"name": "leaf", "namespace": "prod"}}]}
    made[f"{shown}.delegate.name"] = (delegate, {f"{at}.delegate.name": "other-leaf"})
    made[f"{shown}.delegate.namespace"] = (delegate, {f"{at}.delegate.namespace": "elsewhere"})
    return made


def _match_rows(shown: str, at: str) -> Rows:
    made: Rows = {
        f"{shown}.ignoreUriCase": ({f"{at}.uri": {"prefix": "/a"}}, {f"{at}.ignoreUriCase": True}),
        f"{shown}.sourceLabels": ({}, {f"{at}.sourceLabels": {"app": "web"}}),
        f"{shown}.sourceNamespace": ({}, {f"{at}.sourceNamespace": "web"}),
    }
    for name, ways in MATCHES.items():
        for way, one, other in ways:
            made[f"{shown}.{name}.{way}"] = ({f"{at}.{name}": {way: one}}, {f"{at}.{name}.{way}": other})
    for name in ("headers", "withoutHeaders", "queryParams"):
        for way in ("exact", "prefix", "regex"):
            made[f"{shown}.{name}.*.{way}"] = ({f"{at}.{name}": {"k": {way: "a"}}}, {f"{at}.{name}.k.{way}": "b"})
    return made


def _header_rows(shown: str, at: str) -> Rows:
    made: Rows = {}
    for side in ("request", "response"):
        for verb in ("set", "add"):
            under = f"{at}.{side}.{verb}"
            made[f"{shown}.{side}.{verb}.*"] = ({under: {"k": "a"}}, {f"{under}.k": "b"})
        removed = f"{at}.{side}.remove"
        made[f"{shown}.{side}.remove[]"] = ({removed: ["a"]}, {f"{removed}.0": "b"})
    return made


def _answer_rows(shown: str, at: str) -> Rows:
    redirect = {"spec.http": [{"redirect": {"uri": "/a", "authority": "a", "scheme": "http", "redirectCode": 302}}]}
    direct = {"spec.http": [{"directResponse": {"status": 200, "body": {"string": "a"}}}]}
    coded = {"spec.http": [{"directResponse": {"status": 200, "body": {"bytes": "YQ=="}}}]}
    expression = {"uriRegexRewrite": {"match": "a", "rewrite": "b"}}
    return {
        **{
            f"{shown}.redirect.{name}": (redirect, {f"{at}.redirect.{name}": value})
            for name, value in {
                "uri": "/b", "authority": "b", "port": 81, "derivePort": "FROM_REQUEST_PORT", "scheme": "https",
                "redirectCode": 307,
            }.items()
        },
        f"{shown}.redirect.prefixRewrite": (
            {"spec.http": [{"redirect": {"prefixRewrite": "/a"}}]},
            {f"{at}.redirect.prefixRewrite": "/b"},
        ),
        f"{shown}.directResponse.status": (direct, {f"{at}.directResponse.status": 201}),
        f"{shown}.directResponse.body.string": (direct, {f"{at}.directResponse.body.string": "b"}),
        f"{shown}.directResponse.body.bytes": (coded, {f"{at}.directResponse.body.bytes": "Yg=="}),
        f"{shown}.rewrite.uri": ({}, {f"{at}.rewrite.uri": "/b"}),
        f"{shown}.rewrite.authority": ({}, {f"{at}.rewrite.authority": "b"}),
        **{
            f"{shown}.rewrite.uriRegexRewrite.{name}": (
                {f"{at}.rewrite": expression},
                {f"{at}.rewrite.uriRegexRewrite.{name}": "c"},
            )
            for name in expression["uriRegexRewrite"]
        },
    }  # fmt: skip


def _fault_rows(shown: str, at: str) -> Rows:
    delay = {f"{at}.delay": {"fixedDelay": "1s", "percentage": {"value": 50}}}
    abort = {f"{at}.abort": {"httpStatus": 503, "percentage": {"value": 50}}}
    grpc = {f"{at}.abort": {"grpcStatus": "ABORTED", "percentage": {"value": 50}}}
    old = {f"{at}.delay": {"fixedDelay": "1s", "percent": 50}}
    return {
        f"{shown}.delay.fixedDelay": (delay, {f"{at}.delay.fixedDelay": "2s"}),
        f"{shown}.delay.percentage.value": (delay, {f"{at}.delay.percentage.value": 60}),
        f"{shown}.delay.percent": (old, {f"{at}.delay.percent": 60}),
        f"{shown}.abort.httpStatus": (abort, {f"{at}.abort.httpStatus": 504}),
        f"{shown}.abort.grpcStatus": (grpc, {f"{at}.abort.grpcStatus": "OK"}),
        f"{shown}.abort.percentage.value": (abort, {f"{at}.abort.percentage.value": 60}),
    }


def _mirror_rows(shown: str, at: str) -> Rows:
    one = {"host": "api.shop.example", "port": {"number": 81}, "subset": "a"}
    single, several = {f"{at}.mirror": one}, {f"{at}.mirrors": [{"destination": one, "percentage": {"value": 50}}]}
    made: Rows = {
        f"{shown}.mirrorPercent": (single, {f"{at}.mirrorPercent": 60}),
        f"{shown}.mirrorPercentage.value": (single, {f"{at}.mirrorPercentage.value": 60}),
        f"{shown}.mirrors[].percentage.value": (several, {f"{at}.mirrors.0.percentage.value": 60}),
    }
    for around, under, setup in (
        ("mirror", "mirror", single),
        ("mirrors[].destination", "mirrors.0.destination", several),
    ):
        for name, value in {"host": OTHER, "subset": "b", "port.number": 80}.items():
            made[f"{shown}.{around}.{name}"] = (setup, {f"{at}.{under}.{name}": value})
    return made


def layer_4_rows(kind: str) -> Rows:
    at, shown = f"spec.{kind}.0.match.0", f"spec.{kind}[].match[]"
    destination = f"spec.{kind}.0.route.0.destination"
    return {
        f"{shown}.destinationSubnets[]": (
            {f"{at}.destinationSubnets": ["192.0.2.0/24"]},
            {f"{at}.destinationSubnets.0": "192.0.2.0/25"},
        ),
        f"{shown}.sourceLabels": ({}, {f"{at}.sourceLabels": {"app": "web"}}),
        f"{shown}.sourceNamespace": ({}, {f"{at}.sourceNamespace": "web"}),
        f"spec.{kind}[].route[].destination.subset": ({f"{destination}.subset": "a"}, {f"{destination}.subset": "b"}),
    }  # fmt: skip


def mesh_rows() -> Rows:
    """What MeshConfig says of traffic."""
    at = "spec.meshConfig"
    traffic = f"{at}.defaultTrafficPolicy"
    changes = pool_changes() | outlier_changes()
    changes["connectionPool.tcp.connectTimeout"] = ("connectionPool", {"tcp": TCP}, "5s")
    alive = {"probes": 5, "time": "5s", "interval": "5s"}
    return {
        **rows(traffic, traffic, changes),
        **retry_rows(f"{at}.defaultHttpRetryPolicy", f"{at}.defaultHttpRetryPolicy"),
        **locality_rows(
            f"{at}.localityLbSetting", f"{at}.localityLbSetting", {f"{traffic}.outlierDetection": OUTLIERS}
        ),
        f"{at}.h2UpgradePolicy": ({}, {f"{at}.h2UpgradePolicy": "UPGRADE"}),
        **{f"{at}.tcpKeepalive.{name}": ({}, {f"{at}.tcpKeepalive.{name}": value}) for name, value in alive.items()},
    }


def filter_rows() -> Rows:
    """What EnvoyFilter says of local rate limits."""
    at, shown = "spec.configPatches", "spec.configPatches[]"
    values = "patch.value.typed_config.value"
    route = "match.routeConfiguration"
    changes: list[tuple[int, str, object]] = [
        (0, "applyTo", "NETWORK_FILTER"),
        (0, "match.context", "SIDECAR_INBOUND"),
        (0, "match.listener.portNumber", 81),
        (0, "match.listener.filterChain.sni", OTHER),
        (0, "match.listener.filterChain.destinationPort", 81),
        (0, "patch.operation", "MERGE"),
        (0, f"{values}.token_bucket.max_tokens", 9),
        (1, f"{route}.portNumber", 81),
        (1, f"{route}.vhost.name", "other"),
        (1, f"{route}.vhost.domainName", OTHER),
        (1, f"{route}.vhost.route.name", "other"),
    ]
    made = {f"{shown}.{path}": ({}, {f"{at}.{number}.{path}": value}) for number, path, value in changes}
    made[f"{shown}.patch.value"] = made.pop(f"{shown}.{values}.token_bucket.max_tokens")
    return made
