"""The client: asks the server, each question with one deadline, and turns what goes wrong into coded errors."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from busway.errors import BuswayError
from busway_cache_redis.address import Address, address_of, credentials_of
from busway_cache_redis.forks import renew_in_children
from busway_cache_redis.pool import Pool
from busway_cache_redis.script import Script
from busway_cache_redis.settings import RedisSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from busway_cache_redis.line import Line

__all__ = ["Client"]

Word = bytes | str | int


class Client:
    """The server, for all threads of a process. Nothing is opened before the first question.

    Every question raises ``UnreachableError`` within the time-out: BW2006 and BW2025 to BW2031 for the server,
    BW2034 when all connections are in use. ``ConfigurationError`` BW2011 and BW2030, and what the secret chain
    raises, say that there is nothing to connect to or nobody to connect as.

    :param root: folder that a relative ``REDIS_CA_FILE`` begins at.
    """

    def __init__(self, settings: RedisSettings, root: Path) -> None:
        self._settings = settings
        self._root = root
        self.seconds = settings.timeout_ms / 1000
        self._address: Address | None = None
        self._pool: Pool | None = None
        self._make: Callable[[], Line] | None = None
        self.renew()
        renew_in_children(self)

    @property
    def address(self) -> Address:
        """Where the server is. It stays the same for the life of the client, though the password may change: what
        was said about its privacy holds for every connection. Raises BW2011."""
        if self._address is None:
            self._address = address_of(self._settings)
        return self._address

    def get(self, key: bytes) -> bytes | None:
        """The string under ``key``; a value of another type is ``b""``, which is no entry."""
        # Packed by hand: this is the path of every hit.
        pieces = [b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(key), key)]
        pool = self._pool or self._opened()
        line = pool.take()
        try:
            answer = line.ask(pieces, self.seconds, twice=True)
        except Exception as error:
            if str(error).startswith("WRONGTYPE"):
                return b""
            self._fail(error)
        finally:
            pool.give(line)
        if answer is not None and type(answer) is not bytes:
            self._fail(TypeError("GET is answered with text or nothing"))
        return answer

    def read(self, *command: Word) -> Any:
        """The answer to a command that may be carried out twice."""
        return self._ask(command, twice=True)

    def ask(self, *command: Word) -> Any:
        """The answer to a command that is sent once."""
        return self._ask(command, twice=False)

    def run(self, script: Script, keys: list[bytes], *arguments: Word) -> Any:
        """The answer of a Lua script, which the server is taught when it does not know it."""
        words = (len(keys), *keys, *arguments)
        known = self._ask((b"EVALSHA", script.sha, *words), twice=False, missing=script)
        return known if known is not script else self._ask((b"EVAL", script.body, *words), twice=False)

    def new_line(self) -> Line:
        """A connection beside those of the pool, not opened yet."""
        self._opened()
        assert self._make is not None  # noqa: S101 - made with the pool
        return self._make()

    def translate(self, error: Exception) -> BuswayError:
        """The coded form of what a connection raised."""
        if isinstance(error, BuswayError):
            return error
        from busway_cache_redis.failures import failure

        return failure(error, self.address)

    def close(self) -> None:
        """Closes every connection; a later question opens one for itself."""
        if self._pool is not None:
            self._pool.close()

    def _ask(self, command: tuple[Word, ...], *, twice: bool, missing: Script | None = None) -> Any:
        pool = self._pool or self._opened()
        line = pool.take()
        try:
            pieces = line.pack_command(*command)
            return line.ask(pieces, self.seconds, twice=twice)
        except Exception as error:
            if missing is not None and type(error).__name__ == "NoScriptError":
                return missing
            self._fail(error)
        finally:
            pool.give(line)

    def _fail(self, error: Exception) -> NoReturn:
        coded = self.translate(error)
        if coded is error:
            raise error
        # Without its cause where the answer made no sense: redis-py quotes it, and it may be somebody's data.
        raise coded from (None if coded.code == "BW2028" else error)

    def _opened(self) -> Pool:
        with self._lock:
            if self._pool is None:
                from busway_cache_redis.line import lines_to

                file = self._settings.ca_file
                ca_file = self._root / file.expanduser() if file is not None else None
                self._make = lines_to(self.address, lambda: credentials_of(self._settings), self.seconds, ca_file)
                self._pool = Pool(self._make, self._settings.max_connections, self.seconds)
            return self._pool

    def renew(self) -> None:
        """In a forked child: another thread may have held it."""
        self._lock = threading.Lock()
