"""Secrets that have a form whoever gave them out: tokens, keys in armour, passwords in URLs, hashes of passwords."""

from __future__ import annotations

from outgate.redact.detect import randomness, validators
from outgate.redact.detect.detector import Beside, Detector, Group, anywhere, secret, whole

_BASE64 = r"[0-9A-Za-z+/=\s\\:,.@()-]"
"""What stands between the lines of armour, escaped and with headers."""
_ARMOUR = r"-----(?:BEGIN|END)[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_NEXT = r"(?:[\r\n]|\\[nr]){1,4}[ \t]*"
_KEY_INFO = (
    "(?:MII[A-Z][0-9A-Za-z+/][AQgw]IB(?:AA[JK]|ADANBgkqhkiG9w0BAQEF)|MHcCAQEEI|MIGkAgEBBD|MC4CAQAwBQYDK2V"
    "|MI(?:GH|G2|Hu)AgEAM(?:BM|BA)GByqGSM49AgEG|MEECAQAwEwYHKoZIzj0CAQYI|b3BlbnNzaC1rZXktdjEA)"
)
"""How keys begin that have lost their armour: RSA, elliptic curves, Ed25519, OpenSSH. Public ones begin otherwise."""
_USER = r"""[^\s/?#@"'<>\\\x00]"""

DETECTORS = (
    Detector(
        "private-key",
        Group.SECRETS,
        rf"-----BEGIN[ A-Z0-9]{{0,40}}PRIVATE KEY(?: BLOCK)?-----{_BASE64}*(?:{_ARMOUR})?",
        "-----BEGIN PRIVATE KEY-----\n{w64}\n{w64}\n-----END PRIVATE KEY-----",
        hint="PRIVATE KEY(?: BLOCK)?-----",
        around=anywhere,
        longest=16 * 1024,
    ),
    secret(
        "bare-private-key",
        _KEY_INFO,
        rf"[0-9A-Za-z+/]{{16,}}={{0,2}}(?:{_NEXT}[0-9A-Za-z+/]{{4,}}={{0,2}})*",
        "MC4CAQAwBQYDK2Vw{w43}=",
    ),
    Detector(
        "putty-key",
        Group.SECRETS,
        r"Private-Lines: [0-9]+[\r\n\\]+([0-9A-Za-z+/=\s\\]{40,})",
        "Private-Lines: 1\n{w64}",
        longest=16 * 1024,
    ),
    Detector(
        "jwt",
        Group.SECRETS,
        r"eyJ[0-9A-Za-z_-]{8,}={0,2}\.(?:eyJ[0-9A-Za-z_-]{8,}={0,2}|[0-9A-Za-z_-]*={0,2}\.[0-9A-Za-z_-]*={0,2})"
        r"(?:\.[0-9A-Za-z_-]*={0,2}){0,3}",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{b40}.{b43}",
        hint=r"eyJ[0-9A-Za-z_-]{8,}={0,2}\.",
        check=validators.json_web_token,
        longest=16 * 1024,
    ),
    Detector(
        "bearer",
        Group.SECRETS,
        r"(?i:bearer)[ ]{1,3}([0-9A-Za-z._~+/-]{16,}={0,2})",
        "Bearer {b40}",
        check=lambda value: any(character.isdigit() for character in value),
        longest=16 * 1024,
    ),
    secret(
        "basic-credentials",
        "(?i:basic)[ ]{1,3}",
        "([0-9A-Za-z+/]{6,}={0,2})",
        "Basic dXNlcjpwYXNzd29yZA==",
        check=validators.basic_credentials,
    ),
    secret(
        "url-credentials",
        "[A-Za-z][0-9A-Za-z+.-]+",
        rf"""://({_USER}*:[^\s/"'<>\\\x00]+)@""",
        "postgres://app:{w16}@db.internal:5432/app",
        hint=rf"""://{_USER}*:[^\s/"'<>\\\x00]+@""",
    ),
    secret(
        "url-user",
        "https?://",
        rf"({_USER}{{16,}})@",
        "https://{w40}@git.example/repository",
        hint=rf"https?://{_USER}{{16,}}@",
    ),
    secret("ntlm-message", "TlRMTVNTUAAD", "[0-9A-Za-z+/]{20,}={0,2}", "TlRMTVNTUAAD{w80}"),
    secret("bcrypt-hash", r"\$2[abxy]\$[0-9]{2}\$", "[./0-9A-Za-z]{53}", "$2b$12${w53}"),
    secret(
        "crypt-hash",
        r"\$(?:1|5|6|7|y|gy|apr1)\$",
        r"(?:rounds=[0-9]+\$)?[./0-9A-Za-z]{1,40}\$[./0-9A-Za-z]{20,90}",
        "$6${w16}${w86}",
    ),
    secret(
        "password-hash",
        r"\$(?:argon2(?:id|i|d)|scrypt|pbkdf2-[0-9a-z]+)\$",
        "[0-9A-Za-z+/=,.$-]{20,}",
        "$argon2id$v=19$m=65536,t=3,p=4${w22}${w43}",
    ),
    secret("age-key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}", "AGE-SECRET-KEY-1{u58}"),
    secret(
        "wireguard-key",
        "(?i:private|preshared)(?i:key)[ ]*=",
        "[ ]*([0-9A-Za-z+/]{42}[AEIMQUYcgkosw048]=)",
        "PrivateKey = {w42}A=",
    ),
    secret(
        "prefixed-key",
        "(?:sk|api|secret|token|pat|key)[_-](?:[0-9a-z]{1,8}[_-])*",
        "[0-9A-Za-z]{20,}",
        "sk_acme_{w32}",
        hint="(?:sk|api|secret|token|pat|key)[_-][0-9A-Za-z_-]{12}",
        check=randomness.random,
    ),
    secret("live-key", "(?:live|test)_", "[0-9A-Za-z]{24,}", "live_{w27}", check=randomness.random),
    Detector(
        "random-secret",
        Group.SECRETS,
        "[0-9A-Za-z+/_.~-]{20,}={0,2}",
        "{w32}",
        check=randomness.random,
        around=whole,
        beside=Beside.SUSPICIOUS,
    ),
)
