"""mitmdump and mitmweb, made into the gate: what they bring is stopped, what they show is kept.

Owns what becomes of their addons, options, commands and listeners. Nothing of mitmproxy's own accepts or dials any
more from the moment this is loaded, which is before it listens; whatever cannot be taken over ends the process with
the reason. What the gate is made of is `outgate.embedded`'s; what mitmweb needs of it is `web`'s.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from mitmproxy import addonmanager, ctx, master
from mitmproxy.proxy import commands, mode_specs, server

from outgate.proxy.engine import Host
from outgate.proxy.web import Web
from outgate.settings import ListenMode, setting_names

PREFIX = "outgate_"
READ_ONLY, EXPORTS, REPLAY = (PREFIX + name for name in ("read_only", "exports", "replay"))
"""Options that are no settings of a gate: they are about mitmweb's page."""
WRONG = 2
KEPT = frozenset({"core", "termlog", "errorcheck", "webaddon", "webauth", "intercept", "view", "eventstore"})
"""Stock addons that stay in the master's chain: they show, and touch no traffic."""
HEEDED = frozenset(
    {"scripts", "mode", "listen_host", "listen_port", "confdir", "termlog_verbosity", "flow_detail", "intercept"}
    | {"intercept_active", "view_filter", "view_order", "view_order_reversed"}
    | {"web_open_browser", "web_debug", "web_port", "web_host", "web_columns", "web_password"}
)
"""Options that may be set. The gate reads no other, so another one would promise what is not kept."""
COMMANDS = frozenset({"flow.resume", "flow.kill", "flow.mark", "flow.mark.toggle", "flow.revert", "view.flows.resolve"})
FAMILIES = ("view.focus.", "view.order", "view.properties.", "view.filter.", "view.clear", "view.settings.")
"""Commands that stay: none reads or writes a file, runs a script or dials."""
COLUMNS = ("tls", "icon", "path", "comment", "method", "status", "size", "time")
"""Of the page: mitmweb's own choice, and that of verdicts."""
HOSTS = ("DumpMaster", "WebMaster")
ELSEWHERE = frozenset({"mode", "listen"})
"""Settings that are mitmproxy's to say."""
MODES = {"regular": ListenMode.REGULAR, "transparent": ListenMode.TRANSPARENT, "socks5": ListenMode.SOCKS5}


class Refusal(Exception):
    """The process cannot become a gate: the reason, and the exit code."""

    def __init__(self, reason: str, code: int = WRONG) -> None:
        self.reason, self.code = reason, code
        super().__init__(reason)


class Gate(Protocol):
    """A gate that runs in somebody else's process. Each method raises `Refusal` where it cannot do what it says."""

    def prepare(self) -> None:
        """Read everything that can be read before anything is served."""

    async def start(self, host: Host, web: Web | None) -> None:
        """Serve."""

    async def stop(self) -> None:
        """Drain, and end."""


class Compose(Protocol):
    def __call__(self, mode: ListenMode, listen: tuple[str, int], pairs: Sequence[str]) -> Gate: ...


class Replay(Protocol):
    """What answers from a capture, in a gate's place."""

    def __call__(self, capture: Path, mode: ListenMode, listen: tuple[str, int], pairs: Sequence[str]) -> Gate: ...


class TakeOver:
    """The script's addon: it takes over when it is configured, and serves when its host runs."""

    name = "outgate"

    def __init__(self, compose: Compose, replay: Replay) -> None:
        self.compose, self.replay = compose, replay
        self.gate: Gate | None = None
        self.web: Web | None = None
        self.servers: Any = None
        self.serving = False

    def load(self, loader: addonmanager.Loader) -> None:
        seal()
        if (termlog := ctx.master.addons.get("termlog")) is not None:
            termlog.logger.file = sys.stderr  # standard output is the access log's
        _or_exit(lambda: refuse_dropped(ctx.master))
        # Whatever mitmproxy swallows between here and `configure`, it does not go on without a gate.
        asyncio.get_running_loop().call_soon(self._require_taken)
        for name in setting_names():
            if name not in ELSEWHERE:
                loader.add_option(PREFIX + name, str, "", f"outgate's setting {name}; docs/commands.md has them all.")
        loader.add_option(READ_ONLY, bool, False, "Nothing can be done on mitmweb's page but look.")
        loader.add_option(REPLAY, str, "", "A capture that is shown and answers, in place of a gate.")
        loader.add_option(EXPORTS, str, "", "The folder in which outgate.export may make files. Without one, none.")

    def _require_taken(self) -> None:
        if self.gate is None:
            _exit(Refusal("mitmproxy could not be taken over: its log says why"))

    def configure(self, updated: set[str]) -> None:
        """Called once when the script is loaded; options that are set later change nothing."""
        if self.gate is None:
            _or_exit(lambda: self._take(ctx.master))

    def _take(self, host: master.Master) -> None:
        if type(host).__name__ not in HOSTS:
            raise Refusal("only mitmdump and mitmweb can be taken over; use one of them")
        _require_one_script(host)
        refuse_options(host)
        _require_page(host)
        mode, listen = listening(host)
        capture = host.options.outgate_replay
        if capture:
            self.gate = self.replay(Path(capture), mode, listen, pairs(host))
        else:
            self.gate = self.compose(mode, listen, pairs(host))
        self.gate.prepare()
        self.servers = host.addons.get("proxyserver").servers
        strip(host, self)
        if hasattr(host, "app"):
            self.web = _page(host, listen)

    async def running(self) -> None:
        if self.gate is None or self.serving:
            return
        self.serving = True
        await self.servers.update([])  # it has bound its sockets by now, and refuses whoever comes
        watching = () if self.web is None else (self.web,)
        try:
            await self.gate.start(Host(ctx.master, watching), self.web)
        except Refusal as refusal:
            _exit(refusal)

    async def done(self) -> None:
        if self.gate is not None and self.serving:
            await self.gate.stop()


def _require_page(host: Any) -> None:
    """Raises `Refusal` for what is said of a page that is not there, or on which it would mean nothing."""
    said = next((name for name in (READ_ONLY, EXPORTS, REPLAY) if getattr(host.options, name)), "")
    if said and not hasattr(host, "app"):
        raise Refusal(f'"{said}" is set, and mitmdump has no page; leave it out')
    exports, looking = host.options.outgate_exports, REPLAY if host.options.outgate_replay else READ_ONLY
    if not getattr(host.options, looking):
        if exports and not Path(exports).is_dir():
            raise Refusal(f'"{EXPORTS}" is "{exports}", which is no folder; make it')
        return
    if host.options.intercept:
        raise Refusal(f'"intercept" is set with "{looking}": nobody could let go what is held; leave out one of them')
    if exports:
        raise Refusal(f'"{EXPORTS}" is set with "{looking}", and nothing is done on such a page; leave out one of them')


def _page(host: Any, listen: tuple[str, int]) -> Web:
    """mitmweb's page becomes the gate's."""
    from outgate.proxy import page, redaction_view  # tornado and what is shown, which mitmdump does without
    from outgate.proxy.replay_page import ReplayPage
    from outgate.proxy.window import Window

    options = host.options
    read_only = bool(options.outgate_replay or options.outgate_read_only)
    kind = ReplayPage if options.outgate_replay else Window if read_only else Web
    made = kind(host, Path(options.outgate_exports) if options.outgate_exports else None)
    host.addons.add(*made.commands)
    redaction_view.add(made.keeping, kept=read_only)
    page.take_over(host.app, made.dump, read_only=read_only)
    if not host.options._options["web_columns"].has_changed():
        host.options.update(web_columns=list(COLUMNS))
    host.options.update(listen_host=listen[0], listen_port=listen[1])  # which the page shows
    return made


def _or_exit(act: Callable[[], None]) -> None:
    """Whatever goes wrong ends the process: mitmproxy would log it and go on without a gate."""
    try:
        act()
    except Refusal as refusal:
        _exit(refusal)
    except Exception as error:
        _exit(Refusal(f"mitmproxy could not be taken over: {type(error).__name__}: {error}"))


def _exit(refusal: Refusal) -> NoReturn:
    sys.stderr.write(refusal.reason + "\n")
    sys.stderr.flush()
    raise SystemExit(refusal.code)


def mitmweb(
    mode: ListenMode,
    listen: tuple[str, int],
    page: tuple[str, int],
    script: Path,
    settings: Mapping[str, str],
) -> int:
    """Run mitmweb in this process, as its command would with `script` and these settings. Returns the exit code."""
    from mitmproxy.tools import main  # the page's server, which nothing else needs

    options = {
        "listen_host": listen[0],
        "listen_port": listen[1],
        "web_host": page[0] or "127.0.0.1",
        "web_port": page[1],
        "web_open_browser": "false",
        **{PREFIX + key: value for key, value in settings.items()},
    }
    pairs = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    main.mitmweb(["-s", str(script), "--mode", str(mode), *pairs])
    return 0


# What is stopped.


def seal() -> None:
    """From now on mitmproxy's own connection handlers close what they are given, and dial nothing."""
    server.ConnectionHandler.handle_client = _closed  # type: ignore[method-assign]
    server.ConnectionHandler.open_connection = _undialled  # type: ignore[method-assign]


async def _closed(self: server.ConnectionHandler) -> None:
    for transport in self.transports.values():
        if transport.writer is not None:
            transport.writer.close()


async def _undialled(self: server.ConnectionHandler, command: commands.OpenConnection) -> None:
    raise RuntimeError("this process is a gate, and only the gate dials")


def _require_one_script(host: master.Master) -> None:
    """And let it not be loaded again: an edited or a deleted file would take the gate away."""
    loader = host.addons.get("scriptloader")
    scripts = loader.addons if loader is not None else []
    if len(scripts) != 1:
        raise Refusal(f"{len(scripts)} scripts are loaded; load egress.py alone, and others with outgate_addons")
    for script in scripts:
        if script.reloadtask is not None:
            script.reloadtask.cancel()


def refuse_options(host: master.Master) -> None:
    """Raises `Refusal` for an option that is set and would not be heeded."""
    for name in sorted(host.options.keys()):
        if name not in HEEDED and not name.startswith(PREFIX) and host.options._options[name].has_changed():
            raise Refusal(f'the option "{name}" is set, and a gate does not heed it; leave it out')


def refuse_dropped(host: master.Master) -> None:
    """Raises `Refusal` for a setting that mitmproxy would drop: given more than once, or its own to say."""
    for name, given in host.options.deferred.items():
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) in ELSEWHERE:
            raise Refusal(f'"{name}" is set; mode and address are --mode, --listen-host and --listen-port here')
        if name.startswith(PREFIX) and len(getattr(given, "val", ())) > 1:
            raise Refusal(f'"{name}" is set more than once; set it once')


def strip(host: master.Master, own: object) -> None:
    """Keep the addons, commands and events that show what passes."""
    chain = [addon for addon in host.addons.chain if addonmanager._get_name(addon) in KEPT]
    host.addons.chain = [*chain, own]
    host.addons.lookup = {name: addon for name, addon in host.addons.lookup.items() if name in KEPT}
    host.addons.lookup[TakeOver.name] = own
    known = host.commands.commands
    host.commands.commands = {name: known[name] for name in known if name in COMMANDS or name.startswith(FAMILIES)}


# What is taken over.


def listening(host: master.Master) -> tuple[ListenMode, tuple[str, int]]:
    """The mode and the address of mitmproxy's options. Raises `Refusal` for modes that a gate does not have."""
    specs = [mode_specs.ProxyMode.parse(text) for text in host.options.mode]
    if len(specs) != 1 or specs[0].type_name not in MODES or specs[0].data:
        raise Refusal(f"mode {', '.join(host.options.mode) or 'none'} is not a gate's; use one of {', '.join(MODES)}")
    spec = specs[0]
    port = spec.listen_port(host.options.listen_port)
    return MODES[spec.type_name], (spec.listen_host(host.options.listen_host) or "", port or 0)


def pairs(host: master.Master) -> list[str]:
    """Settings as `KEY=VALUE`, misspelt ones included, which are refused by their name."""
    names = [name for name in sorted(host.options.keys()) if name.startswith(PREFIX)]
    given = {name: str(getattr(host.options, name)) for name in names}
    given |= {name: str(value) for name, value in host.options.deferred.items() if name.startswith(PREFIX)}
    for name in (READ_ONLY, EXPORTS, REPLAY):
        given.pop(name, None)
    return [f"{name.removeprefix(PREFIX)}={value}" for name, value in sorted(given.items()) if value]
