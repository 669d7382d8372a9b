"""Keys that tell themselves by a prefix alone: behind it is whatever a machine drew. A table."""

from outgate.redact.detect.detector import secret
from outgate.redact.detect.randomness import random

KNOWN = (
    "bb_(?:live|test)_",  # Browserbase
    "CCDB1_",  # CockroachDB
    "creem_",
    "csb_v[0-9]_",  # CodeSandbox
    "dbt[cu]_",
    "dnsimple_[au]_",
    "dvc_(?:server|client|mobile)_",  # DevCycle
    "esecret_",  # Anyscale
    "gitpod_pat_",
    "KGAT_",  # Kaggle
    "mlsn[.]",  # MailerSend
    "nyk_v[0-9]_",  # Nylas
    "os_v[0-9]_(?:app|org)_",  # OneSignal
    "polar_[a-z]{2,5}_",
    "ramp_(?:sec|tok)_",
    "retool_01",
    "(?:SB-)?Mid-server-",  # Midtrans
    "secret-(?:live|test)-",  # Stytch
    "tr_(?:dev|prod|stg|pat|preview)_",  # Trigger.dev
    "ucat_",  # UpCloud
    "vk[0-9][.]a[.]",  # VK
    "xnd_(?:production|development)_",  # Xendit
    "zpka_",  # Zuplo
)
"""Which nothing else begins with."""
DRAWN = (
    "a[ks]-",  # Modal
    "ak_|uak_",  # Composio
    "AKLT",  # Volcengine
    "asat_",  # AfterShip
    "atk_",  # RevenueCat
    "BB(?:FF|US)-",  # Ubidots
    "BSA",  # Brave
    "bu_",  # Browser Use
    "bxt_",  # Brex
    "cflt",  # Confluent
    "ck-",  # Chroma
    "cnvca",  # Canva
    "console-",  # Statsig
    "cxt[ph]_|cxup_",  # Coralogix
    "dyn_",  # Dynamic
    "fnA",  # Fauna
    "hcw_",  # Healthchecks
    "hxt[pw]_",  # Hex
    "jca_",  # JumpCloud
    "(?:kpat|spat)_",  # Kong
    "m0-",  # Mem0
    "mb_",  # Metabase
    "nbp_",  # NetBird
    "oa_(?:prod|sand)_",  # Revolut
    "ory_[a-z]{2,6}_",
    "pin[ar]_",  # Pinterest
    "QN_",  # QuickNode
    "sec-c-",  # PubNub
    "sk-",
    "sk_(?:prod|dev)_",  # Liveblocks
    "sktsec_",  # Socket
    "tly-",  # Tally
    "tpuf_",  # Turbopuffer
    "unkey_",
    "xau_",  # Xata
)
"""Which other words begin with, too."""
HEXADECIMAL = (
    "aks_",  # WarpStream
    "atsk_",  # Africa's Talking
    "c[ks]_",  # WooCommerce
    "crsr_",  # Cursor
    "cu_",  # Checkly
    "depot_(?:org|project|user)_",
    "dtn_",  # Daytona
    "fhb-",  # FireHydrant
    "ls__",  # LangSmith
    "mzp_",  # Materialize
    "[ps]k1_",  # Porkbun
    "rsk_",  # Rapyd
    "sdbst_h256_",  # SpiceDB
    "signkey-[a-z]{3,10}-",  # Inngest
    "standard_",  # Appwrite
)

_KNOWN, _DRAWN, _HEXADECIMAL = (f"(?:{'|'.join(listed)})" for listed in (KNOWN, DRAWN, HEXADECIMAL))
_REST = "[0-9A-Za-z_.+/-]{17,}[0-9A-Za-z_-]={0,2}"


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value[4:]))


DETECTORS = (
    secret("vendor-key", _KNOWN, _REST, "nyk_v0_{w64}", check=_has_digit),
    secret("drawn-vendor-key", _DRAWN, _REST, "bxt_{w40}", check=random),
    secret("hexadecimal-vendor-key", _HEXADECIMAL, "[0-9a-f]{32,}", "crsr_{h64}"),
)
