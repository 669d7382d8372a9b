"""Secrets that have a form whoever gave them out: tokens, keys in armour, passwords in URLs, hashes of passwords."""

from __future__ import annotations

from outgate.redact.detect import randomness, validators
from outgate.redact.detect.detector import Beside, Detector, Group, anywhere, apart_from_public, secret, whole

_BASE64 = r"[0-9A-Za-z+/=\s\\:,.@()-]"
"""What stands between the lines of armour, escaped and with headers."""
_ARMOUR = r"[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_NO_ARMOUR = r"(?:[^\x00-]|-{1,4}[^\x00-])"
"""Whatever else stands in front of lines: times, marks of comments, quotation marks."""
_NEXT = r"(?:[\r\n]|\\[nr]){1,4}[ \t]*"
_KEY_INFO = (
    "(?:MII[A-Z][0-9A-Za-z+/][AQgw]IB(?:AA[JK]|ADANBgkqhkiG9w0BAQEF)|MHcCAQEEI|MIGkAgEBBD|MC4CAQAwBQYDK2V"
    "|MI(?:GH|G2|Hu)AgEAM(?:BM|BA)GByqGSM49AgEG|MEECAQAwEwYHKoZIzj0CAQYI|b3BlbnNzaC1rZXktdjEA)"
)
"""How keys begin that have lost their armour: RSA, elliptic curves, Ed25519, OpenSSH. Public ones begin otherwise."""
_MIXED_GROUP = "|".join(
    f"[A-Za-z2-7]{{{before}}}{pair}[A-Za-z2-7]{{{2 - before}}}"
    for before in range(3)
    for pair in ("[A-Za-z][2-7]", "[2-7][A-Za-z]")
)
"""Four characters of Base32 in which a letter stands beside a digit."""
_USER = r"""[^\s/?#@"'<>\\\x00]"""

DETECTORS = (
    Detector(
        "private-key",
        Group.SECRETS,
        # One that is broken off goes on as long as it may.
        rf"-----BEGIN{_ARMOUR}(?:{_NO_ARMOUR}*?-----END{_ARMOUR}|{_BASE64}*?-----END{_ARMOUR}|{_BASE64}*)",
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
    secret("portable-hash", r"\$[PHS]\$", "[./0-9A-Za-z]{31,52}", "$P${w31}"),
    secret("ldap-hash", r"\{(?:S?SHA(?:256|384|512)?|S?MD5)\}", "[0-9A-Za-z+/]{20,}={0,2}", "{SSHA}{w38}=="),
    secret(
        "web-hash",
        "(?:pbkdf2|scrypt)(?:_sha[0-9]+|:sha[0-9]+)?",
        r"[:$][0-9:]+\$[0-9A-Za-z./+=]{4,}\$[0-9A-Za-z./+=]{32,}",
        "pbkdf2_sha256$600000${w22}${w43}=",
    ),
    secret(
        "scram-hash",
        r"SCRAM-SHA-(?:1|256)\$",
        "[0-9]+:[0-9A-Za-z+/=]{16,}[$][0-9A-Za-z+/=]{20,}:[0-9A-Za-z+/=]{20,}",
        "SCRAM-SHA-256$4096:{w22}==${w43}=:{w43}=",
    ),
    secret("kerberos-hash", r"\$krb5[a-z]+\$", r"[0-9]+\$[^\s\"'\x00]{40,}", "$krb5tgs$23$*jane$EXAMPLE*${h32}${h80}"),
    secret("windows-hash", ":[0-9]+:", "([0-9a-f]{32}:[0-9a-f]{32}):::", "jane:1001:{h32}:{h32}:::", hint=":::"),
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
        r"[0-9A-Za-z]{20,}(?:\.[0-9A-Za-z]{16,})?",
        "sk_acme_{w32}",
        hint="(?:sk|api|secret|token|pat|key)[_-][0-9A-Za-z_-]{12}",
        check=randomness.random,
    ),
    secret(
        "live-key",
        "(?:live|test)_",
        "[0-9A-Za-z]{24,}",
        "live_{w27}",
        check=randomness.random,
        around=apart_from_public,
    ),
    Detector(
        "grouped-seed",
        Group.SECRETS,
        r"\b(?:[a-z2-7]{4}(?:[ ][a-z2-7]{4}){3,15}|[A-Z2-7]{4}(?:[ ][A-Z2-7]{4}){3,15})\b",
        "ab3d fgh5 jk2m npq7",
        hint=rf"[ ](?:{_MIXED_GROUP})[ ][A-Za-z2-7]{{4}}[^0-9A-Za-z]",
        check=validators.grouped_seed,
    ),
    secret(
        "paseto",
        r"v[1-4]\.(?:local|public)\.",
        r"[0-9A-Za-z_-]{40,}(?:\.[0-9A-Za-z_-]+)?",
        "v4.local.{b80}",
    ),
    secret("secret-token-uri", "secret-token:", "([0-9A-Za-z._~%+=-]{8,})", "secret-token:{w24}"),
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
