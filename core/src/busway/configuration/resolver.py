"""The resolver: asks the layers for a name, once for everybody who wants it, and remembers what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from busway.configuration.audit import AccessOutcome, SecretAudit
from busway.configuration.core_settings import SecretSettings
from busway.configuration.declarations import Declaration
from busway.configuration.flights import Flights
from busway.configuration.held_source import again
from busway.configuration.known_secrets import KnownSecrets
from busway.configuration.layers import Answer, Failed, Found, Layers, Outcome
from busway.configuration.memory import UNKNOWN, Memory, Resolved
from busway.configuration.transitions import Transitions
from busway.contracts.clock import Clock
from busway.errors import BuswayError, UnreachableError

__all__ = ["Resolved", "Resolver"]


class Resolver:
    """Resolves settings once and remembers the answer; safe to use from many threads.

    However many threads ask for a name at once, its sources are asked once, and all get the same answer or error; one
    that wants a refresh joins a question that is on its way. Secrets are read again when their time is over
    (:class:`busway.configuration.memory.Memory`), so that a rotated one is followed.

    When reading a secret again fails because its source is unreachable, the value read before serves for a while
    (``SECRET_STALE_SECONDS``). A ``RefusedError`` is a decision of the vault: access was taken away, or the secret
    was disabled. It is raised, however young the value is, and never papered over.

    :param limits: tells the settings of secrets; called when the first secret is resolved.
    """

    def __init__(
        self, layers: Layers, clock: Clock, limits: Callable[[], SecretSettings], transitions: Transitions
    ) -> None:
        self.layers = layers
        self.audit = SecretAudit(clock)
        self._clock = clock
        self._read_limits = limits
        self._limits: SecretSettings | None = None
        self._transitions = transitions
        self._memory = Memory(clock, self.limits)
        self._known = KnownSecrets(clock, lambda: self.limits().grace_seconds)
        self._flights: Flights[Outcome] = Flights()

    def resolve(
        self, declaration: Declaration, *, refresh: bool = False, reader: Callable[[], str] | None = None
    ) -> Found | None:
        """The value, asked from the layers when it is not remembered or ``refresh`` says so.

        :param reader: tells who is named in the audit, if a source has to be asked; default is the owner of the
            declaration.

        Raises what a source raises.
        """
        mark = self._memory.mark()
        outcome = UNKNOWN if refresh else self._memory.usable(declaration.name)
        if outcome is UNKNOWN:
            outcome = self._outcomes([declaration], mark, reader)[declaration.name]
        if isinstance(outcome, BuswayError):
            raise again(outcome)
        return outcome

    def resolve_each(
        self, declarations: Iterable[Declaration], *, reader: Callable[[], str] | None = None
    ) -> dict[str, Outcome]:
        """The same for many, with one question to each source; a failing source is an outcome, not an exception."""
        wanted = list(declarations)
        mark = self._memory.mark()
        outcomes = self._remembered(wanted)
        if len(outcomes) < len(wanted):
            outcomes |= self._outcomes([one for one in wanted if one.name not in outcomes], mark, reader)
        # Each caller has errors of its own, which it may raise.
        return {name: again(one) if isinstance(one, BuswayError) else one for name, one in outcomes.items()}

    def remembered(self, name: str) -> Resolved | None:
        """What is remembered under ``name``, fresh or not."""
        return self._memory.get(name)

    def remembered_names(self) -> list[str]:
        """Every name that is remembered, also of secrets that nobody declared."""
        return self._memory.names()

    @property
    def hot(self) -> Mapping[str, tuple[str, float]]:
        """Secrets as text, each with the moment of :meth:`now` until which it may be used without asking."""
        return self._memory.hot

    @property
    def now(self) -> Callable[[], float]:
        """Tells the time by which ages are reckoned."""
        return self._clock.monotonic

    def wall_clock_ns(self) -> int:
        """The time by which secrets expire, nanoseconds since the epoch."""
        return self._clock.now_ns()

    def limits(self) -> SecretSettings:
        """The settings of secrets, read once."""
        if self._limits is None:
            self._limits = self._read_limits()
        return self._limits

    def secret_values(self) -> frozenset[str]:
        """Every secret resolved so far, those of rotated ones included until their time of grace is over."""
        return self._known.values()

    def watch(self, receive: Callable[[str], None], retire: Callable[[str], None] | None = None) -> None:
        """Calls ``receive`` with every secret known and with each new one before anybody has it.

        :param retire: is called with a rotated-away one when its time of grace is over.
        """
        self._known.watch(receive, retire)

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to hear of secrets."""
        return self._known.is_watched

    def register(self, value: str, slot: str = "") -> None:
        """Takes note of a secret, and tells those who watch when it is new.

        :param slot: what the value is of; the earlier value of the same slot is retired like a rotated secret.
            Without it the value is known for good.
        """
        if slot:
            self._known.assign(slot, value)
        else:
            self._known.pin(value)

    def _outcomes(
        self, declarations: Iterable[Declaration], mark: int, reader: Callable[[], str] | None
    ) -> dict[str, Outcome]:
        """Asks for those that nobody is asking for, and waits for the others.

        :param mark: of the memory, from before the caller looked there: what has come since is as good as an answer.
        """
        waiting = {declaration.name: declaration for declaration in declarations}
        if any(declaration.is_secret for declaration in waiting.values()):
            # Before a question is open: the limits are settings themselves, and would wait for it.
            self.limits()
            self._known.retire_due()
        asker = reader() if reader is not None else ""
        outcomes: dict[str, Outcome] = {}
        while waiting:
            outcomes |= self._round(waiting, mark, asker)
            waiting = {name: declaration for name, declaration in waiting.items() if name not in outcomes}
        self._transitions.deliver()
        return outcomes

    def _round(self, waiting: Mapping[str, Declaration], mark: int, reader: str) -> dict[str, Outcome]:
        boarding = self._flights.board(waiting)
        outcomes: dict[str, Outcome] = {}
        try:
            if boarding.led:
                outcomes = self._lead([waiting[name] for name in boarding.led], mark, reader)
        finally:
            self._flights.land(boarding, outcomes)
        for name, flight in boarding.joined.items():
            answers = flight.wait()
            if name in answers:
                outcomes[name] = answers[name]
        return outcomes

    def _lead(self, declarations: list[Declaration], mark: int, reader: str) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        asked = declarations
        if self._memory.has_changed(mark):
            # Somebody else's question may have been answered between our look at the memory and now.
            outcomes = self._remembered(declarations, since=mark)
            asked = [declaration for declaration in declarations if declaration.name not in outcomes]
        for declaration, answer in zip(asked, self._ask(asked), strict=True):
            outcomes[declaration.name] = self._taken(declaration, answer, reader or declaration.owner)
        return outcomes

    def _remembered(self, declarations: Iterable[Declaration], *, since: int = -1) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for declaration in declarations:
            outcome = self._memory.usable(declaration.name, since)
            if outcome is not UNKNOWN:
                outcomes[declaration.name] = outcome
        return outcomes

    def _ask(self, declarations: list[Declaration]) -> list[Answer]:
        if len(declarations) == 1:
            return [self.layers.first(declarations[0])]
        answers = self.layers.first_of_each(declarations)
        return [answers[declaration.name] for declaration in declarations]

    def _taken(self, declaration: Declaration, answer: Answer, reader: str) -> Outcome:
        """Remembers an answer, and turns it into what the reader gets."""
        if declaration.is_secret:
            return self._taken_secret(declaration, answer, reader)
        if isinstance(answer, Found):
            self._memory.keep(declaration, answer)
            return answer
        error = answer.error if answer is not None else None
        if not isinstance(error, UnreachableError):
            self._memory.keep_negative(declaration.name, error)
        return error

    def _taken_secret(self, declaration: Declaration, answer: Answer, reader: str) -> Outcome:
        name = declaration.name
        if isinstance(answer, Failed):
            return self._failed_secret(name, answer, reader)
        if answer is None:
            self._memory.keep_negative(name, None)
            self._known.assign(name, None)
            self._note(name, "", "", reader, "missing")
            return None
        first = self._memory.get(name) is None
        if isinstance(answer.value, str):
            self._known.assign(name, answer.value)
        self._memory.keep(declaration, answer)
        self._note(name, answer.layer, answer.version, reader, "fetched" if first else "refreshed")
        return answer

    def _failed_secret(self, name: str, answer: Failed, reader: str) -> Outcome:
        if isinstance(answer.error, UnreachableError):
            found = self._memory.stale(name, answer.error.problem)
            if found is not None:
                self._note(name, answer.layer, found.version, reader, "stale")
                return found
        else:
            self._memory.keep_negative(name, answer.error)
        self._note(name, answer.layer, "", reader, "failed")
        return answer.error

    def _note(self, name: str, source: str, version: str, reader: str, outcome: AccessOutcome) -> None:
        self.audit.note(name=name, source=source, version=version, reader=reader, outcome=outcome)
