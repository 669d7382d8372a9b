import asyncio
import os
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from outgate.pki import bundle, pem
from outgate.pki.authority import save_authority
from outgate.pki.environment import variables
from outgate.pki.leaf import LeafCache
from outgate.pki.problem import CertificateProblem
from outgate.pki.roots import system_roots
from pki import odd
from pki.loopback import LIMIT, serving

KEYS = [odd.new_key() for _ in range(3)]
OURS, OTHER = odd.authority("ours", KEYS[0]), odd.authority("other", KEYS[1])

PYTHON = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"
NODE = (
    "require('https').get(process.argv[1], r => r.on('data', d => console.log(d.toString())))"
    ".on('error', e => { console.error(e.message); process.exit(1) })"
)
JAVA = """
public class Probe {
    public static void main(String[] a) throws Exception {
        var connection = new java.net.URL(a[0]).openConnection();
        System.out.println(new String(connection.getInputStream().readAllBytes()));
    }
}
"""


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


@pytest.fixture
def written(tmp_path, constrained):
    """A directory with every bundle of an authority that may sign for localhost."""
    ours = [constrained.certificate]
    anchors = bundle.merge(ours, system_roots())
    bundle.write_pem(tmp_path, ours, anchors)
    bundle.write_truststore(tmp_path, anchors)
    return tmp_path


async def run(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a client; its exit code and what it printed."""
    base = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=base | environment
    )
    try:
        async with asyncio.timeout(LIMIT * 2):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return process.returncode, output.decode()


async def trusts_with_the_bundle_only(command: list[str], constrained, directory) -> None:
    async with serving(LeafCache(constrained).context("localhost", ("http/1.1",))) as port:
        command = [part.replace("{url}", f"https://localhost:{port}/") for part in command]
        code, output = await run(command, variables(directory))
        assert code == 0, output
        assert output.strip().endswith("ok")
        code, output = await run(command, {})
        assert code != 0, output


@needs("curl")
async def test_curl_trusts_leafs_with_the_bundle_only(constrained, written):
    await trusts_with_the_bundle_only(["curl", "-sS", "-4", "{url}"], constrained, written)


async def test_python_trusts_leafs_with_the_bundle_only(constrained, written):
    await trusts_with_the_bundle_only([sys.executable, "-c", PYTHON, "{url}"], constrained, written)


@needs("node")
async def test_node_trusts_leafs_with_the_bundle_only(constrained, written):
    await trusts_with_the_bundle_only(["node", "-e", NODE, "{url}"], constrained, written)


@needs("git")
async def test_git_trusts_leafs_with_the_bundle_only(constrained, written):
    """Not a repository, so git fails either way: with the bundle past TLS, without it in TLS."""
    async with serving(LeafCache(constrained).context("localhost", ("http/1.1",))) as port:
        command = ["git", "ls-remote", f"https://localhost:{port}/x"]
        _, trusted = await run(command, variables(written))
        _, distrusted = await run(command, {})
    assert "certificate" not in trusted
    assert "certificate" in distrusted


@needs("javac")
async def test_java_trusts_leafs_with_the_bundle_only(constrained, written):
    source = written / "Probe.java"
    source.write_text(JAVA)
    await trusts_with_the_bundle_only(["java", str(source), "{url}"], constrained, written)


@needs("keytool")
def test_the_jdk_lists_every_entry_as_trusted(written):
    command = ["keytool", "-list", "-keystore", str(written / "truststore.p12"), "-storepass", "changeit"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    count = (written / "ca-bundle.pem").read_bytes().count(b"BEGIN CERTIFICATE")
    assert output.count("trustedCertEntry") == count > 1
    assert "outgate-" in output
    assert "PrivateKeyEntry" not in output


def test_no_key_gets_into_a_bundle_even_from_a_file_that_holds_one(tmp_path, constrained):
    certificate, key = save_authority(constrained, tmp_path)
    odd.put(certificate, key.read_bytes() + certificate.read_bytes() + key.read_bytes())
    ours = bundle.read_anchors(certificate)
    target = tmp_path / "out"
    paths = [*bundle.write_pem(target, ours, ours), *bundle.write_truststore(target, ours)]
    secret = constrained.key.private_numbers().private_value.to_bytes(32, "big")
    for path in paths:
        data = path.read_bytes()
        assert b"PRIVATE" not in data
        assert secret not in data
    assert pkcs12.load_pkcs12((target / "truststore.p12").read_bytes(), b"changeit").key is None


def test_the_bundle_holds_the_systems_roots_and_ours_first():
    system = system_roots()
    merged = bundle.merge([OURS], system)
    assert merged[0] == OURS
    assert set(merged[1:]) == set(system)


def test_a_certificate_is_bundled_once():
    assert bundle.merge([OURS], [OTHER, OURS, OTHER]) == [OURS, OTHER]


def test_an_authority_that_was_replaced_does_not_come_back():
    """As it would when the system's roots are read from the last bundle."""
    before = odd.authority("ours", KEYS[2])
    assert bundle.merge([OURS], bundle.merge([before], [OTHER])) == [OURS, OTHER]


def test_aliases_differ():
    store = pkcs12.load_pkcs12(bundle.truststore([OURS, OTHER, odd.authority("ours", KEYS[2])]), b"changeit")
    aliases = [entry.friendly_name.decode() for entry in store.additional_certs]
    assert len({alias.lower() for alias in aliases}) == 3


def test_a_leaf_is_no_anchor(tmp_path):
    leaf = odd.leaf("a.example", KEYS[2], OURS, KEYS[0])
    with pytest.raises(CertificateProblem, match="is not a certificate authority; bundle the authority's"):
        bundle.read_anchors(odd.put(tmp_path / "a.crt", odd.pem(leaf)))


def test_a_whole_chain_is_an_anchor_each(tmp_path):
    middle = odd.authority("middle", KEYS[1], OURS, KEYS[0])
    assert bundle.read_anchors(odd.put(tmp_path / "a.crt", odd.pem(middle, OURS))) == [middle, OURS]


def test_bundles_are_for_everyone_to_read(written):
    assert {path.stat().st_mode & 0o777 for path in written.iterdir()} == {0o644}
    assert pem.text(*system_roots()) in (written / "ca-bundle.pem").read_bytes()
    assert isinstance(bundle.read_anchors(written / "outgate-ca.pem")[0].public_key(), ec.EllipticCurvePublicKey)
