"""EnvoyFilter's local rate limit: whose it is, where it holds, what it says; and any other patch refused."""

import pytest

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.route_model import (
    Bucket,
    HeaderChange,
    LimitBy,
    LimitPart,
    LimitScope,
    NamedMatch,
    RateLimit,
    TextKind,
    TextMatch,
)
from policy.frontends.istio.istio_building import document, entry, port, refused, warned

HTTP = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 443, name: b, protocol: HTTPS}]")
NAME = "envoy.filters.http.local_ratelimit"
TYPE = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
STRUCT = "type.googleapis.com/udpa.type.v1.TypedStruct"
FULL = "{default_value: {numerator: 100, denominator: HUNDRED}}"
ON = f"filter_enabled: {FULL}, filter_enforced: {FULL}"
BUCKET = "token_bucket: {max_tokens: 5, tokens_per_fill: 2, fill_interval: 1s}"
EGRESS = "{labels: {istio: egressgateway}}"


def config(says: str) -> str:
    return f'{{"@type": {TYPE}, stat_prefix: a, {says}}}'


def patch(value: str, apply: str = "HTTP_FILTER", match: str = "", operation: str = "INSERT_BEFORE") -> str:
    matched = f"match: {{{match}}}, " if match else ""
    return f"{{applyTo: {apply}, {matched}patch: {{operation: {operation}, value: {value}}}}}"


def listener(says: str, match: str = "") -> str:
    return patch(f"{{name: {NAME}, typed_config: {config(says)}}}", match=match)


def routed(says: str, match: str = "", apply: str = "HTTP_ROUTE", more: str = "") -> str:
    return patch(f"{{typed_per_filter_config: {{{NAME}: {config(says)}}}{more}}}", apply, match, "MERGE")


def filters(*patches: str, selector: str = EGRESS, namespace: str = "istio-system") -> str:
    chosen = f"workloadSelector: {selector}, " if selector else ""
    spec = f"{{{chosen}configPatches: [{', '.join(patches)}]}}"
    return document("EnvoyFilter", spec, "limits", namespace, "v1alpha3")


def limits(*texts: str, number: int = 80) -> tuple[RateLimit, ...]:
    return tuple(limit for route in port(HTTP, *texts, number=number).routes for limit in route.limits)


def test_a_limit_of_a_listener_holds_for_every_request_that_the_gate_reads():
    text = filters(listener(f"{BUCKET}, {ON}"))
    (plain,), (decrypted,) = limits(text), limits(text, number=443)
    assert plain == decrypted
    assert (plain.bucket, plain.scope, plain.status) == (Bucket(5, 2, 1.0), LimitScope.PROCESS, 429)
    assert (plain.key, plain.source.kind) == ("EnvoyFilter/istio-system/limits/0", "EnvoyFilter")


def test_bytes_and_tunnels_have_no_requests():
    text = entry("addresses: [192.0.2.1]\nports: [{number: 80, name: a, protocol: TCP}]")
    assert port(text, filters(listener(f"{BUCKET}, {ON}")), number=80).routes == ()


def test_a_whole_limit():
    (limit,) = limits(
        filters(
            listener(
                "tokenBucket: {maxTokens: 5, fillInterval: 1s}, statPrefix: a, status: {code: 503}, "
                "filterEnabled: {defaultValue: {numerator: 1, denominator: TEN_THOUSAND}}, "
                f"filterEnforced: {FULL}, localRateLimitPerDownstreamConnection: true, responseHeadersToAdd: ["
                "{append: false, header: {key: a, value: b}}, {header: {key: c, value: d}}, "
                "{appendAction: OVERWRITE_IF_EXISTS_OR_ADD, header: {key: e, value: f}}]"
            ).replace("stat_prefix: a, ", "")
        )
    )
    assert (limit.bucket, limit.scope, limit.status) == (Bucket(5, 1, 1.0), LimitScope.CONNECTION, 503)
    assert (limit.enabled_percent, limit.enforced_percent) == (0.01, 100.0)
    assert limit.response_headers == HeaderChange(set=(("a", "b"), ("e", "f")), add=(("c", "d"),))


def test_what_a_limit_answers_says_nothing_of_the_request():
    header = "responseHeadersToAdd: [{header: {key: a, value: '%REQ(b)%'}}]"
    (field,) = refused(HTTP, filters(listener(f"{BUCKET}, {ON}, {header}")))
    assert field.endswith("responseHeadersToAdd[0].header.value")


def test_a_struct_with_a_type_is_read_as_what_it_is():
    inner = config(f"{BUCKET}, {ON}").replace(f'"@type": {TYPE}, ', "")
    struct = f'{{"@type": {STRUCT}, type_url: {TYPE}, value: {inner}}}'
    assert len(limits(filters(patch(f"{{name: {NAME}, typed_config: {struct}}}")))) == 1


@pytest.mark.parametrize(
    ("says", "what"),
    [
        (BUCKET, "filterEnabled is 0 %"),
        (f"{BUCKET}, filter_enabled: {FULL}", "filterEnforced is 0 %"),
        (
            f"{BUCKET}, filter_enabled: {FULL}, filter_enforced: {{default_value: {{numerator: 0}}}}",
            "filterEnforced is 0",
        ),
    ],
)
def test_a_limit_of_no_request_does_nothing_and_that_is_said(says, what):
    assert limits(filters(listener(says))) == ()
    assert what in warned(HTTP, filters(listener(says)))


def test_a_status_that_is_no_error_is_429():
    (limit,) = limits(filters(listener(f"{BUCKET}, {ON}, status: {{code: 200}}")))
    assert limit.status == 429


@pytest.mark.parametrize(
    ("match", "held"),
    [
        ("listener: {portNumber: 80}", True),
        ("listener: {portNumber: 81}", False),
        ("listener: {filterChain: {sni: api.shop.example}}", True),
        ("listener: {filterChain: {sni: www.shop.example}}", False),
        ("context: ANY", True),
        ("context: SIDECAR_OUTBOUND", True),
        ("context: SIDECAR_INBOUND", False),
    ],
)
def test_where_a_limit_holds(match, held):
    assert bool(limits(filters(listener(f"{BUCKET}, {ON}", match)))) is held


@pytest.mark.parametrize(
    ("selector", "namespace", "held"),
    [
        (EGRESS, "anywhere", True),
        ("", "istio-system", True),
        ("", "prod", True),
        ("", "elsewhere", False),
        ("{labels: {app: web}}", "istio-system", False),
    ],
)
def test_whose_limit_it_is(selector, namespace, held):
    text = filters(listener(f"{BUCKET}, {ON}"), selector=selector, namespace=namespace)
    assert bool(limits(text)) is held
    assert ("selects nothing on this gate" in warned(HTTP, text)) is not held


ROUTES = document(
    "VirtualService",
    """{hosts: [api.shop.example], http: [
    {name: paid, match: [{uri: {prefix: /paid}}], route: [{destination: {host: api.shop.example}}]},
    {name: free, route: [{destination: {host: api.shop.example}}]}]}""",
)


def test_a_routes_limit_replaces_the_listeners():
    tight = "token_bucket: {max_tokens: 1, fill_interval: 60s}"
    match = "routeConfiguration: {vhost: {name: 'api.shop.example:80', route: {name: free}}}"
    text = filters(listener(f"{BUCKET}, {ON}"), routed(f"{tight}, {ON}", match))
    assert [limit.bucket.size for limit in limits(ROUTES, text)] == [5, 1]


def test_a_listener_may_leave_it_to_the_routes():
    text = filters(listener(""), routed(f"{BUCKET}, {ON}", apply="VIRTUAL_HOST"))
    assert [limit.bucket.size for limit in limits(ROUTES, text)] == [5, 5]
    assert "filterEnabled" not in warned(ROUTES, text)


def test_a_routes_limit_without_a_listeners_filter_does_nothing_and_that_is_said():
    text = filters(routed(f"{BUCKET}, {ON}"))
    assert limits(ROUTES, text) == ()
    assert "no patch of HTTP_FILTER" in warned(HTTP, text)


def test_descriptors_are_limits_of_their_own():
    entries = (
        "{entries: [{key: who, value: one}, {key: remote_address}], token_bucket: {max_tokens: 1, fill_interval: 1s}}"
    )
    fixed = "{entries: [{key: generic_key, value: all}], token_bucket: {max_tokens: 2, fill_interval: 1s}}"
    from_one = "{entries: [{key: remote_address, value: 10.0.0.7}], token_bucket: {max_tokens: 3, fill_interval: 1s}}"
    never = "{entries: [{key: nobody}], token_bucket: {max_tokens: 4, fill_interval: 1s}}"
    actions = (
        ", route: {rate_limits: [{actions: [{request_headers: {header_name: X-Who, descriptor_key: who}}, "
        "{remote_address: {}}]}, {actions: [{generic_key: {descriptor_value: all}}]}, "
        "{actions: [{remote_address: {}}]}]}"
    )
    says = f"{BUCKET}, {ON}, descriptors: [{entries}, {fixed}, {from_one}, {never}]"
    text = filters(listener(""), routed(says, more=actions))
    whole, each, every, one = limits(text)
    assert (whole.bucket.size, each.bucket.size, every.bucket.size, one.bucket.size) == (5, 1, 2, 3)
    assert each.headers == (NamedMatch("x-who", TextMatch(TextKind.EXACT, "one")),)
    assert each.by == (LimitPart(LimitBy.SOURCE_IP),)
    assert (every.by, every.headers) == ((), ())
    assert one.caller == (Condition(Attribute.SOURCE_IP, ("10.0.0.7/32",)),)
    assert len({limit.key for limit in (whole, each, every, one)}) == 4
    assert "no action of a route makes these entries" in warned(HTTP, text)


@pytest.mark.parametrize(
    ("patches", "field"),
    [
        (patch("{name: envoy.filters.http.lua}"), "spec.configPatches[0]"),
        (patch("{name: a}", "CLUSTER"), "spec.configPatches[0]"),
        (listener(f"{BUCKET}, {ON}").replace("INSERT_BEFORE", "MERGE"), "spec.configPatches[0]"),
        (listener(f"{BUCKET}, {ON}").replace(TYPE, "type.googleapis.com/other"), "spec.configPatches[0].patch.value"),
        (listener("token_bucket: {max_tokens: 0, fill_interval: 1s}"),
         "spec.configPatches[0].patch.value.tokenBucket.maxTokens"),
        (listener("token_bucket: {max_tokens: 1, fill_interval: 1ms}"),
         "spec.configPatches[0].patch.value.tokenBucket.fillInterval"),
        (listener("unheard_of: 1"), "spec.configPatches[0].patch.value.unheard_of"),
        (listener(f"{BUCKET}, {ON}", "listener: {portName: a}"), "spec.configPatches[0].match.listener.portName"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(patches, field):
    assert refused(HTTP, filters(patches)) == [field]


def test_what_cannot_be_done_is_left_out_when_loading_is_lenient():
    text = filters(patch("{name: envoy.filters.http.lua}"), listener(f"{BUCKET}, {ON}"))
    assert "patches HTTP_FILTER of Envoy, which the gate is not" in warned(HTTP, text, strict=False)
    assert len(port(HTTP, text, number=80, strict=False).routes[0].limits) == 1


def test_a_limit_of_nothing_that_is_registered_is_said():
    assert "no registered traffic is limited" in warned(
        HTTP, filters(listener(f"{BUCKET}, {ON}", "listener: {portNumber: 9}"))
    )
