"""A replay beside the test, and clients for it."""

import http.client
import socket
import ssl
from contextlib import closing, contextmanager

from outgate.capture.serving.desk import desk
from outgate.capture.serving.places import Mode
from outgate.pki import pem
from outgate.pki.authority import create_authority
from outgate.replaying import Plan, beside, listening

PATIENCE = 20.0
AUTHORITY = create_authority("test CA", 1)


class Served:
    """Where it is, and what came of it."""

    def __init__(self, plan):
        self.desk = plan.desk
        self.host, self.port = plan.sockets[0].getsockname()[:2]

    @property
    def misses(self):
        return self.desk.tally.misses

    @property
    def unused(self):
        return [entry.number for entry in self.desk.matcher.unused]

    def dial(self):
        return socket.create_connection((self.host, self.port), PATIENCE)

    def http(self):
        return closing(http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE))

    def secure(self, host, *alpn, sock=None):
        """TLS for a host, over a connection that may be a tunnel already."""
        return trusting(*alpn).wrap_socket(sock or self.dial(), server_hostname=host)


def trusting(*alpn):
    context = ssl.create_default_context(cadata=pem.text(AUTHORITY.certificate).decode())
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@contextmanager
def serving(*kept, mode=Mode.REVERSE, address=("127.0.0.1", 0), **facts):
    plan = Plan(desk(kept, **facts), mode, AUTHORITY, listening(*address))
    with beside(plan):
        yield Served(plan)
