"""The Key Vault source: secrets by name, each question within its time, an outage paid for once and not sixty times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from logging import Logger
from typing import TYPE_CHECKING

from busway.contracts.clock import Clock
from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, UnreachableError
from busway.metrics.registry import Metrics
from busway_secrets_keyvault.address import vault_url
from busway_secrets_keyvault.client import VaultClient
from busway_secrets_keyvault.crew import Crew, Outcome, Overdue
from busway_secrets_keyvault.deadline import Deadline
from busway_secrets_keyvault.failures import HOLD_SECONDS, broken, token_overdue, unreachable
from busway_secrets_keyvault.memory import FailureMemory, again
from busway_secrets_keyvault.names import collisions, shown, vault_name_of
from busway_secrets_keyvault.reader import Reader
from busway_secrets_keyvault.settings import budget_seconds
from busway_secrets_keyvault.values import check_time

if TYPE_CHECKING:
    from busway_secrets_keyvault.settings import KeyVaultSettings

__all__ = ["KeyVaultSource"]


class KeyVaultSource:
    """Reads secrets by their environment names, ``_`` written as ``-``. Safe to use from many threads.

    Needs the permission to get secrets, not to list them. A call ends within ``budget`` seconds whatever the vault,
    the network or a credential does, and those who ask for one name at once share one request. Errors: BW1402 (a name
    no vault can hold), BW1403 (credential), BW1404 and BW1405 (forbidden, disabled), BW1406, BW1408 and BW1409 (away,
    throttling, a credential that hangs), BW1407 (no sense), BW1410 (two settings with one name in the vault), BW1411
    and BW1412 (expired, not yet valid: only when such are to be refused), BW1414 (the client library broke).
    """

    serves_settings = False

    def __init__(
        self,
        client: VaultClient,
        clock: Clock,
        budget: float,
        *,
        refuse_expired: bool,
        metrics: Metrics,
        logger: Logger,
    ) -> None:
        self.budget = budget
        """Seconds that one call may take."""
        self._client = client
        self._clock = clock
        self._refuse_expired = refuse_expired
        self._logger = logger
        left_behind = metrics.counter(
            "busway_keyvault_left_behind_total", "Threads left behind in a call to the vault that hung."
        )
        self._memory = FailureMemory(clock)
        self._reader = Reader(client, clock, self._memory)
        self._crew = Crew(self._outcome, self._late, left_behind)
        self._collisions: dict[str, BuswayError] = {}
        self._missing: set[str] = set()

    @classmethod
    def of(cls, context: PluginContext[KeyVaultSettings]) -> KeyVaultSource:
        """The source that the settings describe; connects to nothing. Raises BW1401 and BW1413."""
        settings = context.settings
        budget = budget_seconds(settings, context.call_seconds)
        client = VaultClient(vault_url(settings), settings.timeout_seconds, budget, context.doubles)
        return cls(
            client,
            context.clock,
            budget,
            refuse_expired=settings.refuse_expired,
            metrics=context.metrics,
            logger=context.logger,
        )

    @property
    def stuck(self) -> int:
        """Threads that were left behind in a call that hangs; at most 10, and each ends with its call."""
        return self._crew.stuck

    def fetch(self, name: str) -> SecretValue | None:
        """The latest version of the secret; ``None`` when the vault has none of this name."""
        written = vault_name_of(name)
        if name in self._collisions:
            raise again(self._collisions[name])
        outcome = self._ask([written])[written]
        if isinstance(outcome, BuswayError):
            raise again(outcome)
        return outcome

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        """Those of ``names`` the vault has, and an error for each that it refuses.

        Raises ``UnreachableError`` when the vault answered for none of them.
        """
        wanted = list(dict.fromkeys(names))
        self._collisions |= collisions(wanted)
        refused, written = self._written(wanted)
        outcomes = self._ask(written.values()) if written else {}
        if outcomes and all(isinstance(outcome, UnreachableError) for outcome in outcomes.values()):
            raise again(_first_error(outcomes.values()))
        answers: dict[str, SecretValue | BuswayError] = dict(refused)
        for name, known_as in written.items():
            outcome = outcomes[known_as]
            if outcome is not None:
                answers[name] = again(outcome) if isinstance(outcome, BuswayError) else outcome
        return answers

    def names(self) -> Iterable[str]:
        """Nothing: listing is a permission of its own, which reading does not need."""
        return ()

    def locate(self, name: str) -> str:
        """``https://acme.vault.azure.net DB-PASSWORD``, with a hint when it was looked for in vain.

        A deleted secret that can be recovered looks like one that never was; telling them apart takes a permission
        that reading does not need.
        """
        written = name.replace("_", "-")
        return f"{self._client.url} {shown(written)}" + (
            " (missing or soft-deleted)" if written in self._missing else ""
        )

    def close(self) -> None:
        """Closes connections."""
        self._client.close()

    def _written(self, names: Iterable[str]) -> tuple[dict[str, BuswayError], dict[str, str]]:
        """What cannot be asked, with the reason, and the rest with their names in the vault."""
        refused: dict[str, BuswayError] = {}
        written: dict[str, str] = {}
        for name in names:
            try:
                written[name] = vault_name_of(name)
            except BuswayError as error:
                refused[name] = error
        for name in self._collisions.keys() & written.keys():
            refused[name] = again(self._collisions[name])
            del written[name]
        return refused, written

    def _ask(self, written: Iterable[str]) -> dict[str, Outcome]:
        held = self._memory.held() or self._token_trouble()
        if held is not None:
            return dict.fromkeys(written, held)
        outcomes = self._crew.read(written, Deadline(self._clock, self.budget))
        late = [name for name, outcome in outcomes.items() if outcome is Overdue.OVERDUE]
        error = self._overdue() if late else None
        return {name: error if isinstance(outcome, Overdue) else outcome for name, outcome in outcomes.items()}

    def _token_trouble(self) -> BuswayError | None:
        """While a credential hangs in a thread that was left behind, no second thread is sent to wait for it."""
        if self._client.token_is_asked and self._crew.stuck:
            return token_overdue(self._client.url)
        return None

    def _overdue(self) -> BuswayError:
        if self._client.token_is_asked:
            error = token_overdue(self._client.url, self.budget)
        else:
            error = unreachable(self._client.url, f"no answer within {self.budget:g} s")
            self._reader.let_others_in()
        stuck = self._crew.stuck
        if stuck == 0:
            # Slow, and not hanging: all requests that were begun have been answered, and the next call gets further.
            return error
        if self._memory.held() is None:
            self._logger.warning("%s (%s); threads left behind: %d", error.problem.what, error.problem.why, stuck)
        self._memory.hold(error, HOLD_SECONDS)
        return error

    def _outcome(self, written: str, deadline: Deadline) -> Outcome:
        """Reads in a thread of the crew; whatever is raised is an outcome, or nobody would ever hear of it."""
        try:
            value = self._reader.read(written, deadline)
            self._note(written, value)
            if value is not None and self._refuse_expired:
                check_time(value, self._client.url, written, self._clock.now_ns())
            return value
        except BuswayError as error:
            return error
        except BaseException as error:
            return broken(error, self._client.url)

    def _note(self, written: str, value: SecretValue | None) -> None:
        if value is None:
            self._missing.add(written)
        else:
            self._missing.discard(written)

    def _late(self, outcome: Outcome) -> None:
        """A call that was left behind has ended: with an answer, the vault is there again."""
        if not isinstance(outcome, BuswayError):
            self._memory.clear()


def _first_error(outcomes: Iterable[Outcome]) -> BuswayError:
    return next(outcome for outcome in outcomes if isinstance(outcome, BuswayError))
