"""Clouds, hosting and infrastructure. A table."""

from string import hexdigits

from outgate.redact.detect.detector import UUID, Detector, Group, secret
from outgate.redact.detect.randomness import random

_AZURE = "AzSe|AzCa|AzFu|AIoT|AZDO|APIM|JQQJ9|[+]ASt|[+]ACDb|[+]ABa|[+]ASb|[+]AEh|[+]ACR|[+]AMC|[+]ARm|[+]AAS"
"""What Azure writes into the middle of its keys."""


def _mixed(value: str) -> bool:
    return value != value.upper() and value != value.lower() and any(map(str.isdigit, value))


def _is_drawn(value: str) -> bool:
    """And no digest in hexadecimal."""
    return random(value) and not set(value) <= set(hexdigits)


DETECTORS = (
    secret("aws-access-key", "(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])", "[A-Z0-9]{16}", "AKIA{u16}"),
    secret(
        "aws-secret-key",
        "(?i:secret[_ -]?access[_ -]?key)",
        r"""\\?["']?\s{0,3}(?:=>|:=|[:=])\s{0,3}\\?["']?([0-9A-Za-z/+]{40})""",
        "aws_secret_access_key = {w40}",
    ),
    Detector(
        "aws-secret-key-beside",
        Group.SECRETS,
        r"(?:AKIA|ASIA)[A-Z0-9]{16}(?:[^\x00]{0,80}?[^0-9A-Za-z/+=\x00])([0-9A-Za-z/+]{40})",
        "AKIA{u16} / {w40}",
        hint="(?:AKIA|ASIA)[A-Z0-9]{16}",
        check=_is_drawn,
    ),
    secret("aws-session-token", "(?:FwoG|FQoG|IQoJ)", "[0-9A-Za-z/+]{80,}={0,2}", "IQoJb3JpZ2luX2Vj{w200}"),
    secret("aws-bedrock-key", "ABSK", "[0-9A-Za-z+/]{40,}={0,2}", "ABSK{w109}"),
    secret("aws-bedrock-session-key", "bedrock-api-key-", "[0-9A-Za-z+/]{40,}={0,2}", "bedrock-api-key-{w200}"),
    secret("aws-mws-token", r"amzn\.mws\.", UUID, "amzn.mws.{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret("aws-appsync-key", "da2-", "[0-9a-z]{26}", "da2-{l26}"),
    secret("google-api-key", "AIza", "[0-9A-Za-z_-]{35}", "AIza{b35}"),
    secret("google-oauth-token", r"ya29\.", "[0-9A-Za-z_-]{20,}", "ya29.{b120}"),
    secret("google-refresh-token", "1//0", "[0-9A-Za-z_-]{38,}", "1//0{b40}"),
    secret("google-client-secret", "GOCSPX-", "[0-9A-Za-z_-]{28}", "GOCSPX-{b28}"),
    secret("google-hmac-key", "GOOG1", "[0-9A-Z]{19,56}", "GOOG1{u56}"),
    secret("firebase-key", "AAAA[0-9A-Za-z_-]{7}:", "[0-9A-Za-z_-]{120,}", "AAAA{b7}:{b140}"),
    secret(
        "azure-key",
        "",
        rf"[0-9A-Za-z+/_-]{{30,}}(?:{_AZURE})[0-9A-Za-z+/_-]{{5,40}}={{0,2}}",
        "{w76}+ASt{w7}==",
        hint=rf"(?:{_AZURE})[0-9A-Za-z+/_-]{{5}}",
    ),
    secret(
        "azure-connection-key",
        "(?i:AccountKey|SharedAccessKey|SharedSecret|SharedAccessSignature)=",
        r"""([^;\s"'\x00]{16,})""",
        "AccountKey={w86}==",
    ),
    secret("azure-client-secret", "", "[0-9A-Za-z_~.-]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34}", "abc8Q~{w34}", hint="[0-9]Q~"),
    secret("azure-sas", "[?&]sig=", "([0-9A-Za-z%+/=]{40,})", "?sv=2024-11-04&sig={w43}%3D"),
    secret("alibaba-access-key", "LTAI", "[0-9A-Za-z]{12,24}", "LTAI{w20}"),
    secret("tencent-secret-id", "AKID", "[0-9A-Za-z]{28,36}", "AKID{w32}"),
    secret("yandex-key", "AQVN", "[0-9A-Za-z_-]{35,38}", "AQVN{b36}"),
    secret("yandex-secret", r"\bYC[0-9A-Za-z_-]{4}", "[0-9A-Za-z_-]{34}", "YCA{b37}"),
    secret("yandex-token", r"t1\.", r"[0-9A-Za-z_-]{4,}={0,2}\.[0-9A-Za-z_-]{86}={0,2}", "t1.{b90}.{b86}"),
    secret("scaleway-access-key", "SCW", "[0-9A-Z]{17}", "SCW{u17}"),
    secret("ovh-token", "ovh_(?:ak|as|ck)_", "[0-9A-Za-z]{16,}", "ovh_ck_{w32}"),
    secret("digitalocean-token", "do[oprt]_v1_", "[0-9a-f]{64}", "dop_v1_{h64}"),
    secret("digitalocean-spaces-key", "DO(?:00|80)", "[0-9A-Z]{16}", "DO00{u16}"),
    secret("heroku-key", "HRKU-", "[0-9A-Za-z_-]{36,}", "HRKU-AA{b58}"),
    secret("cloudflare-token", "cf(?:ut|at|k|ot)_", "[0-9A-Za-z_-]{30,}", "cfut_{w48}"),
    secret("cloudflare-origin-ca-key", r"v1\.0-", "[0-9a-f]{24,80}-[0-9a-f]{100,160}", "v1.0-{h24}-{h146}"),
    secret("fastly-token", "fastly_", "[0-9A-Za-z_-]{32,}", "fastly_{b32}"),
    secret("fly-token", "fm[12][ar]?_", "[0-9A-Za-z+/]{100,}={0,3}", "fm2_{w200}"),
    secret("fly-access-token", "fo1_", "[0-9A-Za-z_-]{43}", "fo1_{b43}"),
    secret("netlify-token", "nf[ptc]_", "[0-9A-Za-z]{36,}", "nfp_{w36}"),
    secret("vercel-token", "vc[pikarc]_", "[0-9A-Za-z]{24,}", "vcp_{w56}"),
    secret("vercel-blob-token", "vercel_blob_rw_", "[0-9A-Za-z]{16}_[0-9A-Za-z]{30,}", "vercel_blob_rw_{w16}_{w30}"),
    secret("render-key", "rnd_", "[0-9A-Za-z]{28,}", "rnd_{w32}"),
    secret("supabase-token", "sbp_", "(?:v0_)?[0-9a-f]{40}", "sbp_{h40}"),
    secret("supabase-key", "sb_secret_", "[0-9A-Za-z_-]{22,}", "sb_secret_{b31}"),
    secret("planetscale-token", "pscale_(?:tkn|pw|oauth)_", "[0-9A-Za-z_.=-]{32,}", "pscale_tkn_{w43}"),
    secret("neon-key", "napi_", "[0-9a-z]{64}", "napi_{l64}"),
    secret("databricks-token", "(?:dapi|dose|dkea)", "[0-9a-f]{32}(?:-[0-9])?", "dapi{h32}"),
    secret("mongodb-atlas-secret", "mdb_sa_sk_", "[0-9A-Za-z_-]{32,}", "mdb_sa_sk_{b40}"),
    secret("elastic-key", "essu_", "[0-9A-Za-z+/=_-]{40,}", "essu_{w80}"),
    secret("vault-token", r"hv[sbr]\.", "[0-9A-Za-z_-]{24,}", "hvs.{b95}"),
    secret(
        "terraform-token",
        "",
        r"\b[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_-]{50,}",
        "{w14}.atlasv1.{b67}",
        hint=r"\.atlasv1\.",
    ),
    secret("pulumi-token", "pul-", "[0-9a-f]{40}", "pul-{h40}"),
    secret(
        "doppler-token",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.",
        r"(?:[0-9a-z_-]{2,35}\.)?[0-9A-Za-z]{40,44}",
        "dp.pt.{w43}",
    ),
    secret("deno-token", "dd[opw]_", "[0-9A-Za-z]{36,40}", "ddp_{w36}"),
    secret("adafruit-key", "aio_", "[0-9A-Za-z]{28}", "aio_{w28}"),
    secret("ibm-key", "ApiKey-", UUID, "ApiKey-{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret("infracost-key", "ico-", "[0-9A-Za-z]{32}", "ico-{w32}"),
    secret("tailscale-key", "tskey-", "(?:[a-z]+-)?[0-9A-Za-z]{6,}-[0-9A-Za-z]{20,}", "tskey-auth-{w17}-{w32}"),
    secret("ngrok-token", r"\b[12][0-9A-Za-z]{26}_", "[0-9A-Za-z]{20,24}", "2{w26}_{w21}"),
    secret("1password-token", "ops_eyJ", "[0-9A-Za-z+/_-]{100,}={0,2}", "ops_eyJ{w250}"),
    secret(
        "1password-secret-key",
        "A3-",
        "[0-9A-Z]{6}-(?:[0-9A-Z]{11}|[0-9A-Z]{6}-[0-9A-Z]{5})(?:-[0-9A-Z]{5}){3}",
        "A3-{u6}-{u11}-{u5}-{u5}-{u5}",
    ),
    secret("launchdarkly-key", "(?:sdk|api|mob|rel)-", UUID, "sdk-{h8}-{h4}-{h4}-{h4}-{h12}"),
    # PEM in Base64: `-----BEGIN P`, `RSA`, `EC P`, `ENCRYPT`, `OPENSSH`; certificates are not secret.
    secret(
        "encoded-private-key",
        "LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0Eg|FQyBQ|FTkNSWVBU|PUEVOU1NI)",
        "[0-9A-Za-z+/]{40,}={0,2}",
        "LS0tLS1CRUdJTiBQUklWQVRF{w200}",
    ),
    secret("openshift-token", "sha256~", "[0-9A-Za-z_-]{43}", "sha256~{b43}"),
    secret("clickhouse-key", r"\b4b1d", "[0-9A-Za-z]{38}", "4b1d{w38}"),
    secret("maxmind-key", "", r"\b[0-9A-Za-z]{6}_[0-9A-Za-z]{29}_mmk", "{w6}_{w29}_mmk", hint="[0-9A-Za-z]_mmk"),
    secret("defined-networking-token", "dnkey-", "[0-9A-Za-z=_]{26}-[0-9A-Za-z=_]{52}", "dnkey-{l26}-{l52}"),
    secret("google-auth-key", r"AQ\.Ab", "[0-9A-Za-z_-]{40,}", "AQ.Ab{b48}"),
    secret("akamai-token", "aka[a-z]-", "[0-9a-z]{16}-[0-9a-z]{16}", "akab-{l16}-{l16}"),
    secret("docker-swarm-key", "SWM(?:TKN|KEY)-1-", "[0-9A-Za-z+/]{43,}(?:-[0-9a-z]{25})?", "SWMTKN-1-{l50}-{l25}"),
    secret("alchemy-key", "alcht_", "[0-9A-Za-z]{30}", "alcht_{w30}"),
    secret("portainer-token", "ptr_", "[0-9A-Za-z_=/+-]{36,}", "ptr_{b43}"),
    secret("settlemint-token", "sm_(?:aat|pat|sat)_", "[0-9A-Za-z]{16}", "sm_pat_{w16}"),
    secret(
        "authress-key",
        "(?:sc|ext|scauth|authress)_[0-9A-Za-z]{5,30}[.]",
        "[0-9A-Za-z]{4,6}[.]acc[_-][0-9A-Za-z-]{10,32}[.][0-9A-Za-z+/_=-]{30,120}",
        "ext_{l8}.{l4}.acc_{l12}.{w44}",
    ),
    secret("aiven-password", "AVNS_", "[0-9A-Za-z_-]{19,}", "AVNS_{w19}"),
    secret("neon-password", "npg_", "[0-9A-Za-z]{12,20}", "npg_{w20}", check=_mixed),
    secret("infisical-token", r"\bst\.", r"[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}", "st.{h24}.{h32}.{h32}"),
    secret(
        "bitwarden-token",
        rf"0\.{UUID}",
        r"\.[0-9A-Za-z]{30}:[0-9A-Za-z+/]{22,}={0,2}",
        "0.{h8}-{h4}-{h4}-{h4}-{h12}.{w30}:{w22}==",
        hint=r"0\.[0-9a-f]{8}-",
    ),
    secret("boundary-token", "at_", "[0-9A-Za-z]{10}_s1[0-9A-Za-z]{40,}", "at_{w10}_s1{w60}"),
    secret("exoscale-key", "EXO", "[0-9a-f]{24}", "EXO{h24}"),
    secret("godaddy-key", "sso-key[ ]", "([0-9A-Za-z_]{10,}:[0-9A-Za-z]{10,})", "sso-key {w16}_{w22}:{w22}"),
    secret("baidu-key", "bce-v3/ALTAK-", "[0-9A-Za-z]{16,}/[0-9a-f]{40}", "bce-v3/ALTAK-{w21}/{h40}"),
    secret("k3s-token", "K10[0-9a-f]{64}::", "([0-9A-Za-z:]{16,})", "K10{h64}::server:{h32}"),
    secret("ceph-key", "AQ[A-D]", "[0-9A-Za-z+/]{35}==", "AQB{w35}=="),
    secret("vault-legacy-token", r"\bs\.", "[0-9A-Za-z]{24}", "s.{w24}", check=random),
)
