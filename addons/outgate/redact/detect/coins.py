"""Where money is kept on ledgers that everybody reads: addresses are personal data, keys are secrets."""

from __future__ import annotations

from outgate.redact.detect.checksums import bech32
from outgate.redact.detect.detector import Detector, Group, secret
from outgate.redact.detect.validators import wallet, wallet_key

_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_BECH32 = "[02-9ac-hj-np-z]"
_NO_DIGEST = "[1-9a-f]*[A-HJ-NP-Zg-km-z]"
"""How Base58 goes on that is no digest in hexadecimal, of which there are many: RE2 would count the digits of each. The
first half of one address or key in fifty millions is nothing else."""

DETECTORS = (
    Detector(
        "wallet",
        Group.PII,
        rf"\b[13LMDXT]{_BASE58}{{25,33}}",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        hint=rf"\b[13LMDXT]{_NO_DIGEST}{_BASE58}{{12}}",
        check=wallet,
    ),
    Detector(
        "segwit-wallet",
        Group.PII,
        rf"\b(?:bc|tb|ltc|addr)1{_BECH32}{{38,100}}",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        hint=r"\b(?:bc|tb|ltc|addr)1",
        check=bech32,
    ),
    Detector("ethereum-wallet", Group.PII, "0x[0-9A-Fa-f]{40}", "0x{h40}", hint="0x[0-9A-Fa-f]{8}"),
    secret(
        "wallet-key",
        "",
        rf"\b[5KL9c]{_BASE58}{{50,51}}",
        "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn",
        rf"\b[5KL9c]{_NO_DIGEST}{_BASE58}{{30}}",
        wallet_key,
    ),
    secret("extended-wallet-key", "[xyz]prv", f"{_BASE58}{{107,108}}", "xprv" + "9" * 107),
    secret("nostr-key", "nsec1", f"{_BECH32}{{58}}", "nsec1" + "q" * 58),
)
