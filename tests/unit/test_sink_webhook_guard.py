"""Which addresses a webhook may be sent to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.errors import ConfigurationError
from busway_sink_webhook.guard import AddressGuard, why_blocked

INTERNAL = [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "198.18.0.1",
    "192.0.0.1",
    "240.0.0.1",
    "192.0.2.1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::1",
    "2001::1",
    "::7f00:1",
    "2001:db8::1",
    "192.88.99.1",
    "198.51.100.1",
    "203.0.113.1",
    "100::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "3fff::1",
    "5f00::1",
    "::ffff:0:127.0.0.1",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.0.1",
    "64:ff9b::5db8:d822",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "ff02::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "169.254.170.2",
    "fd20:ce::254",
    "fd00:42::42",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "2606:4700::5efe:169.254.169.254",
    "ff0e::1",
]
PUBLIC = ["93.184.216.34", "1.1.1.1", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001:80b::200e", "172.32.0.1"]
EVERYTHING = ("0.0.0.0/0", "::/0", "internal.example.test")


@pytest.mark.parametrize("address", INTERNAL + NEVER)
def test_internal_addresses_are_blocked(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AddressGuard().check("hooks.example.test", [address])
    assert caught.value.code == "BW3204"
    assert "hooks.example.test" in caught.value.problem.where


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    AddressGuard().check("hooks.example.test", [address])


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("host", ["hooks.example.test", "internal.example.test"])
def test_some_are_blocked_whatever_is_allowed(address: str, host: str) -> None:
    with pytest.raises(ConfigurationError):
        AddressGuard(EVERYTHING).check(host, [address])


def test_loopback_can_be_allowed_in_both_families() -> None:
    AddressGuard(["127.0.0.1/32", "::1/128"]).check("localhost", ["::1", "127.0.0.1"])


def test_one_bad_address_refuses_the_host() -> None:
    with pytest.raises(ConfigurationError):
        AddressGuard().check("hooks.example.test", ["93.184.216.34", "10.0.0.1"])


def test_a_network_allows_its_addresses_and_no_others() -> None:
    guard = AddressGuard(["10.1.0.0/16"])
    guard.check("hooks.example.test", ["10.1.2.3"])
    with pytest.raises(ConfigurationError):
        guard.check("hooks.example.test", ["10.1.2.3", "10.2.0.1"])


@pytest.mark.parametrize("host", ["internal.example.test", "INTERNAL.example.test."])
def test_a_host_is_allowed_by_name(host: str) -> None:
    AddressGuard(["Internal.example.test"]).check(host, ["10.0.0.1"])


def test_a_name_allows_no_other_name() -> None:
    with pytest.raises(ConfigurationError):
        AddressGuard(["internal.example.test"]).check("not-internal.example.test", ["10.0.0.1"])


@given(st.ip_addresses())
def test_what_passes_is_public_by_the_registry_too(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not why_blocked(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_one_it_maps(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    assert why_blocked(mapped) == why_blocked(address)


@pytest.mark.parametrize(
    ("host", "named"), [("10.1.2.3", True), ("10.2.2.3", False), ("box", True), ("box2", False), ("[::1]", False)]
)
def test_naming_is_by_text_not_by_resolution(host: str, named: bool) -> None:
    assert AddressGuard(["10.1.0.0/16", "box"]).names(host) is named
