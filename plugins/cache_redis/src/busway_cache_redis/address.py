"""Where the server is: from ``REDIS_URL``, or from the settings it replaces."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from busway.errors import ConfigurationError
from busway_cache_redis.settings import RedisSettings

__all__ = ["Address", "Credentials", "address_of", "credentials_of"]

Credentials = tuple[str, ...]
"""What ``AUTH`` is called with: nothing, a password, or a user and a password."""

DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, without credentials: it may be shown."""

    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""
    """Of a unix socket, in place of host and port."""
    db: int = 0
    tls: bool = False

    def __str__(self) -> str:
        return self.path or f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Nobody between us and the server can read what is sent: TLS, a unix socket, or this very host.

        Decided by the name alone; a name that happens to resolve to this host may resolve to another one tomorrow.
        """
        return self.tls or bool(self.path) or _is_loopback(self.host)


def address_of(settings: RedisSettings) -> Address:
    """The address in force. Raises ``ConfigurationError`` BW2011 for a URL that is none."""
    if settings.url is not None:
        return _parsed(settings.url.get_secret_value())[0]
    return Address(settings.host, settings.port, db=settings.db, tls=settings.tls)


def credentials_of(settings: RedisSettings) -> Credentials:
    """Who we are, as the secret chain has it now. Raises what the chain raises, and BW2011."""
    if settings.url is not None:
        return _parsed(settings.url.get_secret_value())[1]
    password = settings.password.get_secret_value() if settings.password is not None else ""
    return _credentials(settings.username, password)


def _credentials(username: str, password: str) -> Credentials:
    if username:
        return (username, password)
    return (password,) if password else ()


def _parsed(url: str) -> tuple[Address, Credentials]:
    found = _read(url)
    # Raised here and not where it was noticed: the parser's message may quote the URL, and with it a password.
    if found is None:
        raise ConfigurationError(
            "BW2011",
            "REDIS_URL is not the address of a Redis server",
            where="setting REDIS_URL",
            why="it is written redis://[user:password@]host[:port][/database], rediss:// for TLS, without options",
            fix="encode special characters of the password with %, and set REDIS_TIMEOUT_MS for the time-out",
        )
    return found


def _read(url: str) -> tuple[Address, Credentials] | None:
    try:
        parts = urlsplit(url.strip())
        address = _address(parts)
    except ValueError:
        return None
    if address is None:
        return None
    return address, _credentials(unquote(parts.username or ""), unquote(parts.password or ""))


def _address(parts: SplitResult) -> Address | None:
    # Options after ? would be settings that no list of settings shows.
    if parts.query or parts.fragment:
        return None
    path = unquote(parts.path)
    if parts.scheme == "unix":
        return Address(path=path) if path.strip("/") else None
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        return None
    db = int(path.strip("/") or "0")
    port = DEFAULT_PORT if parts.port is None else parts.port
    return Address(unquote(parts.hostname), port, db=db, tls=parts.scheme == "rediss") if db >= 0 else None


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
