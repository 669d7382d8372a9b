"""Passwords on command lines, in the options that each program has for them: `sshpass -p ...`, `mysql -p...`.

Owns which programs have which options. Options that say what they are for, as `--password`, are `assignments`.
"""

from __future__ import annotations

import re

from outgate.redact.detect.assignments import stands_for_nothing
from outgate.redact.detect.detector import Detector, Group

_VALUE = r"""(?:"([^"\x00\n]{3,})"|'([^'\x00\n]{3,})'|([^\s"'|;&<>()\x00]{3,}))"""
_ARGUMENTS = r"[^\x00\n|;]*?[ ]"
_LOGINS = "docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc|argocd|vault|cf|ibmcloud"
_NO_VALUE = re.compile("-.*|(?:pass|env|file|fd|stdin):?.*")


def _command(name: str, programs: str, option: str, example: str) -> Detector:
    pattern = rf"(?:{programs})[ ]{option}{_VALUE}"
    return Detector(name, Group.SECRETS, pattern, example, f"(?:{programs})[ ]", check=_is_value, longest=2048)


def _is_value(value: str) -> bool:
    return not stands_for_nothing(value) and _NO_VALUE.fullmatch(value) is None


DETECTORS = (
    _command("ssh-command", "sshpass", "[ ]*-p[ ]?", "sshpass -p {w16} ssh jane@db"),
    _command(
        "mysql-command",
        "(?:mysql|mariadb)(?:dump|admin|import|check|-[a-z]+)?",
        f"(?:{_ARGUMENTS})?-p",
        "mysql -u jane -p{w16} shop",
    ),
    _command(
        "login-command", _LOGINS, f"(?:[a-z]+[ ])?login[ ](?:{_ARGUMENTS})?-p[ =]", "docker login -u jane -p {w16}"
    ),
    _command("redis-command", "redis-cli", f"(?:{_ARGUMENTS})?-a[ ]", "redis-cli -h cache -a {w16} ping"),
    _command(
        "mongo-command",
        "mongo(?:sh|dump|restore|export|import)?",
        f"(?:{_ARGUMENTS})?-p[ ]",
        "mongosh -u jane -p {w16}",
    ),
    _command(
        "ldap-command",
        "ldap(?:search|modify|add|delete|passwd|whoami)",
        f"(?:{_ARGUMENTS})?-w[ ]",
        "ldapsearch -D cn=jane -w {w16}",
    ),
    _command("sqlcmd-command", "sqlcmd|bcp", f"(?:{_ARGUMENTS})?-P[ ]?", "sqlcmd -S db -U sa -P {w16}"),
    _command("putty-command", "plink|pscp|psftp", f"(?:{_ARGUMENTS})?-pw[ ]", "plink -pw {w16} jane@db"),
    _command("keytool-option", "-(?:src|dest)?(?:store|key)pass", "", "keytool -storepass {w16}"),
    _command("openssl-option", "-pass(?:in|out)?", "pass:", "openssl rsa -passin pass:{w16}"),
    Detector(
        "curl-option",
        Group.SECRETS,
        rf"CURLOPT_[A-Z0-9_]*(?:PASSWD|PASSWORD|USERPWD|BEARER)[\"']?[ ]*(?:,|=>)[ ]*{_VALUE}",
        'curl_setopt($c, CURLOPT_USERPWD, "jane:{w16}");',
        hint="CURLOPT_[A-Z0-9_]*(?:PASSWD|PASSWORD|USERPWD|BEARER)",
        check=_is_value,
    ),
    Detector(
        "piped-password",
        Group.SECRETS,
        r"(?:echo|printf)[ ](?:-n[ ])?[\"']?(?:[^\s:|\"'\x00]+:)?([^\s|\"'\x00]{4,})[\"']?[ ]*\|[ ]*(?:sudo[ ])?"
        r"(?:chpasswd|sudo[ ]-S|passwd[ ]--stdin|[a-z]+[ ][^\x00\n|;]*--password-stdin)",
        "echo jane:{w16} | chpasswd",
        hint="(?:echo|printf)[ ]",
        check=_is_value,
    ),
)
