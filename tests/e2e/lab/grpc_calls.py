"""A gRPC service without generated code: messages are bytes. The library terminates TLS and HTTP/2.

Owns its methods and their record. The library accepts on a unix socket; a relay in front records connections like any
other server's.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

from .records import Recorder
from .streams import Stream, Tls

SERVICE = "lab.Echo"


class Service:
    """The methods, all answering `echo:` and what they got. `Fail` answers NOT_FOUND with a text."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self._name, self._recorder = name, recorder

    def unary(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._record("Unary", context)
        return b"echo:" + message

    def server_stream(self, message: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """`message` is a count: so many answers."""
        self._record("ServerStream", context)
        yield from (b"echo:%d" % number for number in range(int(message)))

    def client_stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        self._record("ClientStream", context)
        return b"echo:" + b",".join(messages)

    def both(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Each message is answered before the next is awaited."""
        self._record("Both", context)
        for message in messages:
            yield b"echo:" + message

    def fail(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._record("Fail", context)
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no " + message.decode())

    def _record(self, method: str, context: grpc.ServicerContext) -> None:
        """Connection 0: the library does not say which one a call came by."""
        metadata = [(key, value) for key, value in context.invocation_metadata() if isinstance(value, str)]
        pems = context.auth_context().get("x509_pem_cert", [])
        prints = [hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest() for pem in pems]
        context.set_trailing_metadata((("lab-method", method),))
        self._recorder.event("call", self._name, 0, method=method, metadata=metadata, client=next(iter(prints), None))


class GrpcOrigin:
    """The library's server on a unix socket, and the relay to it, which a listener speaks."""

    def __init__(self, name: str, recorder: Recorder, tls: Tls | None, folder: Path) -> None:
        self._path = folder / f"{name}.sock"
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((_handlers(Service(name, recorder)),))
        if tls:
            self._server.add_secure_port(f"unix:{self._path}", _credentials(tls))
        else:
            self._server.add_insecure_port(f"unix:{self._path}")
        self._server.start()

    async def relay(self, stream: Stream) -> None:
        """Bytes both ways, until either side has ended."""
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        ways = [asyncio.create_task(_copy(stream.reader, writer)), asyncio.create_task(_copy(reader, stream.writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.close()

    def stop(self) -> None:
        self._server.stop(grace=None).wait(5)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def _handlers(service: Service) -> grpc.GenericRpcHandler:
    """Without serialisers messages stay bytes."""
    methods: dict[str, Any] = {
        "Unary": grpc.unary_unary_rpc_method_handler(service.unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(service.server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(service.client_stream),
        "Both": grpc.stream_stream_rpc_method_handler(service.both),
        "Fail": grpc.unary_unary_rpc_method_handler(service.fail),
    }
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    pair = (Path(tls.key).read_bytes(), Path(tls.cert).read_bytes())
    roots = Path(tls.client_ca).read_bytes() if tls.client_ca else None
    return grpc.ssl_server_credentials([pair], roots, require_client_auth=tls.client == "required")
