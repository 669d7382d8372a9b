"""Repositories, packages, builds, and what else people use who write programs. A table."""

from outgate.redact.detect.checksums import crc32_base62
from outgate.redact.detect.detector import UUID, apart, secret


def _whole_or_checked(text: str, start: int, end: int) -> bool:
    """A token in the middle of a word is one where its checksum is right."""
    body = text[text.index("_", start) + 1 : end]
    return apart(text, start, end) or crc32_base62(body[:30], body[30:36])


DETECTORS = (
    secret("github-token", "gh[pousr]_", "[0-9A-Za-z]{36,255}", "ghp_{w36}", around=_whole_or_checked),
    secret("github-app-token", "ghs_", r"[0-9A-Za-z_]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]{20,}", "ghs_{w20}.{b80}.{b43}"),
    secret("github-fine-grained-token", "github_pat_", "[0-9A-Za-z_]{50,255}", "github_pat_{w22}_{w59}"),
    secret(
        "gitlab-token",
        "gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-",
        "[0-9A-Za-z_=.-]{20,}",
        "glpat-{b20}",
    ),
    secret("gitlab-runner-token", "GR1348941", "[0-9A-Za-z_-]{20}", "GR1348941{b20}"),
    secret("atlassian-token", "AT(?:ATT|CTT|OTT)3", "[0-9A-Za-z_=-]{60,}", "ATATT3xFfGF0{b180}"),
    secret("bitbucket-password", "ATBB", "[0-9A-Za-z]{20,}", "ATBB{w32}"),
    secret("sourcegraph-token", "sgp_", "(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}", "sgp_{h40}"),
    secret("npm-token", "npm_", "[0-9A-Za-z]{36}", "npm_{w36}", around=_whole_or_checked),
    secret("pypi-token", "pypi-", "[0-9A-Za-z_-]{50,}", "pypi-AgEIcHlwaS5vcmc{b150}"),
    secret("rubygems-key", "rubygems_", "[0-9a-f]{48}", "rubygems_{h48}"),
    secret("crates-token", "cio", "[0-9A-Za-z]{32}", "cio{w32}"),
    secret("nuget-key", "oy2", "[0-9a-z]{43}", "oy2{l43}"),
    secret("docker-token", "dckr_(?:pat|oat)_", "[0-9A-Za-z_-]{27,}", "dckr_pat_{b27}"),
    secret("jfrog-key", "AKCp", "[0-9A-Za-z]{60,75}", "AKCp{w69}"),
    secret("jfrog-reference-token", "cmVmd", "[0-9A-Za-z]{59}", "cmVmd{w59}"),
    secret("packagist-token", "packagist_", "[a-z]{3}_[0-9a-f]{60,70}", "packagist_uut_{h68}"),
    secret("clojars-token", "CLOJARS_", "[0-9a-z]{60}", "CLOJARS_{l60}"),
    secret("circleci-token", "CCIP(?:AT|RJ)_", "[0-9A-Za-z]{20,24}_[0-9a-f]{40}", "CCIPAT_{w22}_{h40}"),
    secret("buildkite-token", "bk(?:ua|pa|aj|ct|rt)_", "[0-9A-Za-z]{40,}", "bkua_{h40}"),
    secret("sonar-token", "sq[upa]_", "[0-9a-f]{40}", "squ_{h40}"),
    secret("snyk-token", r"snyk_(?:uat|sat)\.", r"[0-9a-f]{8}\.[0-9A-Za-z_.-]{40,}", "snyk_uat.{h8}.{b60}"),
    secret("postman-key", "PMA[KT]-", "[0-9a-f]{24}-[0-9a-f]{34}", "PMAK-{h24}-{h34}"),
    secret("figma-token", "fig[dou]r?_", "[0-9A-Za-z_-]{36,}", "figd_{b40}"),
    secret("linear-key", "lin_(?:api|oauth|wh)_", "[0-9A-Za-z]{32,}", "lin_api_{w40}"),
    secret("notion-token", "ntn_", "[0-9]{9,12}[0-9A-Za-z]{32,38}", "ntn_{d11}{w35}"),
    secret("notion-secret", "secret_", "[0-9A-Za-z]{43}", "secret_{w43}"),
    secret("airtable-token", "pat", r"[0-9A-Za-z]{14}\.[0-9a-f]{64}", "pat{w14}.{h64}"),
    secret(
        "asana-token",
        "",
        r"\b[0-9]/[0-9]{10,}(?:/[0-9]{10,})?:[0-9a-f]{32}",
        "2/{d16}/{d16}:{h32}",
        hint="[0-9]:[0-9a-f]{8}",
    ),
    secret("clickup-token", "pk_", "[0-9]{5,10}_[0-9A-Z]{32}", "pk_{d8}_{u32}"),
    secret("typeform-token", "tfp_", "[0-9A-Za-z_.=-]{40,}", "tfp_{b59}"),
    secret("contentful-token", "CFPAT-", "[0-9A-Za-z_-]{43}", "CFPAT-{b43}"),
    secret("readme-key", "rdme_", "[0-9a-z]{60,}", "rdme_{l70}"),
    secret("posthog-key", "ph[xcs]_", "[0-9A-Za-z]{40,}", "phx_{w43}"),
    secret("hubspot-token", "pat-(?:na|eu|ap)[0-9]-", UUID, "pat-na1-{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret("salesforce-token", r"\b00D", "[0-9A-Za-z]{12,15}![0-9A-Za-z._]{60,}", "00D{w12}!{w96}"),
    secret("mapbox-token", r"[sp]k\.eyJ", r"[0-9A-Za-z_-]{20,}\.[0-9A-Za-z_-]{20,}", "sk.eyJ{w80}.{w22}"),
    secret("adobe-secret", "p8e-", "[0-9A-Za-z_-]{32}", "p8e-{w32}"),
    secret("dropbox-token", r"sl\.", r"(?:u\.)?[0-9A-Za-z_-]{120,}", "sl.{b136}"),
    secret("facebook-token", "EAA", "[0-9A-Za-z]{60,}", "EAA{w150}"),
    secret("instagram-token", "IG(?:QV|AA)", "[0-9A-Za-z_-]{50,}", "IGQV{w130}"),
    secret("twitter-bearer", "A{20}", "A*[0-9A-Za-z%]{60,}", "AAAAAAAAAAAAAAAAAAAAA{w80}"),
    secret("duffel-token", "duffel_(?:test|live)_", "[0-9A-Za-z_=-]{43}", "duffel_test_{b43}"),
    secret("easypost-key", "EZ[AT]K", "[0-9A-Za-z]{54}", "EZAK{w54}"),
    secret("shippo-token", "shippo_(?:live|test)_", "[0-9a-f]{40}", "shippo_live_{h40}"),
    secret("frameio-token", "fio-u-", "[0-9A-Za-z_=-]{60,}", "fio-u-{b64}"),
    secret("prefect-key", "pn[ub]_", "[0-9A-Za-z]{36}", "pnu_{w36}"),
    secret("scalingo-token", "tk-us-", "[0-9A-Za-z_-]{48}", "tk-us-{b48}"),
    secret(
        "zapier-hook",
        r"hooks\.zapier\.com/hooks/catch/",
        "([0-9]+/[0-9a-z]+)",
        "https://hooks.zapier.com/hooks/catch/{d8}/{l7}/",
    ),
    secret(
        "harness-token",
        r"(?:pat|sat)\.[0-9A-Za-z_-]{22}\.",
        r"[0-9A-Za-z]{24}\.[0-9A-Za-z]{20}",
        "pat.{b22}.{w24}.{w20}",
    ),
    secret("octopus-key", r"\bAPI-[0-9A-Z]{4}", "[0-9A-Z]{21,28}", "API-{u26}"),
    secret("facebook-app-token", r"\b[0-9]{15,17}(?:\||%7C)", "[0-9A-Za-z_-]{26,40}", "{d16}|{b27}"),
    secret("intra42-secret", "s-s4t2(?:ud|af)-", "[0-9a-f]{64}", "s-s4t2ud-{h64}"),
)
