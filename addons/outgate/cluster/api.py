"""The API of a cluster, by way of `kubernetes_asyncio`: pages of lists, watches, and a status applied.

Owns credentials, time limits, bounds and the one error. What is asked for, and when again, is others'. The client's
own `Watch` is not used: it tries again without a pause, takes half a line for a whole one, and reads no `Retry-After`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import yaml
from kubernetes_asyncio.client.api_client import ApiClient
from kubernetes_asyncio.client.configuration import Configuration
from kubernetes_asyncio.config import load_incluster_config, load_kube_config
from kubernetes_asyncio.config.config_exception import ConfigException

from outgate.cluster.lines import Garbled, values

if TYPE_CHECKING:
    from aiohttp import ClientResponse

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
AUTH = ["BearerToken"]
READY = "/readyz"
"""Everybody who has an account may ask for it, unless a cluster has taken that away."""
PATIENCE = aiohttp.ClientTimeout(total=60, sock_connect=10)
LARGEST = 64 * 1024 * 1024
"""Bytes of one page."""
LONGEST = 300.0
"""Seconds, the most of what a server may ask us to wait."""
SHOWN = 200
"""Characters of what a server says of an error."""
REFUSED, FORBIDDEN, ABSENT, CONFLICT, EXPIRED = 401, 403, 404, 409, 410


class ApiError(Exception):
    """Why there is no answer: its status, 0 where there was none, and the seconds to wait at least."""

    def __init__(self, status: int, what: str, wait: float = 0.0) -> None:
        super().__init__(what)
        self.status = status
        self.wait = wait


@dataclass(slots=True)
class Session:
    """Connections under one set of credentials. Closed when it is past and nobody uses it."""

    client: ApiClient
    users: int = 0
    past: bool = False


class Api:
    """Credentials are those of a kubeconfig file, or the pod's own."""

    def __init__(self, kubeconfig: str = "", account: Path = ACCOUNT) -> None:
        self._kubeconfig, self._account = kubeconfig, account
        self._session: Session | None = None
        self._making = asyncio.Lock()

    async def page(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of a list. Raises `ApiError`."""
        async with self._answer("GET", path, query, PATIENCE) as answer:
            return _mapping(await _body(answer, LARGEST))

    @asynccontextmanager
    async def watch(
        self, path: str, query: Mapping[str, str], within: float
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Events from when the server has agreed until it ends them, at most `within` seconds after the last. What
        fails on the way raises `ApiError` or `Garbled`."""
        patience = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=within)
        async with self._answer("GET", path, {**query, "watch": "true"}, patience) as answer:
            yield values(answer.content.iter_any())

    async def unready(self) -> str:
        """Why the server does not say that it serves all that it has; empty where it does."""
        try:
            async with self._answer("GET", READY, {}, PATIENCE):
                return ""
        except ApiError as error:
            return f"{READY}: {error}"

    async def apply(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> None:
        """Server-side apply. Raises `ApiError`."""
        async with self._answer("PATCH", path, query, PATIENCE, body) as answer:
            await _body(answer, LARGEST)

    async def close(self) -> None:
        self._making = asyncio.Lock()  # another event loop may follow
        if self._session is not None:
            await self._leave(self._session)

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
        body: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[ClientResponse]:
        """An answer of 200, or `ApiError`."""
        session = await self._current()
        session.users += 1
        try:
            async with await _asked(session.client, method, path, query, timeout, body) as answer:
                if answer.status != 200:
                    raise await _error(answer)
                yield answer
        except (aiohttp.ClientError, OSError, ConfigException) as error:
            await self._leave(session)  # an address, a certificate or a token may have been replaced
            raise ApiError(0, f"the API does not answer: {_why(error)}") from error
        except ApiError as error:
            if error.status == REFUSED:
                await self._leave(session)  # for a token that has been replaced
            raise
        finally:
            session.users -= 1
            await self._end(session)

    async def _current(self) -> Session:
        async with self._making:
            if self._session is None:
                self._session = Session(ApiClient(await self._configuration()))
            return self._session

    async def _leave(self, session: Session) -> None:
        """The next request reads the credentials again."""
        session.past = True
        if self._session is session:
            self._session = None
        await self._end(session)

    async def _end(self, session: Session) -> None:
        if session.past and not session.users:
            await session.client.close()

    async def _configuration(self) -> Configuration:
        made = Configuration()
        try:
            if self._kubeconfig:
                await load_kube_config(config_file=self._kubeconfig, client_configuration=made, persist_config=False)
            else:
                token, authority = str(self._account / "token"), str(self._account / "ca.crt")
                load_incluster_config(made, token_filename=token, cert_filename=authority)
        except (ConfigException, OSError, ValueError, TypeError, yaml.YAMLError) as error:
            raise ApiError(0, f"no credentials for the API: {_why(error)}") from error
        _secure(made)
        made.connection_pool_maxsize = 0  # a watch has a connection of its own for as long as it lasts
        # The same under every Python: 3.13 refuses CAs of clusters that 3.12 takes.
        made.disable_strict_ssl_verification = True
        return made


async def _asked(
    client: ApiClient,
    method: str,
    path: str,
    query: Mapping[str, str],
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    body: Mapping[str, Any] | None,
) -> ClientResponse:
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/apply-patch+yaml"
    try:
        answer: ClientResponse = await client.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=AUTH,
            _preload_content=False,
            _request_timeout=timeout,
        )
    except ValueError as error:  # a token with a line break in it, as a header
        raise ApiError(0, f"the API cannot be asked: {_why(error)}") from error
    return answer


def _secure(made: Configuration) -> None:
    """Whoever can pass for the API can write the policy."""
    place = urlsplit(made.host)
    if place.scheme == "http" and not _is_here(place.hostname or ""):
        raise ApiError(0, f"the API at {made.host} is not asked without TLS, for anybody could answer; use https")
    if place.scheme != "http" and not made.verify_ssl:
        raise ApiError(0, "insecure-skip-tls-verify is set, so anybody could answer; give certificate-authority")


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


async def _body(answer: ClientResponse, most: int) -> bytes:
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > most:
            raise ApiError(0, f"an answer of the API has more than {most} bytes")
    return bytes(found)


def _mapping(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Garbled("an answer of the API is not JSON") from error
    if not isinstance(found, dict):
        raise Garbled("an answer of the API is not a mapping")
    return found


async def _error(answer: ClientResponse) -> ApiError:
    try:
        told = _mapping(await _body(answer, LARGEST))
    except Garbled:
        told = {}
    return ApiError(answer.status, said(answer.status, told), _wait(answer.headers.get("Retry-After", "")))


def said(status: int, told: Mapping[str, Any]) -> str:
    """What a `Status` says, on one line."""
    message = str(told.get("message") or told.get("reason") or "no reason is given")
    return f"the API answers {status}: {''.join(c if c.isprintable() else ' ' for c in message[:SHOWN])}"


def _wait(text: str) -> float:
    return min(float(text), LONGEST) if text.isascii() and text.isdigit() else 0.0


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error).splitlines()[0][:SHOWN] if str(error) else type(error).__name__
