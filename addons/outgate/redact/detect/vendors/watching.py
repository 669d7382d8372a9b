"""Monitoring, logs, errors, and who may sign in. A table."""

from outgate.redact.detect.detector import UUID, secret
from outgate.redact.detect.randomness import random

DETECTORS = (
    secret("datadog-key", "dd(?:app|pat|api|rum|pub)_", "[0-9A-Za-z_-]{30,}", "ddapp_{w34}"),
    secret("newrelic-key", "NR(?:AA|AK|AL|BR|SP|II|IQ|RA|JS|IA)-", "[0-9A-Za-z_-]{19,}", "NRAK-{u27}"),
    secret("newrelic-license", "", r"\b[0-9a-z]{32,36}(?:FFFF)?NRAL", "{h36}NRAL", hint="[0-9a-zF]NRAL"),
    secret("sentry-token", "sntry[su]_", "[0-9A-Za-z+/=_-]{60,}", "sntryu_{h64}"),
    secret(
        "sentry-dsn",
        "",
        "https?://([0-9a-f]{32}(?::[0-9a-f]{32})?)@[0-9A-Za-z.-]+(?::[0-9]+)?/(?:[0-9A-Za-z_-]+/)*[0-9]+",
        "https://{h32}@o{d6}.ingest.sentry.io/{d7}",
        hint="//[0-9a-f]{32}",
    ),
    secret("grafana-cloud-token", "glc_", "[0-9A-Za-z+/=]{32,}", "glc_{w120}"),
    secret("grafana-token", "glsa_", "[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}", "glsa_{w32}_{h8}"),
    secret("grafana-key", "eyJrIjoi", "[0-9A-Za-z+/=]{60,}", "eyJrIjoi{w80}"),
    secret("dynatrace-token", "dt0[a-z]", r"[0-9]{2}\.[0-9A-Z]{24}\.[0-9A-Z]{64}", "dt0c01.{u24}.{u64}"),
    secret("honeycomb-key", "hc[a-z](?:ik|mk|lk)_", "[0-9a-z]{50,}", "hcaik_{l58}"),
    secret("axiom-token", "xa[ap]t-", UUID, "xaat-{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret("pixie-key", "px-(?:api|dep)-", UUID, "px-dep-{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret("rootly-token", "rootly_", "[0-9a-f]{64}", "rootly_{h64}"),
    secret("spectral-token", "spu-", "[0-9a-f]{32}", "spu-{h32}"),
    secret("wundergraph-key", "cosmo_", "[0-9a-f]{32}", "cosmo_{h32}"),
    secret("okta-token", "SSWS[ ]+", "(00[0-9A-Za-z_-]{38,42})", "SSWS 00{b40}"),
    secret("uptimerobot-key", "[um]r?[0-9]{6,9}-", "[0-9a-f]{24}", "ur{d7}-{h24}"),
    secret(
        "blockfrost-key", "(?:mainnet|preprod|preview|ipfs|testnet)", "[0-9A-Za-z]{32}", "mainnet{w32}", check=random
    ),
    secret("tatum-key", "t-[0-9a-f]{24}-", "[0-9a-f]{24}", "t-{h24}-{h24}"),
    secret(
        "authorization-key",
        "(?i:splunk|genie-?key|apikey|api-key|token)[ ]",
        f"({UUID})",
        "Splunk {h8}-{h4}-{h4}-{h4}-{h12}",
    ),
)
