"""Addresses and ports of the local machine."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket

from temporal_dev.errors import DevServerError, PortInUse

# Below the ports that the system gives to outgoing connections: nobody takes one while a server is restarted.
_FREE_FIRST, _FREE_COUNT = 20_000, 12_000


def ip_address(host: str) -> str:
    """`host` as the server wants it: an IP address. Raises `DevServerError` for a name other than localhost."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise DevServerError(f"host: {host!r} is not an IP address; use 127.0.0.1, or 0.0.0.0 for all") from None


def reachable(host: str, port: int) -> str:
    """ "host:port" to connect to for a server that listens on the IP address `host`."""
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def require_free(host: str, port: int, purpose: str) -> None:
    """Raises `PortInUse` when something listens there, `DevServerError` when one cannot listen there at all."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does it: closed connections that linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            raise DevServerError(
                f"port {port} ({purpose}) is not a port: use 1 to 65535, or 0 for any free one"
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(host, port, purpose) from None
            raise DevServerError(f"cannot listen on {host} port {port} ({purpose}): {error.strerror}") from None


def free_port(host: str, purpose: str) -> int:
    """A port that nothing listens on now."""
    while True:
        port = _FREE_FIRST + secrets.randbelow(_FREE_COUNT)
        try:
            require_free(host, port, purpose)
        except PortInUse:
            continue
        return port
