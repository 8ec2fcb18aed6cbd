"""Where the API listens."""

from __future__ import annotations

import errno
import ipaddress
import socket

from definitions.errors import LongpoleError, ServiceUnavailable


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0: any free one.

    Raises `ServiceUnavailable` when the port is taken, `LongpoleError` for an address that is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(host, port, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from None
    return listener


def url_of(host: str, port: int) -> str:
    """Where to reach a server that listens there."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _unusable(host: str, port: int, error: OSError) -> LongpoleError:
    if error.errno == errno.EADDRINUSE:
        return ServiceUnavailable(
            f"port {port} on {host} (API) is already in use",
            code="port_in_use",
            remedy="stop what listens there, or choose another with --port",
        )
    return LongpoleError(
        f"the API can't listen on {host} port {port}: {error.strerror}",
        code="address_unusable",
        remedy="choose another --host or --port",
    )
