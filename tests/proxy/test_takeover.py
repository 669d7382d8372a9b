"""What of mitmproxy is reached into when its programs are taken over, and that it is still there as it was."""

import inspect
from types import SimpleNamespace

import pytest
from mitmproxy import options
from mitmproxy.addons import clientplayback, script
from mitmproxy.connection import Client
from mitmproxy.proxy import commands, server
from mitmproxy.proxy.context import Context
from mitmproxy.tools.dump import DumpMaster

from outgate.proxy import takeover
from outgate.proxy.takeover import Refusal, listening, pairs, refuse_dropped, refuse_options, seal, strip
from outgate.settings import ListenMode

SEALED = ("handle_client", "open_connection")


@pytest.fixture
async def host():
    made = DumpMaster(options.Options(), with_termlog=False)
    yield made
    for addon in made.addons.chain:
        if hasattr(addon, "logger") and hasattr(addon.logger, "uninstall"):
            addon.logger.uninstall()
    made._legacy_log_events.uninstall()


def below(kind: type) -> list[type]:
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in below(each))]


def test_what_is_sealed_is_overridden_nowhere():
    """One that had its own would accept or dial, sealed or not."""
    kinds = below(server.ConnectionHandler)
    assert clientplayback.ReplayHandler in kinds
    assert len(kinds) >= 4
    assert [kind for kind in kinds[1:] if set(SEALED) & set(vars(kind))] == []


class Bare(server.ConnectionHandler):
    async def handle_hook(self, hook):
        raise AssertionError(hook)


async def test_a_sealed_handler_closes_what_it_is_given_and_dials_nothing(monkeypatch):
    for name in SEALED:
        monkeypatch.setattr(server.ConnectionHandler, name, getattr(server.ConnectionHandler, name))
    seal()
    client = Client(peername=("192.0.2.1", 1), sockname=("192.0.2.2", 2), timestamp_start=0)
    handler = Bare(Context(client, options.Options()))
    closed = []
    writer = SimpleNamespace(close=lambda: closed.append(True))
    handler.transports[client] = server.ConnectionIO(writer=writer)
    await handler.handle_client()
    assert closed
    with pytest.raises(RuntimeError, match="only the gate dials"):
        await handler.open_connection(commands.OpenConnection(handler.layer.context.server))


def test_a_script_is_watched_by_a_task_that_can_be_cancelled():
    assert "reloadtask" in inspect.getsource(script.Script.__init__)
    assert "reloadtask.cancel()" in inspect.getsource(script.Script.done)


async def test_no_addon_and_no_command_that_reads_writes_runs_or_dials_is_kept(host):
    own = SimpleNamespace(name="outgate")
    strip(host, own)
    names = {type(addon).__name__ for addon in host.addons.chain}
    assert names == {"Core", "ErrorCheck", "SimpleNamespace"}
    assert host.addons.get("proxyserver") is None
    assert set(host.commands.commands) == takeover.COMMANDS - {"view.flows.resolve"}, "which is the page's"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ssl_insecure": True}, "ssl_insecure"),
        ({"upstream_cert": False}, "upstream_cert"),
        ({"client_certs": "/"}, "client_certs"),
        ({"block_list": ["/x/444"]}, "block_list"),
        ({"body_size_limit": "1m"}, "body_size_limit"),
    ],
)
async def test_an_option_that_is_not_heeded_is_refused(host, given, told):
    refuse_options(host)
    host.options.update(**given)
    with pytest.raises(Refusal, match=f'the option "{told}" is set'):
        refuse_options(host)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"mode": ["regular"]}, (ListenMode.REGULAR, ("", 8080))),
        ({"mode": ["regular@127.0.0.1:3128"]}, (ListenMode.REGULAR, ("127.0.0.1", 3128))),
        ({"mode": ["socks5"]}, (ListenMode.SOCKS5, ("", 1080))),
        ({"mode": ["transparent@15001"]}, (ListenMode.TRANSPARENT, ("", 15001))),
        ({"mode": ["regular"], "listen_host": "::1", "listen_port": 9}, (ListenMode.REGULAR, ("::1", 9))),
    ],
)
async def test_mode_and_address_are_mitmproxys(host, given, expected):
    host.options._options["mode"].value = given.pop("mode")
    host.options.update(**given)
    assert listening(host) == expected


@pytest.mark.parametrize(
    "modes",
    [[], ["regular", "socks5"], ["reverse:http://a.example"], ["upstream:http://a.example"], ["dns"], ["local"]],
)
async def test_another_mode_is_refused(host, modes):
    host.options._options["mode"].value = modes
    with pytest.raises(Refusal, match="is not a gate's"):
        listening(host)


async def test_settings_are_read_and_misspelt_ones_are_passed_on(host):
    host.options.add_option("outgate_policy", str, "", "")
    host.options.set("outgate_policy=a", "outgate_polcy=b", defer=True)
    refuse_dropped(host)
    assert [pair.partition("=")[0] for pair in pairs(host)] == ["polcy", "policy"]
    host.options.set("outgate_other=a", "outgate_other=b", defer=True)
    with pytest.raises(Refusal, match='"outgate_other" is set more than once'):
        refuse_dropped(host)
