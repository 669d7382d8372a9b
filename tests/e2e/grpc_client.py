"""A gRPC client as a program, for the library makes its own sockets: it has to run where the workload does.

    python grpc_client.py TARGET [CA] < calls.json

takes a list of calls (`method`, `messages`, and `pause` seconds between them for `Both`), and prints one JSON line a
call: the messages that came and when, the status code's name, its details, and the trailing metadata.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc

PATIENCE = 10.0


def open_channel(target: str, ca: str | None) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0)]
    if ca is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(Path(ca).read_bytes()), options)


def invoke(channel: grpc.Channel, call: dict[str, Any]) -> Any:
    """The call, begun."""
    path = f"/lab.Echo/{call['method']}"
    messages = [message.encode() for message in call["messages"]]
    metadata = [tuple(pair) for pair in call.get("metadata", [])]
    common: dict[str, Any] = {"timeout": PATIENCE, "metadata": metadata}
    match call["method"]:
        case "Both":
            return channel.stream_stream(path)(_spaced(messages, call.get("pause", 0.0)), **common)
        case "ClientStream":
            return channel.stream_unary(path).future(iter(messages), **common)
        case "ServerStream":
            return channel.unary_stream(path)(messages[0], **common)
        case _:
            return channel.unary_unary(path).future(messages[0], **common)


def _spaced(messages: list[bytes], pause: float) -> Iterator[bytes]:
    for message in messages:
        yield message
        time.sleep(pause)


def tell(call: dict[str, Any], made: Any) -> dict[str, Any]:
    """What came of it."""
    came: list[tuple[str, float]] = []
    streams = call["method"] in ("Both", "ServerStream")
    with suppress(grpc.RpcError):
        came.extend((message.decode(), time.time()) for message in (made if streams else [made.result()]))
    trailing = [(key, value) for key, value in made.trailing_metadata() or () if isinstance(value, str)]
    return {"messages": came, "code": made.code().name, "details": made.details(), "trailing": trailing}


def main() -> None:
    target, *ca = sys.argv[1:]
    with open_channel(target, ca[0] if ca else None) as channel:
        for call in json.load(sys.stdin):
            print(json.dumps(tell(call, invoke(channel, call))), flush=True)


if __name__ == "__main__":
    main()
