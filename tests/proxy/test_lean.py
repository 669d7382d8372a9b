"""What the data plane loads of mitmproxy, and that nobody else gets less of it."""

import subprocess
import sys
from pathlib import Path

ADDONS = Path(__file__).parents[2] / "addons"
LOADED = """
import sys
from outgate.proxy.engine import build
assert not {"flask", "ldap3", "mitmproxy.addons.proxyserver"} & set(sys.modules), sorted(sys.modules)
from mitmproxy import addons
from mitmproxy.addons import block
assert any(isinstance(each, block.Block) for each in addons.default_addons())
"""


def test_the_data_plane_loads_no_addons_and_whoever_asks_for_them_later_gets_them_all():
    options = {"env": {"PYTHONPATH": str(ADDONS)}, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([sys.executable, "-c", LOADED], check=False, **options)
    assert done.returncode == 0, done.stderr
