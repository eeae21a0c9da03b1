"""The resolver: asked late, asked once, remembered for its time."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.core_settings import SecretSettings
from busway.configuration.manager import ConfigManager
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError

THREADS = 64
VALUE = "synthetic-token-1"


class Gate(Vault):
    """A vault that answers nobody until it is opened."""

    def __init__(self, values: Mapping[str, str], *, error: Exception | None = None) -> None:
        super().__init__(values, error=error)
        self.opened = threading.Event()

    def fetch(self, name: str) -> SecretValue | None:
        self.asked.append(name)
        assert self.opened.wait(10)
        self.asked.pop()
        return super().fetch(name)


def together(vault: Gate, asks: Iterable[Callable[[], object]]) -> list[object]:
    """What each question came to, all of them asked before the vault answers the first."""
    outcomes: list[object] = []

    def run(ask: Callable[[], object]) -> None:
        try:
            outcomes.append(ask())
        except BuswayError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(ask,)) for ask in asks]
    for thread in threads:
        thread.start()
    until(lambda: all(map(is_waiting, threads)))
    vault.opened.set()
    for thread in threads:
        thread.join(10)
    return outcomes


def is_waiting(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name == "wait"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def opened(tmp_path: Path, vault: Vault, clock: ManualClock | None = None, **more: Any) -> ConfigManager:
    environ = {"ACME_REGION": "eu", **more.pop("environ", {})}
    return open_config(tmp_path, environ, models=(AcmeSettings, TokenSettings), vault=vault, clock=clock, **more)


# -- asked once


@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize(
    ("values", "error", "outcome"),
    [
        ({"ACME_TOKEN": VALUE}, None, VALUE),
        ({}, None, "BW1201"),
        ({}, RefusedError("BW9998", "forbidden", status=403), "BW9998"),
        ({}, RefusedError("BW9997", "unknown caller", status=401), "BW9997"),
        ({}, UnreachableError("BW9999", "vault is away"), "BW9999"),
    ],
    ids=["value", "missing", "refused", "credential", "away"],
)
def test_threads_that_ask_together_ask_once_and_hear_the_same(
    tmp_path: Path, values: dict[str, str], error: Exception | None, outcome: str, refresh: bool
) -> None:
    vault = Gate(values, error=error)
    config = opened(tmp_path, vault)
    outcomes = together(vault, [lambda: config.get_secret("ACME_TOKEN", refresh=refresh)] * THREADS)
    assert [one.code if isinstance(one, BuswayError) else one for one in outcomes] == [outcome] * THREADS
    assert vault.asked == ["ACME_TOKEN"]
    errors = [one for one in outcomes if isinstance(one, BuswayError)]
    assert len(set(map(id, errors))) == len(errors)


def test_a_shared_error_keeps_what_it_knows_and_not_where_it_came_from(tmp_path: Path) -> None:
    error = RefusedError("BW9998", "forbidden", why="no role", status=403)
    error.__cause__ = ValueError("canary")
    error.add_note("canary")
    vault = Vault(error=error)
    config = opened(tmp_path, vault)
    for ask in (lambda: config.get_secret("ACME_TOKEN"), lambda: config.section(AcmeSettings)):
        with pytest.raises(RefusedError) as caught:
            ask()
        assert (caught.value.status, caught.value.problem.why) == (403, "no role")
        assert caught.value is not error
        assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_everybody_has_an_error_object_of_his_own(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault(error=UnreachableError("BW9999", "away")))
    raised: list[BuswayError] = []
    for ask in (lambda: config.get_secret("ACME_TOKEN"), lambda: config.section(AcmeSettings)) * 2:
        with pytest.raises(UnreachableError) as caught:
            ask()
        raised.append(caught.value)
    assert len(set(map(id, raised))) == 4


def test_one_question_for_many_serves_those_who_want_one_of_them(tmp_path: Path) -> None:
    vault = Gate({"ACME_TOKEN": VALUE, "ACME_PASSWORD": "synthetic-password"})
    config = opened(tmp_path, vault)
    asks: list[Callable[[], object]] = [config.prefetch, config.problems, lambda: config.get_secret("ACME_TOKEN")]
    outcomes = together(vault, asks * 8)
    assert outcomes.count(VALUE) == 8
    assert len(vault.asked) == len(set(vault.asked))


def test_passengers_of_a_question_that_broke_off_ask_themselves(tmp_path: Path) -> None:
    class Breaking(Gate):
        def fetch(self, name: str) -> SecretValue | None:
            found = super().fetch(name)
            if len(self.asked) == 1:
                raise KeyboardInterrupt
            return found

    vault = Breaking({"ACME_TOKEN": VALUE})
    config = opened(tmp_path, vault)
    broken: list[BaseException] = []

    def first() -> None:
        try:
            config.get_secret("ACME_TOKEN")
        except KeyboardInterrupt as error:
            broken.append(error)

    leader = threading.Thread(target=first)
    leader.start()
    until(lambda: bool(vault.asked))
    outcomes = together(vault, [lambda: config.get_secret("ACME_TOKEN")] * 4)
    leader.join(10)
    assert outcomes == [VALUE] * 4
    assert len(broken) == 1
    assert len(vault.asked) == 2


# -- asked late, remembered


def test_opening_asks_nothing(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": VALUE})
    config = opened(tmp_path, vault)
    assert config.ENV == "production"
    config.section(TokenSettings)
    assert vault.asked == []


def test_a_missing_secret_is_asked_for_again_after_a_second(tmp_path: Path) -> None:
    vault, clock = Vault(), ManualClock()
    config = opened(tmp_path, vault, clock)
    for _ in range(3):
        assert config.ACME_PASSWORD is None
    assert vault.asked == ["ACME_PASSWORD"]
    vault.values["ACME_PASSWORD"] = "synthetic-password"
    clock.advance(1)
    assert config.ACME_PASSWORD == "synthetic-password"


def test_a_refusal_is_asked_again_after_a_second_and_forgets_the_value(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    assert config.get_secret("ACME_TOKEN") == VALUE
    vault.error = RefusedError("BW9998", "forbidden", status=403)
    for _ in range(3):
        with pytest.raises(RefusedError):
            config.get_secret("ACME_TOKEN", refresh=len(vault.asked) == 1)
    assert len(vault.asked) == 2
    # A value that was taken away must not come back with an outage.
    vault.error = UnreachableError("BW9999", "away")
    clock.advance(1)
    with pytest.raises(UnreachableError):
        config.get_secret("ACME_TOKEN")


def test_a_secret_that_expired_long_ago_is_not_asked_for_with_every_read(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    vault.expires_at_ns = clock.now_ns() - 1
    config = opened(tmp_path, vault, clock)
    for _ in range(3):
        assert config.get_secret("ACME_TOKEN") == VALUE
    assert len(vault.asked) == 1
    clock.advance(30)
    vault.values["ACME_TOKEN"] = "synthetic-token-2"
    assert config.get_secret("ACME_TOKEN") == "synthetic-token-2"


def test_expiry_shortens_freshness_and_never_lengthens_it(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    vault.expires_at_ns = clock.now_ns() + 10**9 * 100_000
    config = opened(tmp_path, vault, clock)
    config.get_secret("ACME_TOKEN")
    clock.advance(599.5)
    config.get_secret("ACME_TOKEN")
    assert len(vault.asked) == 1
    clock.advance(0.5)
    vault.expires_at_ns = clock.now_ns() + 10**9 * 20
    config.get_secret("ACME_TOKEN")
    clock.advance(20)
    config.get_secret("ACME_TOKEN")
    assert len(vault.asked) == 3


@pytest.mark.parametrize("layer", ["environ", "dotenv", "toml"])
def test_the_time_to_live_is_a_setting_that_no_vault_is_asked_for(tmp_path: Path, layer: str) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE, "SECRET_TTL_SECONDS": "1"}), ManualClock()
    by_layer: dict[str, dict[str, Any]] = {
        "environ": {"environ": {"SECRET_TTL_SECONDS": "60"}},
        "dotenv": {"dotenv": "SECRET_TTL_SECONDS=60\n"},
        "toml": {"toml": "[settings]\nSECRET_TTL_SECONDS = 60\n"},
    }
    config = opened(tmp_path, vault, clock, **by_layer[layer])
    for wait, asked in ((0, 1), (59.5, 1), (0.5, 2)):
        clock.advance(wait)
        assert config.get_secret("ACME_TOKEN") == VALUE
        assert vault.asked == ["ACME_TOKEN"] * asked


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SECRET_TTL_SECONDS", "0"),
        ("SECRET_TTL_SECONDS", "soon"),
        ("SECRET_TTL_SECONDS", "nan"),
        ("SECRET_STALE_SECONDS", "-1"),
        ("SECRET_BUDGET_SECONDS", "0"),
        ("SECRET_GRACE_SECONDS", "inf"),
    ],
)
def test_with_a_wrong_limit_the_defaults_hold_and_it_is_a_problem(tmp_path: Path, name: str, text: str) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock, environ={name: text})
    assert config.get_secret("ACME_TOKEN") == VALUE
    clock.advance(599)
    assert config.get_secret("ACME_TOKEN") == VALUE
    assert len(vault.asked) == 1
    assert [problem.what for problem in config.problems()] == [f"the value of {name} is not valid"]


def test_the_limits_have_their_defaults() -> None:
    limits = SecretSettings()
    assert (limits.ttl_seconds, limits.stale_seconds, limits.budget_seconds, limits.grace_seconds) == (
        600,
        3600,
        3,
        3600,
    )


def test_a_remembered_secret_follows_the_state_of_the_manager(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}))
    assert config.get_secret("ACME_TOKEN") == VALUE
    (tmp_path / "other").mkdir()
    other = opened(tmp_path / "other", Vault({"ACME_TOKEN": "synthetic-token-2"}))
    config.adopt(other)
    assert config.get_secret("ACME_TOKEN") == "synthetic-token-2"
    config.release()
    with pytest.raises(ConfigurationError, match="BW1110"):
        config.get_secret("ACME_TOKEN")


def test_what_is_remembered_is_not_among_the_variables_of_the_manager(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}))
    assert (config.get_secret("ACME_TOKEN"), config.ACME_TOKEN) == (VALUE, VALUE)
    assert VALUE not in repr(vars(config)) + repr(config)


# -- prefetch


class Batched(Vault):
    """Notes the names of each round."""

    def __init__(self, values: Mapping[str, str], refused: Iterable[str] = ()) -> None:
        super().__init__(values)
        self.rounds: list[set[str]] = []
        self.refused = frozenset(refused)

    def fetch_many(self, names: Iterable[str]) -> Any:
        wanted = list(names)
        self.rounds.append(set(wanted))
        answers: dict[str, Any] = dict(super().fetch_many(wanted))
        answers.update({name: RefusedError("BW9998", "disabled") for name in wanted if name in self.refused})
        return answers


def test_prefetch_asks_a_vault_once_and_only_for_what_no_higher_layer_has(tmp_path: Path) -> None:
    vault = Batched({"ACME_TOKEN": VALUE, "ACME_PASSWORD": "hidden"})
    config = opened(tmp_path, vault, environ={"ACME_PASSWORD": "synthetic-password", "SQL_SERVER": "s"})
    assert config.prefetch() == {}
    assert vault.rounds == [{"ACME_TOKEN", "ACME_MAIL_TO", "SQL_DATABASE", "SQL_USERNAME", "VISTA_SQL_PASSWORD"}]
    asked = len(vault.asked)
    assert config.get_secret("ACME_TOKEN") == VALUE
    assert config.section(TokenSettings).token.get_secret_value() == VALUE
    assert config.ACME_PASSWORD == "synthetic-password"
    assert config.prefetch() == {}
    assert len(vault.asked) == asked


def test_prefetch_is_not_about_what_no_vault_may_have(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_TOKEN": VALUE}, models=(TokenSettings,), vault=Vault())
    assert config.prefetch() == {}
    assert [problem.what for problem in config.problems()] == ["setting ACME_REGION is not set"]


def test_prefetch_of_what_the_environment_has_asks_no_vault(tmp_path: Path) -> None:
    vault = Batched({})
    config = opened(tmp_path, vault, environ={"ACME_TOKEN": VALUE})
    assert config.prefetch(["ACME_TOKEN"]) == {}
    assert vault.rounds == []
    assert vault.asked == []


def test_prefetch_tells_problems_by_name_and_raises_none(tmp_path: Path) -> None:
    vault = Batched({"OTHER_THING": "synthetic-other"}, refused=["ACME_PASSWORD"])
    config = opened(tmp_path, vault)
    found = config.prefetch(["ACME-TOKEN", "ACME_PASSWORD", "OTHER_THING", "NOWHERE", "ACME_MAIL_TO"])
    assert {name: problem.code for name, problem in found.items()} == {
        "ACME_TOKEN": "BW1201",
        "ACME_PASSWORD": "BW9998",
        "NOWHERE": "BW1201",
    }
    assert "store it in keyvault: https://acme.vault.example ACME-TOKEN" in found["ACME_TOKEN"].fix
    assert config.get_secret("OTHER_THING") == "synthetic-other"
    assert vault.asked.count("OTHER_THING") == 1


def test_prefetch_of_a_vault_that_is_away_tells_it_for_each_name(tmp_path: Path) -> None:
    vault = Vault(error=UnreachableError("BW9999", "away"))
    found = opened(tmp_path, vault).prefetch(["ACME_TOKEN", "ACME_PASSWORD"])
    assert {name: problem.code for name, problem in found.items()} == {
        "ACME_TOKEN": "BW9999",
        "ACME_PASSWORD": "BW9999",
    }
    assert len(vault.asked) == 1


# -- the cost of reading again


def calls_of(work: Callable[[], object]) -> list[str]:
    """Functions called, C functions included: a measure that no other process disturbs."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            calls.append(frame.f_code.co_name)
        elif event == "c_call":
            calls.append(argument.__name__)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return [call for call in calls if call not in ("<lambda>", "setprofile")]


def test_a_remembered_secret_costs_one_look_at_the_clock(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}))
    config.get_secret("ACME_TOKEN")
    assert calls_of(lambda: config.get_secret("ACME_TOKEN")) == ["get_secret", "monotonic"]


def test_a_setting_that_was_read_costs_no_call_and_has_no_hook_in_its_way(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault())
    assert "ACME_HOST" in vars(type(config))
    assert config.ACME_HOST == "localhost"
    assert calls_of(lambda: config.ACME_HOST) == []
    # Any of these makes the interpreter take the long way to every attribute.
    assert "ACME_HOST" not in vars(type(config))
    assert not hasattr(type(config), "__getattr__")
    assert type(config).__getattribute__ is object.__getattribute__


def test_the_owner_is_told_for_a_secret_that_is_read_by_name_and_has_no_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opened(tmp_path, Vault()).get_secret("ACME_TOKEN")
    assert caught.value.problem.where == f"setting of {OWNER}"
