"""A line: one connection to the server, with one deadline for everything a question needs.

The protocol, the parser, TLS and AUTH are redis-py's. Its client and pool are not used: they cost more than the
question itself (23 of 43 microseconds for a short GET), wait for each byte anew, and tell the server about
themselves at every connection.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from redis.backoff import NoBackoff
from redis.connection import Connection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, ConnectionError, RedisError, ResponseError
from redis.retry import Retry

from busway.errors import ConfigurationError
from busway_cache_redis.address import Address, Credentials
from busway_cache_redis.deadline import Deadline, DeadlineSocket
from busway_cache_redis.forks import renew_in_children

__all__ = ["Line", "lines_to"]

Pieces = list[bytes]
"""A packed command, ready to be sent."""


class _Who:
    """The credentials of one connection, read when it is made, so that a rotated password is used at the next one."""

    def __init__(self, read: Callable[[], Credentials]) -> None:
        self._read = read
        self._used: Credentials = ()

    def get_credentials(self) -> Credentials:
        """Called by redis-py whenever it has connected."""
        self._used = self._read()
        return self._used

    def changed(self) -> bool:
        """Whether the chain has others by now than those that were refused."""
        return self._read() != self._used


class Line(Protocol):
    """What the rest of the package uses of a connection."""

    deadline: Deadline

    def ask(self, pieces: Pieces, seconds: float, *, twice: bool) -> Any:
        """The answer to one command; see :class:`_Asking`."""
        ...

    def pack_command(self, *command: bytes | str | int) -> Pieces:
        """A command, ready to be sent."""
        ...

    def tell(self, *command: bytes) -> None:
        """Sends a command whose answer is read later."""
        ...

    def open(self) -> None:
        """Connects where that has to be done."""
        ...

    def can_read(self) -> bool:
        """Something has arrived. Raises ``ConnectionError`` when the connection was closed."""
        ...

    def read_response(self) -> Any:
        """The next answer or message."""
        ...

    def fileno(self) -> int:
        """For a selector."""
        ...

    def disconnect(self) -> None:
        """Closes the connection; the next question opens it again."""
        ...


class _Asking:
    """Questions and answers over redis-py's connection; mixed into the kinds of connections below."""

    if TYPE_CHECKING:  # what it is mixed into has these, untyped
        host: str
        is_connected: bool
        _sock: Any

        def connect(self) -> None: ...
        def disconnect(self) -> None: ...
        def can_read(self) -> bool: ...
        def read_response(self) -> Any: ...
        def pack_command(self, *command: bytes | str | int) -> Pieces: ...
        def send_packed_command(self, command: Pieces, check_health: bool) -> None: ...
        def _connect(self) -> socket.socket: ...

    def __init__(self, who: _Who, **options: Any) -> None:
        self.deadline = Deadline()
        self._who = who
        options |= {
            "credential_provider": who,
            # A connection that says HELLO and who we are asks three questions before the first one.
            "protocol": 2,
            "driver_info": None,
            # The level's breaker decides when to try again. By default redis-py retries ten times.
            "retry": Retry(NoBackoff(), 0),
        }
        super().__init__(**options)

    def ask(self, pieces: Pieces, seconds: float, *, twice: bool) -> Any:
        """Sends one command and returns its answer.

        :param seconds: for everything together: connecting, signing in and the answer.
        :param twice: the command may be carried out twice; then a connection that broke since its last use (the
            server was restarted) does not fail the question. Turned away unread (``NOAUTH``), it is always repeated.

        Raises what redis-py raises, ``ValueError`` or ``RecursionError`` for an answer that makes no sense, and what
        the secret chain raises.
        """
        self.deadline.start(seconds)
        try:
            used_before = self._is_clean()
            if not used_before:
                self.open()
            try:
                return self._answer(pieces)
            except AuthenticationError:
                if not used_before:
                    raise
            except ConnectionError as error:
                if not (used_before and twice and type(error) is ConnectionError):
                    raise
            self.open()
            return self._answer(pieces)
        except ResponseError:
            raise  # an answer like any other: the next one will fit its question
        except BaseException:
            # Whatever interrupted us, an answer may still be on its way, and it is nobody else's.
            self.disconnect()
            raise

    def tell(self, *command: bytes) -> None:
        """Sends a command whose answer is read later."""
        self.send_packed_command(self.pack_command(*command), False)

    def open(self) -> None:
        """Connects and signs in; refused credentials are read once more, in case they have just been rotated."""
        try:
            self.connect()
        except AuthenticationError:
            if not self._who.changed():
                raise
            self.connect()

    def fileno(self) -> int:
        """For a selector."""
        return cast(DeadlineSocket, self._sock).fileno()

    @property
    def socket_connect_timeout(self) -> float:
        """What is left of the deadline: a name with many addresses gets no more than a single one."""
        return self.deadline.left()

    def _answer(self, pieces: Pieces) -> Any:
        self.send_packed_command(pieces, False)
        return self.read_response()

    def _is_clean(self) -> bool:
        """Connected, not closed by the server meanwhile, and nothing there that was not asked for."""
        if not self.is_connected:
            return False
        try:
            if not self.can_read():
                return True
        except (RedisError, OSError):
            pass  # closed: the same as something left over
        self.disconnect()
        return False


class _TcpLine(_Asking, Connection):  # type: ignore[misc]
    def _connect(self) -> Any:
        return DeadlineSocket(super()._connect(), self.deadline)


class _TlsLine(_Asking, Connection):  # type: ignore[misc]
    def __init__(self, who: _Who, context: Callable[[], ssl.SSLContext], **options: Any) -> None:
        self._context = context
        super().__init__(who, **options)

    def _connect(self) -> Any:
        # Not redis-py's own TLS: that reads the system's authorities again at every connection (20 ms).
        context = self._context()
        plain: socket.socket = super()._connect()
        try:
            plain.settimeout(self.deadline.left())
            return DeadlineSocket(context.wrap_socket(plain, server_hostname=self.host), self.deadline)
        except BaseException:
            plain.close()
            raise


class _UnixLine(_Asking, UnixDomainSocketConnection):  # type: ignore[misc]
    def _connect(self) -> Any:
        return DeadlineSocket(super()._connect(), self.deadline)


class _Trust:
    """The TLS context of one level, made at its first connection."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        renew_in_children(self)

    def __call__(self) -> ssl.SSLContext:
        """The context. Raises ``ConfigurationError`` BW2030 when the file of authorities cannot be read."""
        with self._lock:
            if self._context is None:
                self._context = self._read()
            return self._context

    def _read(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise ConfigurationError(
                "BW2030",
                "the authorities that sign the certificate of Redis cannot be read",
                where=f"{self._ca_file} (setting REDIS_CA_FILE)",
                why=error.strerror or type(error).__name__,
                fix="name a readable PEM file, or remove REDIS_CA_FILE to trust the system's authorities",
            ) from error

    def renew(self) -> None:
        """In a forked child: another thread may have held it."""
        self._lock = threading.Lock()


def lines_to(
    address: Address, read: Callable[[], Credentials], seconds: float, ca_file: Path | None
) -> Callable[[], Line]:
    """What makes connections to ``address``; each connects at its first question."""
    common: dict[str, Any] = {"db": address.db, "socket_timeout": seconds}
    if address.path:
        return lambda: _UnixLine(_Who(read), path=address.path, **common)
    common |= {"host": address.host, "port": address.port}
    if not address.tls:
        return lambda: _TcpLine(_Who(read), **common)
    trust = _Trust(ca_file)
    return lambda: _TlsLine(_Who(read), trust, **common)
