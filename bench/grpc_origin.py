"""The service behind the gRPC row, without generated code: messages are bytes. `python bench/grpc_origin.py PORT`.

Plain HTTP/2 on loopback; TLS, the client's identity and the count are nginx's, which stands before it.
"""

from __future__ import annotations

import sys
from concurrent import futures

import grpc


def unary(message: bytes, _: grpc.ServicerContext) -> bytes:
    return b"echo:" + message


def serve(port: int) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    handlers = {"Unary": grpc.unary_unary_rpc_method_handler(unary)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
