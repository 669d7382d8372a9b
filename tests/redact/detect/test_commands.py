"""Passwords in the options of programs that have such, and what only looks like these options."""

import pytest

from outgate.redact.detect.search import Detectors

SECRETS = Detectors(["secrets"])


def found(text):
    return [text[hit.start : hit.end] for hit in SECRETS.search([text], [""])]


@pytest.mark.parametrize(
    "line",
    [
        "sshpass -p{} ssh jane@db",
        "sshpass -p '{}' ssh jane@db",
        "$ mysqladmin -ujane -p{} processlist",
        'mariadb-dump -p"{}" shop',
        "docker login -u jane -p {} registry.example",
        "sudo podman login registry.example -u jane -p={}",
        "redis-cli -h cache -a {} ping",
        "mongodump --host db -u jane -p {}",
        "ldapsearch -x -D cn=jane -w {} -b dc=example",
        "sqlcmd -S db -U sa -P {} -Q 'select 1'",
        "plink -ssh -pw {} jane@db uptime",
        "keytool -list -storepass {} -keystore k.jks",
        "openssl rsa -in k.pem -passin pass:{} -out o.pem",
        "echo jane:{} | sudo chpasswd",
        "echo '{}' | docker login -u jane --password-stdin",
        "echo {} | sudo -S apt update",
        "curl_setopt($c, CURLOPT_KEYPASSWD, '{}');",
        'CURLOPT_USERPWD => "{}"',
    ],
)
def test_the_password_is_found(line):
    assert found(line.format("open-sesame-7")) == ["open-sesame-7"]


@pytest.mark.parametrize(
    "line",
    [
        "sshpass -e ssh jane@db",
        "sshpass -p $PASSWORD ssh jane@db",
        "mysql -P 3306 -p shop",
        "mysqladmin ping -p$$MYSQL_ROOT_PASSWORD",
        "docker run -p 8080:80 registry.example/login",
        "docker login registry.example; mkdir -p some/folder",
        "redis-cli ping | grep -a pong",
        "openssl rsa -passin env:PASSWORD",
        "echo done | tee log",
        "the docker daemon, a login and -p options",
    ],
)
def test_what_is_none_stays(line):
    assert found(line) == []
