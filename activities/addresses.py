"""Which addresses on the network this service may call on a user's behalf.

Everything that is not public is refused unless the operator allows it. The list is our own: `is_global` of Python 3.11
is true for 6to4 (`2002:7f00:1::` leads to 127.0.0.1), NAT64, IPv4-compatible and site-local addresses and multicast.
After the IANA special-purpose address registries (RFC 6890 and its updates).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from definitions.errors import LongpoleError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ALLOW_SETTING = "outbound_allow"
MAX_URL = 2048
"""Characters."""

_SPECIAL_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, and the metadata services of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
"""All that is assigned for global unicast; what lies outside is loopback, local, mapped, multicast or nothing yet."""
_SPECIAL_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "3fff::/20",  # documentation
        ),
    )
)


class AddressRefused(LongpoleError):
    """An address that may not be called; the message names the host, never what it resolved to."""

    default_code = "address_refused"


@dataclass(frozen=True)
class OutboundPolicy:
    """`allowed`: networks that may be called although they are not public."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> OutboundPolicy:
        """From texts such as `127.0.0.0/8`, `10.1.2.3`, `fd00::/8`. Raises `ValueError`."""
        return cls(tuple(ip_network(text, strict=False) for text in networks))

    def admits(self, address: str) -> bool:
        """Whether an address in numbers may be called."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in network for network in self.allowed) or is_public(parsed)

    def require(self, host: str, addresses: Iterable[str]) -> None:
        """Raises `AddressRefused` unless every one of them may be called: a name that leads to one that may not be
        is not to be trusted with the others."""
        if not all(map(self.admits, addresses)):
            raise AddressRefused(
                f"{host} leads to an address that is not public",
                remedy=f"use a public one, or let the operator allow its network (setting `{ALLOW_SETTING}`)",
            )


def is_public(address: Address) -> bool:
    """Whether it is a unicast address of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    return address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)


def check_url(url: str, policy: OutboundPolicy, *, plain_http: bool = True) -> str:
    """The URL as it is, when it can be called as far as can be told without asking for addresses: where its host name
    leads is checked whenever it is connected to.

    Raises `LongpoleError` (`url_invalid`) and `AddressRefused`."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(f"it can't be read: {error}") from None
    if len(url) > MAX_URL:
        raise _invalid(f"it has {len(url)} characters; {MAX_URL} is the limit")
    if any(not 32 < ord(character) < 127 for character in url):
        raise _invalid("it has characters that a URL can't have")
    if parts.scheme not in ("http", "https") or not host:
        raise _invalid("it is no address like https://example.org/hook")
    if parts.scheme == "http" and not plain_http:
        remedy = "give an https:// address, or let the operator allow others (setting `webhook_plain_http`)"
        raise _invalid("it is not encrypted", remedy=remedy)
    if parts.username is not None or parts.password is not None:
        raise _invalid("it carries a user or password", remedy="leave them out: it is kept and shown as it is")
    try:
        literal = ip_address(host.partition("%")[0])
    except ValueError:
        return url
    policy.require(host, [str(literal)])
    return url


def _invalid(what: str, *, remedy: str = "give an address like https://example.org/hook") -> LongpoleError:
    return LongpoleError(f"this URL can't be used: {what}", code="url_invalid", remedy=remedy)
