"""Operators about addresses: whence it came, where it was meant to go, and where it went.

Owns the operators of both connections' ends, and of the endpoints that were tried.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network

from outgate.telemetry.event import Event, Reached
from outgate.telemetry.operators.kinds import Operator, Read, Value, needed, plain
from outgate.telemetry.showing import Showing
from outgate.telemetry.text import place

type Address = tuple[str, int] | None
type Where = Callable[[Event], Address]


def _caller(event: Event) -> Address:
    return (event.caller.address, event.caller_port) if event.caller.address else None


def _original(event: Event) -> Address:
    """Where the workload dialled; it dialled the gate itself where it named it as its proxy."""
    return (event.address, event.port) if event.address else event.listener


def _listener(event: Event) -> Address:
    return event.listener


def _remote(event: Event) -> Address:
    return event.last.address if event.last is not None else None


def _local(event: Event) -> Address:
    return event.last.local if event.last is not None else None


def _whole(where: Where) -> Read:
    return lambda event: place(where(event)) or None


def _port(where: Where) -> Read:
    def read(event: Event) -> Value:
        address = where(event)
        return address[1] if address is not None else None

    return read


def _bare(where: Where) -> Operator:
    """Without its port, masked to so many bits where that is said."""

    def compiler(argument: str | None, showing: Showing) -> Read:
        bits = None if argument is None else _bits(argument)

        def read(event: Event) -> Value:
            address = where(event)
            if address is None or bits is None:
                return address[0] if address is not None else None
            return _masked(address[0], bits)

        return read

    return Operator("the address alone, or its network", compiler, takes="length of the prefix")


def _bits(argument: str) -> int:
    if not (argument.isascii() and argument.isdecimal() and int(argument) <= 128):
        raise ValueError(f'does not take "{argument}"; write the length of a prefix, 0 to 128')
    return int(argument)


def _masked(address: str, bits: int) -> Value:
    try:
        ip = ip_address(address)
        return str(ip_network((ip, bits), strict=False)) if bits <= ip.max_prefixlen else str(ip)
    except ValueError:
        return None


def _name(reached: Reached, port: bool = True) -> str:
    """The endpoint as the policy names it; its address where that is all there is."""
    if reached.endpoint is not None and not _is_ip(reached.endpoint.address):
        named = (reached.endpoint.address, reached.endpoint.port)
    elif reached.address is not None:
        named = reached.address
    else:
        return ""
    return place(named) if port else named[0]


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _host_name(event: Event, port: bool) -> Value:
    if (last := event.last) is None:
        return None
    if event.host and (last.endpoint is None or _is_ip(last.endpoint.address)) and not _is_ip(event.host):
        number = last.address[1] if last.address is not None else event.port
        return place((event.host, number)) if port else event.host
    return _name(last, port) or None


def _each(show: Callable[[Reached], str]) -> Read:
    return lambda event: ",".join(filter(None, map(show, event.reached))) or None


def _ends(prefix: str, says: str, where: Where) -> dict[str, Operator]:
    return {
        f"{prefix}_ADDRESS": plain(f"{says}: address and port", _whole(where)),
        f"{prefix}_ADDRESS_WITHOUT_PORT": _bare(where),
        f"{prefix}_PORT": plain(f"{says}: the port", _port(where)),
    }


def _server_name(argument: str | None, showing: Showing) -> Read:
    words, _, source = (argument or "").partition(":")
    if words not in ("", "SNI_ONLY", "SNI_FIRST", "HOST_FIRST"):
        raise ValueError(f'does not take "{words}"; write SNI_ONLY, SNI_FIRST or HOST_FIRST')
    if source not in ("", "ORIG", "HOST", "ORIG_OR_HOST"):
        raise ValueError(f'does not take "{source}"; write ORIG, HOST or ORIG_OR_HOST')

    def read(event: Event) -> Value:
        names = [event.sni, event.host]
        if words == "HOST_FIRST":
            names.reverse()
        name = names[0] if words in ("", "SNI_ONLY") else next(filter(None, names), "")
        # It stands in Istio's lines without quotes: what is in it must not look like the next value.
        return "_".join(name.split()) or None

    return read


def _hostname(argument: str | None, showing: Showing) -> Read:
    return plain("", lambda event: showing.hostname).compile(argument, showing)


def _environment(argument: str | None, showing: Showing) -> Read:
    value = showing.variable(needed(argument, "the name of a variable"))
    return lambda event: value


OPERATORS = {
    **_ends("DOWNSTREAM_REMOTE", "the workload", _caller),
    **_ends("DOWNSTREAM_DIRECT_REMOTE", "the workload", _caller),
    **_ends("DOWNSTREAM_LOCAL", "where the workload dialled", _original),
    **_ends("DOWNSTREAM_DIRECT_LOCAL", "where the gate listens", _listener),
    **_ends("UPSTREAM_REMOTE", "the origin", _remote),
    **_ends("UPSTREAM_LOCAL", "the gate's end towards the origin", _local),
    "UPSTREAM_HOST": plain("address and port of the origin", _whole(_remote)),
    "UPSTREAM_HOST_NAME": plain("the origin's name and port", lambda event: _host_name(event, port=True)),
    "UPSTREAM_HOST_NAME_WITHOUT_PORT": plain("the origin's name", lambda event: _host_name(event, port=False)),
    "UPSTREAM_HOSTS_ATTEMPTED": plain("every origin that was tried", _each(lambda one: place(one.address))),
    "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT": plain(
        "the same without ports", _each(lambda one: one.address[0] if one.address is not None else "")
    ),
    "UPSTREAM_HOST_NAMES_ATTEMPTED": plain("every endpoint that was tried, by name", _each(_name)),
    "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT": plain(
        "the same without ports", _each(lambda one: _name(one, port=False))
    ),
    "REQUESTED_SERVER_NAME": Operator(
        "the name in TLS, or the host", _server_name, takes="SNI_ONLY, SNI_FIRST or HOST_FIRST:SOURCE"
    ),
    "HOSTNAME": Operator("the gate's machine", _hostname),
    "ENVIRONMENT": Operator("a variable of the gate's environment", _environment, takes="X", cut=True),
}
