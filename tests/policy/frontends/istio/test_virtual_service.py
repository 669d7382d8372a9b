"""VirtualService: what is refused and where."""

import pytest

from policy.frontends.istio.istio_building import document, refused, warned

SELF = "route: [{destination: {host: a.example}}]"


def service(spec: str, hosts: str = "[a.example]") -> str:
    return document("VirtualService", f"{{hosts: {hosts}, {spec}}}")


def http(route: str) -> str:
    return service(f"http: [{{{route}}}]")


def wrong(text: str) -> list[str]:
    return refused(text, strict=False)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{hosts: [a.example]}", "spec"),
        ("{hosts: [a.example], http: [{}]}", "spec.http[0]"),
        ("{hosts: [a.example], http: [{route: []}]}", "spec.http[0]"),
        ("{hosts: [a.example], http: [{match: [{uri: {prefix: /}}]}]}", "spec.http[0]"),
        (f"{{hosts: ['*'], http: [{{{SELF}}}]}}", "spec.hosts[0]"),
        (f"{{hosts: [a!.example], http: [{{{SELF}}}]}}", "spec.hosts[0]"),
        (f"{{hosts: [a.example, '*.example'], http: [{{{SELF}}}]}}", "spec.hosts[1]"),
        (f"{{hosts: [a.example, A.example], http: [{{{SELF}}}]}}", "spec.hosts[1]"),
        (f"{{hosts: ['*.a.example', '*.example'], http: [{{{SELF}}}]}}", "spec.hosts[1]"),
        (f"{{hosts: [a.example], gateways: ['prod/*'], http: [{{{SELF}}}]}}", "spec.gateways[0]"),
        (f"{{hosts: [a.example], gateways: ['/a'], http: [{{{SELF}}}]}}", "spec.gateways[0]"),
        (f"{{hosts: [a.example], exportTo: ['~'], http: [{{{SELF}}}]}}", "spec.exportTo[0]"),
        (f"{{gateways: [out], http: [{{{SELF}}}]}}", "spec.gateways"),
        (f"{{tcp: [{{{SELF}}}]}}", "spec.tcp"),
        ("{hosts: [a.example], tcp: [{match: [{port: 1}]}]}", "spec.tcp[0].route"),
        ("{hosts: [a.example], tcp: [{route: []}]}", "spec.tcp[0].route"),
        (f"{{hosts: [a.example], tcp: [{{match: [{{destinationSubnets: [x]}}], {SELF}}}]}}",
         "spec.tcp[0].match[0].destinationSubnets[0]"),
        (f"{{hosts: [a.example], tcp: [{{match: [{{port: 65536}}], {SELF}}}]}}", "spec.tcp[0].match[0].port"),
        (f"{{hosts: [a.example], tls: [{{{SELF}}}]}}", "spec.tls[0].match"),
        (f"{{hosts: [a.example], tls: [{{match: [], {SELF}}}]}}", "spec.tls[0].match"),
        (f"{{hosts: [a.example], tls: [{{match: [{{}}], {SELF}}}]}}", "spec.tls[0].match[0].sniHosts"),
        (f"{{hosts: [a.example], tls: [{{match: [{{sniHosts: [b.example]}}], {SELF}}}]}}",
         "spec.tls[0].match[0].sniHosts[0]"),
        ("{hosts: [a.example], tls: [{match: [{sniHosts: [a.example]}]}]}", "spec.tls[0].route"),
        ("{hosts: [a.example], tcp: [{route: [{weight: 1}]}]}", "spec.tcp[0].route[0].destination"),
        ("{hosts: [a.example], tcp: [{route: [{destination: {host: a.example}}, {destination: {host: a.example}}]}]}",
         "spec.tcp[0].route"),
    ],
)  # fmt: skip
def test_what_istio_refuses_is_refused_on_its_field(spec, field):
    assert field in wrong(document("VirtualService", spec))


@pytest.mark.parametrize(
    ("route", "field"),
    [
        ("route: [{}]", "route[0].destination"),
        ("route: [{destination: {}}]", "route[0].destination.host"),
        ("route: [{destination: {host: '*'}}]", "route[0].destination.host"),
        ("route: [{destination: {host: a.example, subset: a_b}}]", "route[0].destination.subset"),
        ("route: [{destination: {host: a.example, port: {number: 0}}}]", "route[0].destination.port.number"),
        ("route: [{destination: {host: a.example}, weight: -1}]", "route[0].weight"),
        (f"redirect: {{uri: /a}}, {SELF}", "route"),
        ("redirect: {uri: /a}, fault: {abort: {httpStatus: 500}}", "fault"),
        ("redirect: {uri: /a}, rewrite: {uri: /b}", "rewrite"),
        ("redirect: {uri: /a}, directResponse: {status: 200}", "directResponse"),
        (f"directResponse: {{status: 200}}, {SELF}", "route"),
        (f"delegate: {{name: a}}, {SELF}", "route"),
        ("delegate: {name: a}, redirect: {uri: /a}", "redirect"),
        ("redirect: {}", "redirect"),
        ("redirect: {redirectCode: 200, uri: /a}", "redirect.redirectCode"),
        ("redirect: {scheme: ftp}", "redirect.scheme"),
        ("redirect: {uri: /a, prefixRewrite: /b}", "redirect.prefixRewrite"),
        ("redirect: {port: 1, derivePort: FROM_REQUEST_PORT}", "redirect.derivePort"),
        ("match: [{uri: {exact: /a}}], redirect: {prefixRewrite: /b}", "redirect.prefixRewrite"),
        ("directResponse: {}", "directResponse.status"),
        ("directResponse: {status: 199}", "directResponse.status"),
        ("directResponse: {status: 200, body: {string: a, bytes: YQ==}}", "directResponse.body.bytes"),
        (f"rewrite: {{}}, {SELF}", "rewrite"),
        (f"rewrite: {{uri: /a, uriRegexRewrite: {{match: a, rewrite: b}}}}, {SELF}", "rewrite.uriRegexRewrite"),
        (f"rewrite: {{uriRegexRewrite: {{match: a}}}}, {SELF}", "rewrite.uriRegexRewrite.rewrite"),
        (f"rewrite: {{uriRegexRewrite: {{match: '(', rewrite: b}}}}, {SELF}", "rewrite.uriRegexRewrite.match"),
        (f"timeout: 0s, {SELF}", "timeout"),
        (f"retries: {{attempts: -1}}, {SELF}", "retries.attempts"),
        (f"retries: {{retryOn: 5xx}}, {SELF}", "retries.retryOn"),
        (f"retries: {{attempts: 0, perTryTimeout: 1s}}, {SELF}", "retries.perTryTimeout"),
        (f"retries: {{attempts: 1, retryOn: sometimes}}, {SELF}", "retries.retryOn"),
        (f"fault: {{}}, {SELF}", "fault"),
        (f"fault: {{delay: {{fixedDelay: 1us}}}}, {SELF}", "fault.delay.fixedDelay"),
        (f"fault: {{delay: {{exponentialDelay: 1s}}}}, {SELF}", "fault.delay.exponentialDelay"),
        (f"fault: {{delay: {{fixedDelay: 1s, percentage: {{value: 0.00001}}}}}}, {SELF}",
         "fault.delay.percentage.value"),
        (f"fault: {{abort: {{httpStatus: 700}}}}, {SELF}", "fault.abort.httpStatus"),
        (f"fault: {{abort: {{grpcStatus: MAYBE}}}}, {SELF}", "fault.abort.grpcStatus"),
        (f"fault: {{abort: {{http2Error: a}}}}, {SELF}", "fault.abort.http2Error"),
        (f"mirror: {{host: a.example}}, mirrors: [{{destination: {{host: a.example}}}}], {SELF}", "mirrors"),
        (f"mirrors: [{{}}], {SELF}", "mirrors[0].destination"),
        (f"mirror: {{host: a.example}}, mirrorPercentage: {{value: 101}}, {SELF}", "mirrorPercentage.value"),
        (f"corsPolicy: {{allowMethods: [get]}}, {SELF}", "corsPolicy.allowMethods[0]"),
        (f"corsPolicy: {{allowHeaders: ['a b']}}, {SELF}", "corsPolicy.allowHeaders[0]"),
        (f"corsPolicy: {{maxAge: 1500ms}}, {SELF}", "corsPolicy.maxAge"),
        (f"corsPolicy: {{allowOrigins: [{{}}]}}, {SELF}", "corsPolicy.allowOrigins[0]"),
        (f"headers: {{request: {{set: {{':path': a}}}}}}, {SELF}", "headers.request.set.:path"),
        (f"headers: {{request: {{remove: [host]}}}}, {SELF}", "headers.request.remove[0]"),
        (f"headers: {{response: {{set: {{host: a}}}}}}, {SELF}", "headers.response.set.host"),
        (f"headers: {{request: {{add: {{a: '100%'}}}}}}, {SELF}", "headers.request.add.a"),
        (f"headers: {{request: {{set: {{host: a, ':authority': b}}}}}}, {SELF}", "headers.request.set.:authority"),
        (f"headers: {{request: {{set: {{host: a}}}}}}, rewrite: {{authority: b}}, {SELF}", "headers.request.set.host"),
        (f"match: [{{headers: {{'a b': {{exact: c}}}}}}], {SELF}", "match[0].headers.a b"),
        (f"match: [{{headers: {{'@request.auth.claims.sub': {{exact: c}}}}}}], {SELF}",
         "match[0].headers.@request.auth.claims.sub"),
        (f"match: [{{headers: {{a: {{prefix: ''}}}}}}], {SELF}", "match[0].headers.a.prefix"),
        (f"match: [{{uri: {{exact: a, prefix: b}}}}], {SELF}", "match[0].uri.prefix"),
        (f"match: [{{uri: {{regex: '['}}}}], {SELF}", "match[0].uri.regex"),
        (f"match: [{{uri: {{regex: '{'a' * 1025}'}}}}], {SELF}", "match[0].uri.regex"),
        (f"match: [{{method: {{prefix: ''}}}}], {SELF}", "match[0].method.prefix"),
        (f"match: [{{sourceNamespace: a.b}}], {SELF}", "match[0].sourceNamespace"),
        (f"match: [{{gateways: ['a/']}}], {SELF}", "match[0].gateways[0]"),
        (f"match: [{{sourceLabels: {{'@': b}}}}], {SELF}", "match[0].sourceLabels.@"),
    ],
)  # fmt: skip
def test_what_istio_refuses_of_a_http_route(route, field):
    assert f"spec.http[0].{field}" in wrong(http(route))


@pytest.mark.parametrize(
    "route",
    [
        f"match: [null], {SELF}",
        f"match: [{{uri: {{prefix: ''}}}}], {SELF}",
        f"match: [{{withoutHeaders: {{a: {{regex: '*'}}}}}}], {SELF}",
        f"headers: {{request: {{add: {{a: '%HOSTNAME%', b: '100%%'}}}}}}, {SELF}",
        f"headers: {{request: {{add: {{a: 'x%REQ(a)%y', b: '%START_TIME(%s)%'}}}}}}, {SELF}",
        f"""headers: {{response: {{add: {{a: '%D(["a", "b"])%'}}}}}}, {SELF}""",
        f"retries: {{attempts: 0}}, {SELF}",
        f"retries: {{attempts: 2, retryOn: 'gateway-error,503,reset', backoff: 25ms}}, {SELF}",
        f"fault: {{abort: {{httpStatus: 503, percentage: {{value: 0.001}}}}}}, {SELF}",
        f"websocketUpgrade: true, {SELF}",
        "redirect: {derivePort: FROM_PROTOCOL_DEFAULT}",
        "redirect: {scheme: https}",
        f"mirror: {{host: a.example}}, mirrorPercentage: {{value: 0.5}}, {SELF}",
    ],
)
def test_what_istio_takes_is_taken(route):
    assert wrong(http(route)) == []


def test_a_gateways_routes_may_be_for_every_host_and_for_claims():
    claims = "match: [{headers: {'@request.auth.claims.sub': {exact: a}}}]"
    text = service(f"gateways: [out], http: [{{{claims}, {SELF}}}]", "['*']")
    assert wrong(text) == []


def test_generated_names_between_gateways_are_taken():
    name = "outbound_.443_._.a.mesh"
    text = service(f"gateways: [out], tls: [{{match: [{{sniHosts: [{name}]}}], {SELF}}}]", f"[{name}]")
    assert wrong(text) == []


def test_what_is_never_reached_is_said():
    assert "is never reached" in warned(service(f"http: [{{{SELF}}}, {{match: [{{port: 1}}], {SELF}}}]"))


def test_an_old_gateway_name_is_said():
    assert "is the old way" in warned(service(f"gateways: [mesh, out.prod.svc], http: [{{{SELF}}}]"))


def test_a_large_answer_is_refused_and_a_notable_one_is_said():
    assert wrong(http(f"directResponse: {{status: 200, body: {{string: {'a' * 1048577}}}}}")) == [
        "spec.http[0].directResponse.body.string"
    ]
    assert "is large" in warned(
        http(f"directResponse: {{status: 200, body: {{string: {'a' * 102401}}}}}"), strict=False
    )


def test_an_address_as_sni_is_said():
    route = "route: [{destination: {host: a.example}}]"
    text = service(f"tls: [{{match: [{{sniHosts: [192.0.2.1]}}], {route}}}]", "[a.example, 192.0.2.1]")
    assert "no client sends" in warned(text, strict=False)
