"""Where the service may connect for a client: a URL is resolved once, every address judged, one handed on.

Against server-side request forgery: only public addresses, or those an operator lists, ever reach `courier`, which
connects to the address checked here and asks no name server again. Knows no HTTP beyond the form of a URL.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import idna

from aiprod_core.errors import InputError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

PORTS = {"http": 80, "https": 443}
URL_CHARS = 2048
NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # a last label that the C library would read as a number

# Public as far as Python knows, and yet not: what leads into an IPv4 network by another name, or is not routed.
NOT_PUBLIC = (
    ip_network("2002::/16"),  # 6to4, RFC 3056
    ip_network("3fff::/20"),  # documentation, RFC 9637
    ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ip_network("192.0.0.0/24"),  # protocol assignments, RFC 6890
)
UNICAST = IPv6Network("2000::/3")  # RFC 4291; NAT64, IPv4-compatible, site-local and multicast all lie outside


class AddressError(InputError):
    """A URL that the service does not connect to."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What an operator lets the service connect to: ports, and networks that are allowed although not public."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset(PORTS.values())

    def allows(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self.networks)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL whose address is checked. `host`: ASCII, for the Host header and TLS; `path`: with its query."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110, 7.2): a port that goes without saying is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def resolved(host: str, port: int) -> list[str]:
    """Addresses of `host` as the system's resolver gives them; raises `OSError` where there are none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


def checked(url: str, reach: Reach, *, resolve: Resolve = resolved) -> Target:
    """The target of `url`, resolved exactly once. Raises `AddressError` unless all its addresses are within `reach`.

    One address within reach is not enough: a name that also points inside is refused whole.
    """
    parts = _split(url)
    host, port = _host(parts), _port(parts, reach)
    try:
        addresses = [unmapped(ip_address(text)) for text in ([host] if _is_address(host) else resolve(host, port))]
    except (OSError, ValueError) as error:
        raise AddressError(
            f"URL: cannot resolve {host}, expected a name with an address; check its spelling"
        ) from error
    if not addresses or not all(reach.allows(address) for address in addresses):
        # The address is not named: a client must not map the inside of the network with these messages.
        raise AddressError(
            f"URL: got {host}, which leads to an address that is not public, expected a public one; "
            "use another host, or ask the operator to allow its network"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port, path=path, address=addresses[0])


def is_public(address: Address) -> bool:
    """Whether anybody on the internet reaches `address` under that very name (IANA special-purpose registries)."""
    if isinstance(address, IPv6Address) and address not in UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in NOT_PUBLIC)


def unmapped(address: Address) -> Address:
    """::ffff:10.0.0.1 is 10.0.0.1 to the kernel, so it is judged as that."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _split(url: str) -> SplitResult:
    if len(url) > URL_CHARS:
        raise AddressError(f"URL: got {len(url)} characters, expected at most {URL_CHARS}; use a shorter one")
    # urlsplit drops tabs and line ends, and readers of URLs disagree on `\`: what is ambiguous is not guessed.
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise AddressError("URL: got a space, a control character or `\\`, expected none; percent-encode it")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressError("URL: got something that cannot be read as one, expected https://host/path") from error
    if parts.scheme not in PORTS:
        raise AddressError(f"URL: got the scheme {parts.scheme[:20]!r}, expected https or http; change it")
    if "@" in parts.netloc:
        raise AddressError("URL: got a user name or password in it, expected none; webhooks are signed instead")
    if not (parts.path + parts.query).isascii():
        raise AddressError("URL: got a path with characters outside ASCII, expected none; percent-encode them")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if _is_address(host):
        return host
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise AddressError("URL: got a host that is no international name (IDNA 2008); check it") from error
    host = host.removesuffix(".").lower()
    if _is_address(host):
        return host
    if len(host) > 253 or NAME.fullmatch(host) is None or NUMBER.fullmatch(host):
        raise AddressError(f"URL: got the host {host[:100]!r}, expected a name or a plain address such as 203.0.113.7")
    return host


def _port(parts: SplitResult, reach: Reach) -> int:
    try:
        port = PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError as error:
        raise AddressError("URL: got a port that is no number from 1 to 65535, expected one; correct it") from error
    if port not in reach.ports:
        allowed = ", ".join(str(port) for port in sorted(reach.ports))
        raise AddressError(
            f"URL: got the port {port}, expected one of {allowed}; use one, or ask the operator to allow it"
        )
    return port


def _is_address(host: str) -> bool:
    try:
        # A zone (fe80::1%eth0) picks a network card, which is not for a client to choose.
        return "%" not in host and bool(ip_address(host))
    except ValueError:
        return False
