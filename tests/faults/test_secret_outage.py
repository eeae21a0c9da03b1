"""A secret source in trouble: it is left alone, old values serve for a while, and each turn is told once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.configuration_parts import AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.manager import ConfigManager
from busway.configuration.transitions import SourceTransition
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError

VALUE = "synthetic-token-1"
AWAY = UnreachableError("BW9999", "the vault is away", why="it does not answer", fix="wait")
STRANGER = RefusedError("BW9997", "the vault does not know us", status=401)
FORBIDDEN = RefusedError("BW9998", "the vault does not let us", status=403)


class BusyError(UnreachableError):
    """An error of a source that knows how long it wants to be left alone."""

    def __init__(self, hold_seconds: Any) -> None:
        super().__init__("BW9996", "the vault is busy")
        self.hold_seconds = hold_seconds


def opened(tmp_path: Path, vault: Vault, clock: ManualClock | None = None, **environ: str) -> ConfigManager:
    models = (AcmeSettings, TokenSettings)
    return open_config(tmp_path, {"ACME_REGION": "eu", **environ}, models=models, vault=vault, clock=clock)


def outcome(config: ConfigManager, name: str = "ACME_TOKEN", *, refresh: bool = False) -> str:
    try:
        return config.get_secret(name, refresh=refresh)
    except BuswayError as error:
        return error.code


# -- left alone


@pytest.mark.parametrize("error", [AWAY, STRANGER], ids=["away", "credential"])
def test_a_source_that_failed_is_not_asked_for_30_seconds(tmp_path: Path, error: BuswayError) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}, error=error), ManualClock()
    config = opened(tmp_path, vault, clock)
    assert outcome(config) == error.code
    vault.error = None
    clock.advance(29.9)
    for name in ("ACME_TOKEN", "ACME_PASSWORD", "OTHER"):
        assert outcome(config, name, refresh=True) == error.code
    assert config.prefetch(["ACME_TOKEN"])["ACME_TOKEN"] == error.problem
    assert config.explain("ACME_TOKEN").problem == error.problem
    assert len(vault.asked) == 1
    clock.advance(1)
    assert outcome(config) == VALUE
    assert len(vault.asked) == 2


@pytest.mark.parametrize("error", [FORBIDDEN, ConfigurationError("BW9995", "no vault can hold this name")])
def test_what_concerns_one_name_holds_no_other(tmp_path: Path, error: BuswayError) -> None:
    class Picky(Vault):
        def fetch(self, name: str) -> SecretValue | None:
            found = super().fetch(name)
            if name == "OTHER":
                raise error
            return found

    config = opened(tmp_path, Picky({"ACME_TOKEN": VALUE}))
    turns: list[SourceTransition] = []
    config.watch_transitions(turns.append)
    assert outcome(config, "OTHER") == error.code
    assert outcome(config) == VALUE
    assert turns == []


@pytest.mark.parametrize(
    ("implied", "held"), [(5, 5), (120.5, 120.5), (900, 900), (10_000, 900), (0, 0), (-1, 0), ("7", 30), (None, 30)]
)
def test_a_source_may_say_how_long_it_is_left_alone(tmp_path: Path, implied: Any, held: float) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}, error=BusyError(implied)), ManualClock()
    config = opened(tmp_path, vault, clock)
    assert outcome(config) == "BW9996"
    vault.error = None
    if held:
        clock.advance(held - 0.25)
        assert outcome(config) == "BW9996"
        clock.advance(0.25)
    assert outcome(config) == VALUE


def test_a_name_no_vault_can_hold_does_not_use_up_the_next_try(tmp_path: Path) -> None:
    class Strict(Vault):
        def fetch(self, name: str) -> SecretValue | None:
            if "_" not in name:
                raise ConfigurationError("BW9995", "not a name")
            return super().fetch(name)

    vault, clock = Strict({"ACME_TOKEN": VALUE}, error=AWAY), ManualClock()
    config = opened(tmp_path, vault, clock)
    assert outcome(config) == "BW9999"
    vault.error = None
    clock.advance(30)
    assert outcome(config, "ILLEGAL") == "BW9995"
    assert outcome(config) == VALUE


def test_after_the_hold_one_question_goes_through_and_the_others_do_not_wait_for_it(tmp_path: Path) -> None:
    class Slow(Vault):
        def fetch(self, name: str) -> SecretValue | None:
            if self.asked:
                inside.set()
                assert go_on.wait(10)
            return super().fetch(name)

    inside, go_on = threading.Event(), threading.Event()
    vault, clock = Slow({"ACME_TOKEN": VALUE}, error=AWAY), ManualClock()
    config = opened(tmp_path, vault, clock)
    outcome(config)
    vault.error = None
    clock.advance(30)
    probing = threading.Thread(target=outcome, args=(config,))
    probing.start()
    assert inside.wait(10)
    assert [outcome(config, f"OTHER_{number}") for number in range(8)] == ["BW9999"] * 8
    go_on.set()
    probing.join(10)
    assert vault.asked == ["ACME_TOKEN"] * 2
    assert outcome(config) == VALUE


def test_an_answer_from_before_the_failure_does_not_end_the_hold(tmp_path: Path) -> None:
    class Late(Vault):
        def fetch(self, name: str) -> SecretValue | None:
            if name == "EARLY_BIRD":
                inside.set()
                assert go_on.wait(10)
                return SecretValue("synthetic-early")
            return super().fetch(name)

    inside, go_on = threading.Event(), threading.Event()
    vault = Late(error=AWAY)
    config = opened(tmp_path, vault)
    early = threading.Thread(target=outcome, args=(config, "EARLY_BIRD"))
    early.start()
    assert inside.wait(10)
    assert outcome(config) == "BW9999"
    go_on.set()
    early.join(10)
    vault.error = None
    assert outcome(config) == "BW9999"
    assert outcome(config, "EARLY_BIRD") == "synthetic-early"


def test_one_name_of_many_that_meets_an_outage_holds_the_source(tmp_path: Path) -> None:
    class Throttled(Vault):
        def fetch_many(self, names: Iterable[str]) -> Any:
            answers: dict[str, Any] = dict(super().fetch_many(names))
            return answers | {"ACME_PASSWORD": BusyError(60), "OTHER": FORBIDDEN}

    vault, clock = Throttled({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    problems = config.prefetch(["ACME_TOKEN", "ACME_PASSWORD", "OTHER"])
    assert {name: problem.code for name, problem in problems.items()} == {"ACME_PASSWORD": "BW9996", "OTHER": "BW9998"}
    assert outcome(config) == VALUE
    asked = len(vault.asked)
    clock.advance(59)
    assert outcome(config, "THIRD") == "BW9996"
    assert len(vault.asked) == asked


def test_a_check_of_everything_asks_a_dead_vault_once_and_tells_it_once(tmp_path: Path) -> None:
    vault = Vault(error=AWAY)
    config = opened(tmp_path, vault)
    for _ in range(3):
        assert [problem.code for problem in config.problems()] == ["BW9999"]
    assert config.validate_required_secrets() is False
    assert len(vault.asked) == 1


def test_the_environment_is_never_held(tmp_path: Path) -> None:
    vault = Vault(error=AWAY)
    config = opened(tmp_path, vault, ACME_TOKEN=VALUE)
    assert outcome(config, "OTHER") == "BW9999"
    assert outcome(config) == VALUE
    assert config.ACME_HOST == "localhost"


# -- old values serve


def test_an_old_value_serves_while_the_source_is_away_and_no_longer_than_allowed(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock, SECRET_TTL_SECONDS="100", SECRET_STALE_SECONDS="1000")
    handle = config.section(TokenSettings).token
    assert outcome(config) == VALUE
    vault.error = AWAY
    clock.advance(1099)
    assert (outcome(config), handle.get_secret_value(), config.ACME_TOKEN) == (VALUE, VALUE, VALUE)
    clock.advance(1)
    assert outcome(config) == "BW9999"
    vault.error = None
    clock.advance(30)
    assert outcome(config) == VALUE


@pytest.mark.parametrize("seconds", ["0", "50"])
def test_without_a_window_an_old_value_does_not_serve(tmp_path: Path, seconds: str) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock, SECRET_STALE_SECONDS=seconds)
    outcome(config)
    vault.error = AWAY
    clock.advance(600 + float(seconds))
    assert outcome(config) == "BW9999"


def test_a_value_does_not_outlive_its_own_end(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    vault.expires_at_ns = clock.now_ns() + 700 * 10**9
    config = opened(tmp_path, vault, clock)
    outcome(config)
    vault.error = AWAY
    clock.advance(699)
    assert outcome(config) == VALUE
    clock.advance(1)
    assert outcome(config) == "BW9999"


@pytest.mark.parametrize("error", [FORBIDDEN, STRANGER, ConfigurationError("BW9995", "no name")])
def test_a_decision_of_the_vault_is_never_papered_over(tmp_path: Path, error: BuswayError) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    outcome(config)
    vault.error = error
    clock.advance(600)
    assert outcome(config) == error.code
    # Nor by an outage that follows it.
    vault.error = AWAY
    clock.advance(31)
    assert outcome(config) == "BW9999"


def test_a_first_read_has_no_old_value_and_a_lower_layer_does_not_take_its_place(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ACME_TOKEN=synthetic-old-one\n")
    assert outcome(opened(tmp_path, Vault(error=AWAY))) == "BW9999"


def test_a_check_counts_an_old_value_as_there(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE, "ACME_PASSWORD": "synthetic-password"}), ManualClock()
    vault.values |= {"VISTA_SQL_PASSWORD": "synthetic", "ACME_MAIL_TO": "x", "SQL_SERVER": "x", "SQL_DATABASE": "x"}
    vault.values |= {"SQL_USERNAME": "x"}
    config = opened(tmp_path, vault, clock)
    assert config.validate_required_secrets()
    vault.error = AWAY
    clock.advance(700)
    assert config.validate_required_secrets()
    assert {one.state for one in config.secret_states(ask=True)} == {"stale"}


def test_a_refresh_that_meets_an_outage_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    outcome(config)
    vault.error = AWAY
    assert outcome(config, refresh=True) == VALUE
    (state,) = [one for one in config.secret_states() if one.name == "ACME_TOKEN"]
    assert (state.state, state.reason) == ("stale", "BW9999: the vault is away")


# -- told once


def test_each_turn_is_told_once(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    turns: list[SourceTransition] = []
    config.watch_transitions(turns.append)
    outcome(config)
    for _ in range(2):
        turns.clear()
        vault.error = AWAY
        for _ in range(5):
            clock.advance(31)
            outcome(config, refresh=True)
            outcome(config, "OTHER")
        assert turns == [SourceTransition("keyvault", "degraded", AWAY.problem)]
        vault.error = None
        for _ in range(5):
            clock.advance(31)
            outcome(config, refresh=True)
        assert turns[1:] == [SourceTransition("keyvault", "recovered")]


def test_a_refusal_of_one_name_ends_an_outage(tmp_path: Path) -> None:
    vault, clock = Vault(error=AWAY), ManualClock()
    config = opened(tmp_path, vault, clock)
    turns: list[SourceTransition] = []
    config.watch_transitions(turns.append)
    outcome(config)
    vault.error = FORBIDDEN
    clock.advance(30)
    assert outcome(config) == "BW9998"
    assert [turn.state for turn in turns] == ["degraded", "recovered"]


def test_threads_that_meet_an_outage_together_tell_it_once(tmp_path: Path) -> None:
    gate = threading.Barrier(16)

    class Together(Vault):
        def fetch(self, name: str) -> SecretValue | None:
            gate.wait(10)
            return super().fetch(name)

    config = opened(tmp_path, Together(error=AWAY))
    turns: list[SourceTransition] = []
    config.watch_transitions(turns.append)
    threads = [threading.Thread(target=outcome, args=(config, f"NAME_{number}")) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [turn.state for turn in turns] == ["degraded"]


def test_an_outage_that_is_on_is_told_to_who_comes_later(tmp_path: Path) -> None:
    vault, clock = Vault(error=AWAY), ManualClock()
    config = opened(tmp_path, vault, clock)
    outcome(config)
    late: list[SourceTransition] = []
    config.watch_transitions(late.append)
    assert [turn.state for turn in late] == ["degraded"]
    vault.error = None
    clock.advance(30)
    outcome(config)
    config.watch_transitions(late.append)
    assert [turn.state for turn in late] == ["degraded", "recovered"]


def test_a_receiver_may_read_the_very_secret_and_may_fail(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    outcome(config)
    read: list[str] = []

    def receive(turn: SourceTransition) -> None:
        read.append(outcome(config, refresh=True))
        raise ZeroDivisionError("synthetic")

    config.watch_transitions(receive)
    vault.error = AWAY
    asking = threading.Thread(target=outcome, args=(config,), kwargs={"refresh": True}, daemon=True)
    asking.start()
    asking.join(10)
    assert not asking.is_alive()
    assert read == [VALUE]


def test_a_turn_that_a_receiver_brings_about_is_told_after_the_one_it_receives(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}, error=AWAY), ManualClock()
    config = opened(tmp_path, vault, clock)
    begun: list[str] = []
    ended: list[str] = []

    def receive(turn: SourceTransition) -> None:
        begun.append(turn.state)
        if turn.state == "degraded":
            vault.error = None
            clock.advance(30)
            outcome(config)
        ended.append(turn.state)

    config.watch_transitions(receive)
    asking = threading.Thread(target=outcome, args=(config,), daemon=True)
    asking.start()
    asking.join(10)
    assert not asking.is_alive()
    assert begun == ended == ["degraded", "recovered"]


def test_explaining_tells_turns_too(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault(error=AWAY), ACME_TOKEN=VALUE)
    turns: list[SourceTransition] = []
    config.watch_transitions(turns.append)
    config.explain("ACME_TOKEN", ask_vaults=True)
    assert [turn.state for turn in turns] == ["degraded"]


# -- at once


def quickest(work: Callable[[], object], times: int = 2_000) -> float:
    """Seconds of the quickest run: what it costs when nobody else uses the machine."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def test_a_held_source_and_an_old_value_answer_at_once(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": VALUE})
    config = opened(tmp_path, vault)
    outcome(config)
    vault.error = AWAY
    outcome(config, refresh=True)
    asked = len(vault.asked)
    assert quickest(lambda: outcome(config, "OTHER_THING")) <= 0.001
    assert quickest(lambda: config.get_secret("ACME_TOKEN", refresh=True)) <= 0.000_050
    assert len(vault.asked) == asked


# -- everything together, against a model

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0, 29.0, 30.0, 300.0, 600.0, 3000.0])),
        st.tuples(st.just("mode"), st.sampled_from(["ok", "away", "forbidden", "stranger"])),
        st.tuples(st.just("value"), st.sampled_from(["synthetic-token-1", "synthetic-token-2", ""])),
        st.tuples(st.just("read"), st.booleans()),
    ),
    max_size=40,
)
ERRORS: Mapping[str, BuswayError | None] = {"ok": None, "away": AWAY, "forbidden": FORBIDDEN, "stranger": STRANGER}


class Model:
    """What a reader is promised, in the plainest form: one name, one source, no threads."""

    def __init__(self) -> None:
        self.mode, self.value, self.now = "ok", "synthetic-token-1", 0.0
        self.known: tuple[str, float] | None = None
        self.fresh_until = self.negative_until = self.held_until = 0.0
        self.negative = self.held = ""

    def read(self, refresh: bool) -> str:
        if not refresh and self.known and self.now < self.fresh_until:
            return self.known[0]
        if not refresh and self.negative and self.now < self.negative_until:
            return self.negative
        answer = self.held if self.held and self.now < self.held_until else self.ask()
        if answer == "BW9999":
            return self.known[0] if self.known and self.now < self.known[1] + 600 + 3600 else answer
        if answer.startswith("BW"):
            self.known, self.negative, self.negative_until = None, answer, self.now + 1
            return answer
        self.known, self.fresh_until, self.negative = (answer, self.now), self.now + 600, ""
        return answer

    def ask(self) -> str:
        error = ERRORS[self.mode]
        self.held = error.code if error is not None and error is not FORBIDDEN else ""
        self.held_until = self.now + 30
        return error.code if error is not None else self.value or "BW1201"


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_any_course_of_an_outage_gives_what_is_promised(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    vault, clock, model = Vault({"ACME_TOKEN": VALUE}), ManualClock(), Model()
    config = opened(tmp_path_factory.getbasetemp(), vault, clock)
    for step, argument in steps:
        if step == "wait":
            clock.advance(argument)
            model.now += argument
        elif step == "mode":
            model.mode, vault.error = argument, ERRORS[argument]
        elif step == "value":
            model.value = vault.values["ACME_TOKEN"] = argument
        else:
            assert outcome(config, refresh=argument) == model.read(argument)
