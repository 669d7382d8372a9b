"""The variables that make programs trust a bundle. Owns which program reads which; changes no process."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from outgate.pki import files
from outgate.pki.bundle import AUTHORITY_FILE, BUNDLE_FILE, TRUSTSTORE_FILE, TRUSTSTORE_PASSWORD

ENVIRONMENT_FILE = "outgate.env"
FILES = (BUNDLE_FILE, AUTHORITY_FILE, TRUSTSTORE_FILE)

# Programs that trust the file instead of their own roots, so they get system roots and our authority together.
_REPLACE = (
    "SSL_CERT_FILE",  # OpenSSL, Go, Ruby, Rust's native roots, Python's ssl and httpx, uv, .NET
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CARGO_HTTP_CAINFO",
    "NIX_SSL_CERT_FILE",
    "BUNDLE_SSL_CA_CERT",
    "HTTPLIB2_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)
# Programs that trust the file beside their own roots.
_ADD = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
_HEADER = "# Variables that make programs trust outgate's authority. In a shell: set -a; . ./outgate.env; set +a\n"


def variables(directory: Path) -> dict[str, str]:
    """Variable to value for the bundle files that `directory` holds, by absolute path; empty where it holds none."""
    held = [name for name in FILES if (directory / name).is_file()]
    return pointing(directory.absolute(), held)


def pointing(directory: Path, held: Collection[str]) -> dict[str, str]:
    """The same for a directory of which only the names of its files are known."""
    found: dict[str, str] = {}
    if BUNDLE_FILE in held:
        found |= dict.fromkeys(_REPLACE, str(directory / BUNDLE_FILE))
    if AUTHORITY_FILE in held:
        found |= dict.fromkeys(_ADD, str(directory / AUTHORITY_FILE))
    if TRUSTSTORE_FILE in held:
        found["JAVA_TOOL_OPTIONS"] = _java(directory / TRUSTSTORE_FILE)
    return found


def listing(values: Mapping[str, str]) -> str:
    """The variables as a shell, systemd and Compose read them: one assignment a line, quoted where needed."""
    return _HEADER + "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def write_environment(directory: Path) -> list[Path]:
    """List the variables for what `directory` holds in a file beside it. Raises CertificateProblem."""
    path = directory / ENVIRONMENT_FILE
    files.write(path, listing(variables(directory)).encode(), files.PUBLIC_MODE, overwrite=True)
    return [path]


def _java(store: Path) -> str:
    # The JVM splits this variable at spaces unless quoted, and knows no escape inside quotes.
    path = f"'{store}'" if " " in str(store) else str(store)
    options = {"trustStore": path, "trustStoreType": "PKCS12", "trustStorePassword": TRUSTSTORE_PASSWORD}
    return " ".join(f"-Djavax.net.ssl.{name}={value}" for name, value in options.items())
