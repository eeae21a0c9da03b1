"""The table ``[service]``: where the service listens, who may do what, and how it stops."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from busway.contracts.durations import parse_duration
from busway.errors import ConfigurationError, Problem
from busway.operation.table_reading import Readers, TableReading, Where, flag, text

__all__ = ["AUTH_MODES", "Network", "ProxyPolicy", "Role", "ServicePolicy", "TokenPolicy"]

AUTH_MODES = ("loopback", "token", "proxy")
LISTEN = ("127.0.0.1", 8765)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ACTOR = re.compile(r"[\w@.+-]{1,64}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}")


class Role(IntEnum):
    """What somebody may do; each may do what the one before may."""

    VIEWER = 1
    """Look."""
    OPERATOR = 2
    """Start runs, pause and resume, try records again, make cached data invalid."""
    ADMIN = 3
    """Decide on held plans, and dismiss records."""


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """One token: what it allows, and the SHA-256 of its text. The text itself is in no file of ours."""

    role: Role
    sha256: str


@dataclass(frozen=True, slots=True)
class ProxyPolicy:
    """A reverse proxy that has signed people in."""

    peers: tuple[Network, ...] = ()
    """Where its connections come from; the header of anybody else is refused."""
    user_header: str = "X-Forwarded-User"
    roles: Mapping[str, Role] = field(default_factory=dict)
    """By user; ``*`` is everybody the proxy names."""


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """The ``[service]`` table of a deployment. Times are seconds."""

    host: str = LISTEN[0]
    port: int = LISTEN[1]
    auth: str = "loopback"
    """``loopback``: no login, from this machine only; ``token``; ``proxy``."""
    allowed_hosts: tuple[str, ...] = ()
    """Names in the Host header that are served, besides those of loopback where the service listens there; empty with
    a login = any."""
    grace_seconds: float = 25.0
    """From the signal to stop to the end of the process, at most."""
    reads_per_minute: int = 600
    """Of one client, as far as it is known; 0 = any number."""
    changes_per_minute: int = 60
    max_body_bytes: int = 64 * 1024
    waiting_runs: int = 100
    """Runs that may wait; one more is refused."""
    open_metrics: bool = False
    """Metrics are shown without a login."""
    least_free_bytes: int = 100 * 1024 * 1024
    """The service is not ready while the disk of the state folder has less left."""
    most_pending: int = 1_000_000
    """The service is not ready while more events wait for a required sink."""
    tokens: Mapping[str, TokenPolicy] = field(default_factory=dict)
    """By the name of whom they were given to, who is the actor of what is done with them."""
    proxy: ProxyPolicy = field(default_factory=ProxyPolicy)

    @property
    def is_loopback(self) -> bool:
        """Whether it listens for this machine alone."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def address(self) -> str:
        """``127.0.0.1:8765`` or ``[::1]:8765``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def from_table(
        cls, table: Mapping[str, Any], where: Where, overrides: Mapping[str, str] | None = None
    ) -> ServicePolicy:
        """What ``[service]`` says, with what the command line says instead.

        Raises ``ConfigurationError`` with everything that is wrong: BW8104 for a key or value, BW8105 for a service
        that others reach without a login, BW8106 for a login nobody could pass.
        """
        reading = TableReading("service", "BW8104", where)
        values = reading.values({**table, **(overrides or {})}, _READERS)
        host, port = values.pop("listen", LISTEN)
        tables = values.pop("tokens", {}), values.pop("proxy", {})
        tokens, proxy = _tokens(tables[0], reading), _proxy(tables[1], reading)
        policy = cls(host=host, port=port, tokens=tokens, proxy=proxy, **values)
        problems = [*reading.problems, *([] if reading.problems else _unsafe(policy, where))]
        if problems:
            raise ConfigurationError.of(problems)
        return policy


def _unsafe(policy: ServicePolicy, where: Where) -> list[Problem]:
    if policy.auth == "loopback" and not policy.is_loopback:
        return [
            Problem(
                "BW8105",
                f"the service would listen on {policy.address} without a login",
                where("listen"),
                "whoever reaches that address could start runs and allow held plans",
                'set auth = "token" or auth = "proxy" under [service], or listen = "127.0.0.1:8765"',
            )
        ]
    if policy.auth == "token" and not policy.tokens:
        return [_nobody("token", "there is no [service.tokens]", "busway serve --new-token NAME:operator", where)]
    if policy.auth == "proxy" and not (policy.proxy.peers and policy.proxy.roles):
        missing = "peers" if not policy.proxy.peers else "roles"
        return [_nobody("proxy", f"[service.proxy] {missing} is empty", "see busway explain BW8106", where)]
    return []


def _nobody(auth: str, why: str, fix: str, where: Where) -> Problem:
    return Problem("BW8106", f'auth = "{auth}", and nobody could sign in', where("auth"), why, fix)


def _tokens(table: Mapping[str, Any], reading: TableReading) -> dict[str, TokenPolicy]:
    found = {}
    for name, own in table.items():
        path = ("tokens", name)
        if not _ACTOR.fullmatch(name):
            reading.add(f"{name!r} is no name: letters, digits, @ . + - and _", path)
        elif not isinstance(own, Mapping):
            reading.add(f'{name} is no table: {{ role = "operator", sha256 = "…" }}', path)
        else:
            values = reading.values(own, _TOKEN_READERS, path)
            if len(values) == len(_TOKEN_READERS):
                found[name] = TokenPolicy(**values)
            elif set(own) <= set(_TOKEN_READERS) and len(own) < len(_TOKEN_READERS):
                reading.add(f"{name} lacks {' and '.join(sorted(set(_TOKEN_READERS) - set(own)))}", path)
    return found


def _proxy(table: Mapping[str, Any], reading: TableReading) -> ProxyPolicy:
    return ProxyPolicy(**reading.values(table, _PROXY_READERS, ("proxy",)))


def _listen(value: object) -> tuple[str, int]:
    host, _, port = text(value).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError("an address with a port, such as 127.0.0.1:8765 or [::1]:8765")
    return host, int(port)


def _auth(value: object) -> str:
    if value not in AUTH_MODES:
        raise ValueError(f"one of {', '.join(AUTH_MODES)}")
    return str(value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise ValueError('a list of names, such as ["busway.internal"]')
    return tuple(name.strip().lower() for name in value)


def _seconds(value: object) -> float:
    seconds = parse_duration(value)
    if not 1 <= seconds <= 3_600:
        raise ValueError("between 1s and 1h")
    return seconds


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000_000:
        raise ValueError("a whole number from 0")
    return value


def _kibibytes(value: object) -> int:
    return max(1, _number(value)) * 1024


def _mebibytes(value: object) -> int:
    return _number(value) * 1024 * 1024


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a table")
    return value


def _role(value: object) -> Role:
    name = value.strip().upper() if isinstance(value, str) else ""
    if name not in Role.__members__:
        raise ValueError(f"one of {', '.join(one.lower() for one in Role.__members__)}")
    return Role[name]


def _sha256(value: object) -> str:
    found = value.strip().lower() if isinstance(value, str) else ""
    if not _SHA256.fullmatch(found):
        raise ValueError("the SHA-256 of a token, 64 hexadecimal digits: busway serve --new-token makes both")
    return found


def _peers(value: object) -> tuple[Network, ...]:
    names = _names(value)
    try:
        return tuple(ipaddress.ip_network(name) for name in names)
    except ValueError as error:
        raise ValueError(f'a list of addresses or networks, such as ["10.0.3.7", "10.4.0.0/16"]: {error}') from None


def _roles(value: object) -> Mapping[str, Role]:
    return {name: _role(role) for name, role in _table(value).items()}


def _header(value: object) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ValueError("the name of a header, such as X-Forwarded-User")
    return value


_READERS: Readers = {
    "listen": ("listen", _listen),
    "auth": ("auth", _auth),
    "allowed_hosts": ("allowed_hosts", _names),
    "grace": ("grace_seconds", _seconds),
    "reads_per_minute": ("reads_per_minute", _number),
    "changes_per_minute": ("changes_per_minute", _number),
    "max_body_kb": ("max_body_bytes", _kibibytes),
    "waiting_runs": ("waiting_runs", _number),
    "open_metrics": ("open_metrics", flag),
    "least_free_mb": ("least_free_bytes", _mebibytes),
    "most_pending": ("most_pending", _number),
    "tokens": ("tokens", _table),
    "proxy": ("proxy", _table),
}
_TOKEN_READERS: Readers = {"role": ("role", _role), "sha256": ("sha256", _sha256)}
_PROXY_READERS: Readers = {
    "peers": ("peers", _peers),
    "user_header": ("user_header", _header),
    "roles": ("roles", _roles),
}
