"""The variables of the command: what makes its programs trust the gate's CA, and what must not lead them elsewhere.

Owns files and variables. The CA's key never leaves the gate's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509

from outgate.pki import bundle
from outgate.pki.authority import Authority
from outgate.pki.environment import variables
from outgate.pki.problem import CertificateProblem
from outgate.pki.roots import read_roots, system_roots

JAVA = "JAVA_TOOL_OPTIONS"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy")


def trusting(authority: Authority, folder: Path, further: Iterable[Path], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with which programs trust the authority, whose files are written into `folder`.

    They trust what they trusted before too, and `further` roots: what is tunnelled has its origin's own certificate.
    """
    ours = [authority.certificate]
    others = [root for path in further for root in read_roots(path)]
    anchors = bundle.merge(ours, [*others, *_system()])
    bundle.write_pem(folder, ours, anchors)
    bundle.write_truststore(folder, anchors)
    found = variables(folder)
    if environ.get(JAVA):
        found[JAVA] = f"{environ[JAVA]} {found[JAVA]}"
    return found


def _system() -> list[x509.Certificate]:
    """A machine without roots, as small images are, trusts the gate alone."""
    try:
        return system_roots()
    except CertificateProblem:
        return []


def without_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Where the network is the gate, a proxy is one detour too many, and one that leads nowhere."""
    return {name: value for name, value in environ.items() if name.lower() not in PROXIES}


def through_proxy(environ: Mapping[str, str], host: str, port: int) -> dict[str, str]:
    """Programs that can be asked to use a proxy, asked. Spelt both ways, for programs read one or the other."""
    values = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), f"http://{host}:{port}")
    kept = without_proxies(environ)
    java = f"-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} -Dhttps.proxyHost={host} -Dhttps.proxyPort={port}"
    spelt = {spelling: value for name, value in values.items() for spelling in (name, name.upper())}
    return {**kept, **spelt, "NODE_USE_ENV_PROXY": "1", JAVA: f"{kept.get(JAVA, '')} {java}".strip()}
