"""The guard against being sent to internal addresses (SSRF): which addresses may be connected to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from busway.errors import ConfigurationError

__all__ = ["AddressGuard", "why_blocked"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_NEVER: dict[str, tuple[Network, ...]] = {
    "a metadata service of a cloud": _networks(
        "169.254.169.254/32",
        "168.63.129.16/32",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "fd00:42::42/128",
    ),
    "link-local": _networks("169.254.0.0/16", "fe80::/10"),
    "multicast or broadcast": _networks("224.0.0.0/4", "255.255.255.255/32", "ff00::/8"),
    "unspecified": _networks("0.0.0.0/8", "::/128"),
}
"""Blocked even when allow-listed: no webhook lives there, and the metadata services hand out credentials."""

_NAT64 = _networks("64:ff9b::/96", "64:ff9b:1::/48")
_IPV4_AT_THE_END = (*_NAT64, *_networks("::/96", "::ffff:0:0:0/96"))
"""Prefixes in front of an IPv4 address: NAT64, and the obsolete compatible and translated forms."""

_UNLESS_ALLOWED: dict[str, tuple[Network, ...]] = {
    "loopback": _networks("127.0.0.0/8", "::1/128"),
    "private": _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    "shared by carriers (CGNAT)": _networks("100.64.0.0/10"),
    # These carry an IPv4 address to a gateway, which may stand inside.
    "translated IPv4 (NAT64, 6to4, Teredo)": (
        *_IPV4_AT_THE_END,
        *_networks("2002::/16", "2001::/32", "192.88.99.0/24"),
    ),
    "reserved": _networks(
        "192.0.0.0/24",
        "192.0.2.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
    ),
}


class AddressGuard:
    """Says which resolved addresses of a host may be connected to.

    ``allowed`` are networks and host names that may be posted to though they are private.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry))
            except ValueError:
                self._hosts.add(_name(entry))

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raises ``ConfigurationError`` BW3204 when any of ``addresses`` is off limits.

        One bad address refuses the host: a resolver that mixes public and internal answers is not to be trusted.
        """
        for text in addresses:
            address = ipaddress.ip_address(text)
            reason = why_blocked(address, never_only=self.names(host) or self._in_allowed_network(address))
            if reason:
                raise _blocked(host, reason)

    def names(self, host: str) -> bool:
        """True when ``host`` itself (a name, or an address in an allowed network) was allowed by configuration."""
        try:
            return self._in_allowed_network(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            return _name(host) in self._hosts

    def _in_allowed_network(self, address: Address) -> bool:
        return any(_within(address, network) for network in self._networks)


def why_blocked(address: Address, *, never_only: bool = False) -> str:
    """Why ``address`` may not be connected to; empty when it may. ``never_only`` leaves out what can be allowed."""
    rules = _NEVER if never_only else {**_NEVER, **_UNLESS_ALLOWED}
    for form in _forms(address):
        for reason, networks in rules.items():
            if any(_within(form, network) for network in networks):
                return reason
        # What the lists above do not know but the registry of special addresses does.
        if not never_only and not form.is_global:
            return "not a public address"
    return ""


def _forms(address: Address) -> list[Address]:
    """The address and the IPv4 address it carries, if any. A mapped one *is* the IPv4 address."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    # :: and ::1 are addresses of their own.
    carries = int(address) > 1 and any(_within(address, network) for network in _IPV4_AT_THE_END)
    return [address, last] if carries or _is_isatap(address) else [address]


def _is_isatap(address: IPv6Address) -> bool:
    """An interface id that says "the last four bytes are my IPv4 address", under any prefix."""
    return (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _name(host: str) -> str:
    return host.lower().rstrip(".")


def _blocked(host: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        "BW3204",
        "the webhook leads to an address that may not be posted to",
        where=f"WEBHOOK_URL, host {host}",
        why=f"it resolves to an address that is {reason}",
        fix="correct WEBHOOK_URL; a receiver in your own network is allowed by WEBHOOK_ALLOW_NETWORKS=10.1.0.0/16",
    )
