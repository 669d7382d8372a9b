"""A Kubernetes API server of lists and watches, over real HTTP or HTTPS, with bearer tokens.

Owns the objects, one counter of versions for all of them, the history that watches are served from, and every way in
which a server can let its clients down. Knows nothing of outgate: an object is what a test puts.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "first-token"
CREATED = "2026-01-01T00:00:00Z"


@dataclass
class Resource:
    """One kind in one version of its group."""

    group: str
    version: str
    plural: str
    kind: str
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    history: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    """What has happened: its version, ADDED, MODIFIED or DELETED, and the object as it was then."""
    forgotten: int = 0
    """The version up to which history is not known any more."""


@dataclass
class Trouble:
    """An answer in place of the next one that fits."""

    path: str
    """Part of the request's target."""
    status: int = 0
    """0: the connection is closed without an answer."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    times: int = 1


class ApiServer:
    """Runs in the event loop of whoever starts it."""

    def __init__(self, token: str = TOKEN, tls: ssl.SSLContext | None = None) -> None:
        self.tokens = {token}
        self.version = 10
        self.resources: dict[tuple[str, str], Resource] = {}
        """By group and plural."""
        self.troubles: list[Trouble] = []
        self.requests: list[str] = []
        self.statuses: list[tuple[str, dict[str, Any]]] = []
        """Path and body of each status that was applied."""
        self.ready = True
        """Whether it says that it serves all that it has."""
        self.page = 0
        """Objects of a page, where that is fewer than is asked for."""
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._watches: dict[asyncio.Queue[bytes | None], tuple[Resource, str]] = {}
        """The kind and the namespace of each; all namespaces where it names none."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def watches(self) -> int:
        return len(self._watches)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As one that is killed: nobody is told."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._watches.clear()
        self._server = None

    # What the cluster has.

    def serve(self, group: str, version: str, plural: str, kind: str) -> Resource:
        return self.resources.setdefault((group, plural), Resource(group, version, plural, kind))

    def put(self, plural: str, name: str, spec: Any, namespace: str = "default", **metadata: Any) -> dict[str, Any]:
        """Create an object, or change its spec."""
        resource = self._named(plural)
        self.version += 1
        before = resource.objects.get((namespace, name))
        generation = before["metadata"]["generation"] + 1 if before else 1
        kept = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "creationTimestamp": CREATED, **metadata}
        made = {
            "apiVersion": f"{resource.group}/{resource.version}",
            "kind": resource.kind,
            "metadata": {**kept, "generation": generation, "resourceVersion": str(self.version)},
            "spec": spec,
        }
        if not namespace:
            del made["metadata"]["namespace"]
        if before and "status" in before:
            made["status"] = before["status"]
        self._happened(resource, "MODIFIED" if before else "ADDED", made)
        return made

    def delete(self, plural: str, name: str, namespace: str = "default") -> None:
        resource = self._named(plural)
        self.version += 1
        gone = copy.deepcopy(resource.objects.pop((namespace, name)))
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._happened(resource, "DELETED", gone)

    def withdraw(self, plural: str) -> None:
        """Its definition is removed, and everything with it."""
        resource = self._named(plural)
        self.drop(plural)
        del self.resources[resource.group, plural]

    def bookmark(self) -> None:
        for queue, (resource, _) in self._watches.items():
            marked = {"kind": resource.kind, "metadata": {"resourceVersion": str(self.version)}}
            queue.put_nowait(event("BOOKMARK", marked))

    # How it lets clients down.

    def drop(self, plural: str = "", partial: bytes = b"") -> None:
        """End the watches of a kind, or of all, after some bytes."""
        for queue, (resource, _) in tuple(self._watches.items()):
            if plural in ("", resource.plural):
                if partial:
                    queue.put_nowait(partial)
                queue.put_nowait(None)

    def say(self, plural: str, raw: bytes) -> None:
        """Send something to the watches of a kind that is no event."""
        for queue, (resource, _) in self._watches.items():
            if resource.plural == plural:
                queue.put_nowait(raw)

    def error(self, plural: str, code: int, message: str = "it went wrong") -> None:
        """An ERROR event."""
        status = {"kind": "Status", "code": code, "reason": "Expired", "message": message}
        self.say(plural, event("ERROR", status))

    def forget(self, plural: str) -> None:
        """What happened until now is not known any more: a watch from before answers 410."""
        resource = self._named(plural)
        resource.forgotten, resource.history = self.version, []

    def trouble(self, path: str, status: int = 0, *, times: int = 1, body: bytes | None = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.troubles.append(Trouble(path, status, named, body, times))

    # The protocol.

    def _named(self, plural: str) -> Resource:
        (found,) = (resource for (_, name), resource in self.resources.items() if name == plural)
        return found

    def _happened(self, resource: Resource, what: str, found: dict[str, Any]) -> None:
        if what != "DELETED":
            resource.objects[found["metadata"].get("namespace", ""), found["metadata"]["name"]] = found
        resource.history.append((self.version, what, copy.deepcopy(found)))
        for queue, (watched, namespace) in self._watches.items():
            if watched is resource:
                self._send(queue, namespace, what, found)

    def _send(self, queue: asyncio.Queue[bytes | None], namespace: str, what: str, found: dict[str, Any]) -> None:
        if namespace in ("", found["metadata"].get("namespace", "")):
            queue.put_nowait(event(what, found))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError, ssl.SSLError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(f"{method} {target}")
        if (trouble := self._trouble(target)) is not None:
            return await self._let_down(writer, trouble)
        if headers.get("authorization", "") not in {f"Bearer {token}" for token in self.tokens}:
            return await self._answer(writer, 401, status(401, "Unauthorized"))
        return await self._routed(reader, writer, method, target, body)

    def _trouble(self, target: str) -> Trouble | None:
        for trouble in self.troubles:
            if trouble.path in target:
                trouble.times -= 1
                if not trouble.times:
                    self.troubles.remove(trouble)
                return trouble
        return None

    async def _let_down(self, writer: asyncio.StreamWriter, trouble: Trouble) -> bool:
        if not trouble.status:
            return False
        body = trouble.body if trouble.body is not None else status(trouble.status, "not now")
        return await self._answer(writer, trouble.status, body, trouble.headers)

    async def _routed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, target: str, body: bytes
    ) -> bool:
        if target == "/readyz":
            return await self._answer(writer, *((200, b"ok") if self.ready else (500, b"readyz check failed\n")))
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        _, _, group, version, *rest = parts.path.split("/")
        namespace = rest[1] if rest[0] == "namespaces" else ""
        rest = rest[2:] if namespace else rest
        resource = self.resources.get((group, rest[0]))
        if resource is None or resource.version != version:
            return await self._answer(writer, 404, b"404 page not found\n")
        if method == "PATCH":
            return await self._apply(writer, resource, namespace, rest[1], parts.path, body)
        if query.get("watch") == "true":
            return await self._watch(reader, writer, resource, namespace, query)
        return await self._list(writer, resource, namespace, query)

    async def _list(
        self, writer: asyncio.StreamWriter, resource: Resource, namespace: str, query: dict[str, str]
    ) -> bool:
        found = [one for (there, _), one in sorted(resource.objects.items()) if namespace in ("", there)]
        start, most = int(query.get("continue", 0)), min(int(query["limit"]), self.page or 500)
        metadata = {"resourceVersion": str(self.version)}
        if start + most < len(found):
            metadata["continue"] = str(start + most)
        listed = {"kind": f"{resource.kind}List", "metadata": metadata, "items": found[start : start + most]}
        return await self._answer(writer, 200, json.dumps(listed).encode())

    async def _watch(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        resource: Resource,
        namespace: str,
        query: dict[str, str],
    ) -> bool:
        since = int(query["resourceVersion"])
        if since < resource.forgotten:
            return await self._answer(writer, 410, status(410, "too old resource version"))
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for version, what, found in resource.history:
            if version > since:
                self._send(queue, namespace, what, found)
        self._watches[queue] = resource, namespace
        gone = asyncio.ensure_future(reader.read(1))
        gone.add_done_callback(lambda _: queue.put_nowait(None))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while (piece := await queue.get()) is not None:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
        finally:
            gone.cancel()
            self._watches.pop(queue, None)
        return False

    async def _apply(
        self, writer: asyncio.StreamWriter, resource: Resource, namespace: str, name: str, path: str, body: bytes
    ) -> bool:
        told = json.loads(body)
        found = resource.objects.get((namespace, name))
        if found is None:
            return await self._answer(writer, 404, status(404, "not found"))
        self.statuses.append((path, told))
        self.version += 1
        found = copy.deepcopy(found) | {"status": told["status"]}
        found["metadata"]["resourceVersion"] = str(self.version)
        self._happened(resource, "MODIFIED", found)
        return await self._answer(writer, 200, json.dumps(found).encode())

    async def _answer(
        self, writer: asyncio.StreamWriter, code: int, body: bytes, headers: dict[str, str] | None = None
    ) -> bool:
        lines = [f"HTTP/1.1 {code} -", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        return True


def event(what: str, found: dict[str, Any]) -> bytes:
    return json.dumps({"type": what, "object": found}).encode() + b"\n"


def status(code: int, message: str) -> bytes:
    return json.dumps({"kind": "Status", "apiVersion": "v1", "code": code, "message": message}).encode()


def kubeconfig(server: str, token: str = "", *, token_file: str = "", authority: str = "") -> str:
    """A kubeconfig file, which is JSON here."""
    cluster = {"server": server} | ({"certificate-authority": authority} if authority else {})
    user = {"tokenFile": token_file} if token_file else {"token": token}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
    )


class ThreadedApiServer:
    """The same in a thread of its own, for tests that are no coroutines. `do` is called there."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> ThreadedApiServer:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result()

    def do(self, what: Callable[[ApiServer], Any]) -> Any:
        async def done() -> Any:
            return what(self.server)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()
