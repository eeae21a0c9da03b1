"""Reads one secret: tries, waits, and tries again, within the time that is left."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretValue
from busway.errors import RefusedError
from busway_secrets_keyvault.client import VaultClient
from busway_secrets_keyvault.deadline import Deadline
from busway_secrets_keyvault.failures import Failure, Judge, unreachable
from busway_secrets_keyvault.memory import FailureMemory
from busway_secrets_keyvault.values import secret_value

__all__ = ["ATTEMPTS", "Reader"]

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.1


class Reader:
    """One attempt after the other for one name; many threads may read at once.

    No attempt is begun that the time does not allow, and one that was begun is not cut short: who asked walks away
    from it, and how it ends tells whether the vault is away or slow.

    Until the vault has answered somebody, one thread asks alone: eight cold ones would ask for eight tokens, and can
    crash the client library.

    :param luck: a random number from 0 to 1, by which waits differ between processes.
    """

    def __init__(
        self, client: VaultClient, clock: Clock, memory: FailureMemory, luck: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._clock = clock
        self._memory = memory
        self._luck = luck
        self._alone = threading.Lock()
        self._warm = False

    def read(self, name: str, deadline: Deadline) -> SecretValue | None:
        """The secret written ``name``, or ``None`` when the vault has none. Raises what is wrong, coded."""
        if self._warm:
            return self._persist(name, deadline)
        alone = self._alone
        if not alone.acquire(timeout=deadline.left()):
            raise unreachable(self._client.url, "it has not answered the first request yet")
        try:
            return self._persist(name, deadline)
        finally:
            alone.release()

    def let_others_in(self) -> None:
        """The thread that asks alone is given up; the next one is not to wait for it."""
        self._alone = threading.Lock()

    def _persist(self, name: str, deadline: Deadline) -> SecretValue | None:
        attempt = 0
        while True:
            held = self._memory.held()
            if held is not None:
                raise held
            attempt += 1
            answer = self._attempt(name)
            if not isinstance(answer, Failure):
                return answer
            wait = max(answer.wait_seconds, self._backoff(attempt))
            if not answer.may_pass or attempt == ATTEMPTS or wait >= deadline.left():
                if deadline.left() > 0:
                    # Else nobody waits any more, and those who did have remembered the failure from then on.
                    self._memory.hold(answer.error, answer.hold_seconds)
                raise answer.error
            self._clock.sleep(wait)

    def _attempt(self, name: str) -> SecretValue | Failure | None:
        try:
            found = self._client.get(name)
            self._warm = True
            return secret_value(found, self._client.url, name)
        except RefusedError as error:
            return Failure(error)
        except Exception as error:
            failure = Judge(self._client.url, name, self._clock.now_ns(), self._client.credential_name).failure(error)
        # Judged out of the handler, so that no error drags the library's own along, whose text names callers.
        self._warm = self._warm or failure is None or not (failure.hold_seconds or failure.may_pass)
        return failure

    def _backoff(self, attempt: int) -> float:
        """Twice as long after each attempt, half of it by luck: those who failed together do not return together."""
        return float(FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * (0.5 + self._luck() / 2))
