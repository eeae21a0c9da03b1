"""The audit: every question for a secret with who asked, in bounded memory, and for good in the state folder."""

from __future__ import annotations

import dataclasses
import sqlite3
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.audit import MAX_ENTRIES, SecretAccess, SecretAudit
from busway.configuration.manager import ConfigManager
from busway.errors import ConfigurationError, RefusedError, UnreachableError
from busway.stores.database import open_database
from busway.stores.secret_accesses import KEPT_NS, SecretAccessStore
from busway.stores.state import StateStore
from busway.stores.state_dir import STATE_DB
from busway.stores.state_schema import STATE_MIGRATIONS

VALUE = "synthetic-token-1"


def opened(tmp_path: Path, vault: Vault, clock: ManualClock | None = None, dotenv: str = "") -> ConfigManager:
    environ = {"ACME_REGION": "eu"}
    return open_config(tmp_path, environ, models=(AcmeSettings, TokenSettings), vault=vault, clock=clock, dotenv=dotenv)


def told(config: ConfigManager) -> list[tuple[str, str, str, str, int]]:
    return [(one.name, one.source, one.version, one.outcome, one.count) for one in config.secret_accesses()]


# -- what is noted


def test_every_question_is_noted_with_what_came_of_it(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock, dotenv="ACME_PASSWORD=synthetic-password\n")
    vault.versions["ACME_TOKEN"] = "v1"
    config.get_secret("ACME_TOKEN")
    vault.versions["ACME_TOKEN"] = "v2"
    config.get_secret("ACME_TOKEN", refresh=True)
    vault.error = UnreachableError("BW9999", "away")
    config.get_secret("ACME_TOKEN", refresh=True)
    clock.advance(30)
    vault.error = RefusedError("BW9998", "forbidden")
    with pytest.raises(RefusedError):
        config.get_secret("ACME_TOKEN", refresh=True)
    vault.error = None
    config.get_secret("ACME_PASSWORD")
    with pytest.raises(ConfigurationError):
        config.get_secret("NOWHERE")
    assert told(config) == [
        ("ACME_TOKEN", "keyvault", "v1", "fetched", 1),
        ("ACME_TOKEN", "keyvault", "v2", "refreshed", 1),
        ("ACME_TOKEN", "keyvault", "v2", "stale", 1),
        ("ACME_TOKEN", "keyvault", "", "failed", 1),
        ("ACME_PASSWORD", "dotenv", "", "fetched", 1),
        ("NOWHERE", "", "", "missing", 1),
    ]
    assert VALUE not in repr(config.secret_accesses())
    assert "synthetic" not in repr(config.secret_accesses())


def test_what_is_remembered_is_no_question(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}))
    for _ in range(3):
        config.get_secret("ACME_TOKEN")
        _ = config.ACME_TOKEN
        config.section(TokenSettings).token.get_secret_value()
    assert [one[4] for one in told(config)] == [1]


def test_settings_that_are_no_secrets_are_not_noted(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_MAIL_TO": "ops@example.test"}))
    assert config.ACME_MAIL_TO == "ops@example.test"
    assert {one.name for one in config.secret_accesses()} <= {"ACME_PASSWORD"}


def test_the_reader_is_the_module_that_called(tmp_path: Path) -> None:
    reader = types.ModuleType("acme_reports")
    code = (
        "def by_name(c): return c.get_secret('ACME_TOKEN', refresh=True)\ndef by_attribute(c): return c.ACME_PASSWORD\n"
    )
    exec(code + "def ahead(c): return c.prefetch(['ACME_MAIL_TO', 'OTHER'])\n", vars(reader))
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE, "ACME_PASSWORD": "synthetic-password"}))
    for ask in ("by_name", "by_attribute", "ahead"):
        vars(reader)[ask](config)
    assert [(one.name, one.reader) for one in config.secret_accesses()] == [
        ("ACME_TOKEN", "acme_reports"),
        ("ACME_PASSWORD", "acme_reports"),
        ("OTHER", "acme_reports"),
    ]


def test_the_reader_of_an_unbound_manager_is_the_module_that_called(tmp_path: Path) -> None:
    config = ConfigManager(lambda: opened(tmp_path, Vault({"ACME_TOKEN": VALUE})))
    assert config.ACME_TOKEN == VALUE
    assert [one.reader for one in config.secret_accesses()] == [__name__]


def test_the_reader_of_a_handle_is_the_owner_of_the_setting(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}))
    config.section(TokenSettings).token.get_secret_value()
    assert [(one.name, one.reader) for one in config.secret_accesses()] == [("ACME_TOKEN", OWNER)]


def test_looking_around_is_no_access(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}), dotenv="ACME_PASSWORD=synthetic-password\n")
    config.watch_secrets(lambda value: None)
    config.secret_values()
    config.secret_states()
    assert config.secret_accesses() == []


# -- the memory


def test_equal_accesses_of_a_name_in_a_row_are_counted(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE, "OTHER": "synthetic-other"}), ManualClock()
    config = opened(tmp_path, vault, clock)
    for name in ("ACME_TOKEN", "OTHER"):
        config.get_secret(name)
    vault.error = UnreachableError("BW9999", "away")
    for _ in range(3):
        clock.advance(1)
        for name in ("ACME_TOKEN", "OTHER"):
            config.get_secret(name, refresh=True)
    assert [one[3:] for one in told(config)] == [("fetched", 1), ("fetched", 1), ("stale", 3), ("stale", 3)]
    assert config.secret_accesses()[-1].at_ns == clock.now_ns()


def note(audit: SecretAudit, name: str, reader: str = "r") -> None:
    audit.note(name=name, source="s", version="", reader=reader, outcome="fetched")


def test_the_memory_is_bounded_and_keeps_the_latest() -> None:
    audit = SecretAudit(ManualClock())
    for number in range(MAX_ENTRIES + 5):
        note(audit, f"N{number}")
    names = [one.name for one in audit.entries()]
    assert len(names) == MAX_ENTRIES == 10_000
    assert (names[0], names[-1]) == ("N5", f"N{MAX_ENTRIES + 4}")


def test_an_entry_that_was_driven_out_is_not_counted_on() -> None:
    audit = SecretAudit(ManualClock(), max_entries=2)
    for name in ("A", "B", "C", "A"):
        note(audit, name)
    assert [(one.name, one.count) for one in audit.entries()] == [("C", 1), ("A", 1)]


def test_an_entry_goes_on_being_counted_when_an_older_one_of_its_name_is_driven_out() -> None:
    audit = SecretAudit(ManualClock(), max_entries=2)
    for name, reader in (("A", "first"), ("A", "second"), ("B", "r"), ("A", "second")):
        note(audit, name, reader)
    assert [(one.name, one.reader, one.count) for one in audit.entries()] == [("A", "second", 2), ("B", "r", 1)]


def test_taking_gives_each_access_once_and_counts_what_follows_anew() -> None:
    audit = SecretAudit(ManualClock())
    note(audit, "A")
    note(audit, "A")
    assert [one.count for one in audit.take()] == [2]
    assert audit.take() == []
    note(audit, "A")
    assert [one.count for one in audit.take()] == [1]
    assert [one.count for one in audit.entries()] == [2, 1]


def test_the_manager_hands_out_what_is_new(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": VALUE}))
    config.get_secret("ACME_TOKEN")
    assert config.take_secret_accesses() == config.secret_accesses()
    assert config.take_secret_accesses() == []


# -- the store


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path / "state")
    yield store
    store.close()


NOW_NS = ManualClock().now_ns()


def access(name: str, at_ns: int, count: int = 1) -> SecretAccess:
    return SecretAccess(name, "keyvault", "v1", "busway-acme", at_ns, "refreshed", count)


def test_accesses_are_kept_over_processes(state: StateStore) -> None:
    store = SecretAccessStore(state, now_ns=lambda: NOW_NS)
    entries = [access("A", NOW_NS - 2, 7), access("B", NOW_NS - 1), access("A", NOW_NS)]
    store.add(entries)
    state.close()
    assert store.since(0) == entries
    assert store.since(NOW_NS - 1) == entries[1:]
    assert store.since(0, name="A") == [entries[0], entries[2]]
    assert store.since(0, name="nobody") == []
    assert store.since(NOW_NS + 1) == []


def test_accesses_are_sorted_by_time_whoever_added_them(state: StateStore) -> None:
    store = SecretAccessStore(state, now_ns=lambda: NOW_NS)
    store.add([access("late", NOW_NS)])
    store.add([access("early", NOW_NS - 5)])
    assert [one.name for one in store.since(0)] == ["early", "late"]


def test_accesses_are_forgotten_after_90_days(state: StateStore) -> None:
    now_ns = NOW_NS
    store = SecretAccessStore(state, now_ns=lambda: now_ns)
    store.add([access("old", NOW_NS), access("young", NOW_NS + 1)])
    now_ns = NOW_NS + KEPT_NS + 1
    store.add([access("new", now_ns)])
    assert [one.name for one in store.since(0)] == ["young", "new"]
    assert KEPT_NS == 90 * 86_400 * 10**9


def test_only_so_many_rows_are_kept(state: StateStore) -> None:
    store = SecretAccessStore(state, now_ns=lambda: NOW_NS, max_rows=3)
    store.add([access("B", NOW_NS - 1), access("A", NOW_NS - 2)])
    store.add([access("C", NOW_NS), access("D", NOW_NS)])
    assert [one.name for one in store.since(0)] == ["B", "C", "D"]


def test_nothing_to_add_opens_no_database(tmp_path: Path) -> None:
    state = StateStore(tmp_path / "state")
    SecretAccessStore(state).add([])
    assert not (state.state_dir / STATE_DB).exists()


def test_an_access_has_no_room_for_a_value() -> None:
    fields = {field.name for field in dataclasses.fields(SecretAccess)}
    assert fields == {"name", "source", "version", "reader", "at_ns", "outcome", "count"}


def test_a_state_of_the_first_version_is_opened_with_all_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    StateStore(folder)
    old = open_database(folder / STATE_DB, STATE_MIGRATIONS[:1])
    old.execute("INSERT INTO used_plans VALUES ('p1', 5)")
    old.close()
    state = StateStore(folder)
    SecretAccessStore(state, now_ns=lambda: NOW_NS).add([access("A", NOW_NS)])
    assert state.mark_plan_used("p1") is False
    assert [one.name for one in SecretAccessStore(state).since(0)] == ["A"]
    state.close()
    backup = sqlite3.connect(folder / f"{STATE_DB}.v1.bak")
    assert backup.execute("SELECT plan_id FROM used_plans").fetchall() == [("p1",)]
    backup.close()
