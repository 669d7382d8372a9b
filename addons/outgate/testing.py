"""A replay for a test: a context manager, and a pytest fixture that makes them.

    from outgate.testing import replay

    with replay("shop.ndjson") as shop:
        assert client(base_url=shop.url("api.shop.example")).orders() == [...]

Where a test ends and something was asked that was not recorded, or recorded and not asked for, it fails; `strict=False`
leaves that to the test. For the fixture, `pytest_plugins = ["outgate.testing"]` stands in `conftest.py`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from outgate.capture.match import Ending
from outgate.capture.serving.desk import Desk, desk
from outgate.capture.serving.places import Mode
from outgate.capture.serving.tally import Missed
from outgate.pki import bundle, pem
from outgate.pki.authority import CERTIFICATE_FILE
from outgate.pki.environment import variables
from outgate.replaying import Plan, authority_of, beside, listening, source

type Make = Callable[..., Replay]


@dataclass(frozen=True, slots=True)
class Replay:
    """One that is running."""

    host: str
    port: int
    ca: Path
    """The certificate that clients have to trust where they speak TLS."""
    folder: Path = field(repr=False)
    desk: Desk = field(repr=False)

    def url(self, host: str = "") -> str:
        """A base address for requests to a recorded host; without one, for any."""
        return f"http://{self.host}:{self.port}" + (f"/{host}" if host else "")

    @property
    def proxy(self) -> str:
        """Its address as an HTTP proxy, for clients that keep the addresses that they know."""
        return f"http://{self.host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which most programs use it as their proxy, and trust it."""
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self.proxy)
        return {**proxies, "NODE_USE_ENV_PROXY": "1", "no_proxy": "", "NO_PROXY": "", **variables(self.folder)}

    @property
    def misses(self) -> tuple[Missed, ...]:
        """What was asked and not recorded."""
        return tuple(self.desk.tally.misses)

    @property
    def unused(self) -> tuple[int, ...]:
        """What was recorded and not asked for, by its number in the capture, from 1."""
        return tuple(entry.number for entry in self.desk.matcher.unused)

    def check(self) -> None:
        """Raises `AssertionError` where something was missed or not asked for."""
        if self.desk.tally.missed or self.unused:
            raise AssertionError("\n".join(self.desk.tally.lines(self.desk.matcher.unused)))


@contextmanager
def replay(
    capture: Path | str,
    *,
    strict: bool = True,
    ending: Ending | str = Ending.REPEAT_LAST,
    ignore: Iterable[str] = (),
    timing: bool = False,
    mode: Mode | str = Mode.REVERSE,
    certs: Path | str | None = None,
    listen: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[Replay]:
    """Serve a capture, HAR or flows of mitmproxy until the block ends. In mode `reverse` it is a proxy, too. Raises
    `OSError`, `told.Malformed` and `ValueError` where there is nothing to serve; warns of what is left out."""
    made = desk(found := source(Path(capture)), Ending(ending), frozenset(ignore), timing=timing)
    for problem in found.problems:
        warnings.warn(problem, stacklevel=3)
    if not made.matcher.entries:
        raise ValueError(f"{capture} holds no requests")
    authority = authority_of(None if certs is None else Path(certs))
    plan = Plan(made, Mode(mode), authority, listening(*listen))
    host, port = plan.sockets[0].getsockname()[:2]
    with tempfile.TemporaryDirectory(prefix="outgate-replay-") as folder, beside(plan):
        bundle.write_pem(Path(folder), [authority.certificate], [authority.certificate])
        bundle.write_truststore(Path(folder), [authority.certificate])
        (ca := Path(folder) / CERTIFICATE_FILE).write_bytes(pem.text(authority.certificate))
        running = Replay(host, port, ca, Path(folder), made)
        yield running
        if strict:
            running.check()


try:
    import pytest
except ModuleNotFoundError:  # whoever uses another test library has the context manager
    pass
else:

    @pytest.fixture
    def outgate_replay() -> Iterator[Make]:
        """Makes replays that end with the test: `outgate_replay("shop.ndjson", ending="error")`."""
        with ExitStack() as stack:

            def make(capture: Path | str, **options: object) -> Replay:
                entered: AbstractContextManager[Replay] = replay(capture, **options)  # type: ignore[arg-type]
                return stack.enter_context(entered)

            yield make
