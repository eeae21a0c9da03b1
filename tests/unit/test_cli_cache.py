"""``busway cache``: what an operator sees of cached data, and what the commands change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import busway_cache_file
from busway.app import App
from busway.cli.cache_view import printable, size_text, warmed_line
from busway.cli.main import main
from busway.contracts.caches import CacheBackend
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Record
from busway.data.names import Name
from busway.errors import UnreachableError
from busway.hookspecs import hookimpl
from busway.views.cache_names import nearest_name

TOML = """\
app = "people"
[plugins]
caches = ["memory", "file"]
[settings]
ENV = "dev"
[data."vista.employees"]
ttl = "30m"
stale_on_error = "12h"
[data.badges]
sensitive = true
"""
PERSON = "jane@example.test"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment with sealed files, in the environment of the test alone."""
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)
    (tmp_path / "busway.toml").write_text(TOML)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """One command: exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["-C", str(folder), *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


class WithoutStamps:
    """A level that can do what every level must, and no more."""

    stores_in_clear = False

    def __init__(self, inner: CacheBackend) -> None:
        self.get, self.set, self.delete, self.scan = inner.get, inner.set, inner.delete, inner.scan
        self.close = inner.close


@contextmanager
def opened(folder: Path) -> Iterator[App]:
    with App.from_config(folder, require=False) as app:
        yield app


def fill(folder: Path) -> None:
    """What programs have stored before."""
    with opened(folder) as app:
        app.data.save_cache("vista.employees", [{"name": "Jane"}] * 50, key="all", metadata={"batch": 7})
        app.data.save_cache("vista.employees", [1], key="E1")
        app.data.save_cache("vista.sites", ["north"])
        app.data.save_cache("projects", ["x"])
        app.data.save_cache("badges.cards", {"person": "Jane"}, key=PERSON)


def data_of(answer: tuple[int, str, str]) -> Any:
    envelope = json.loads(answer[1])
    assert envelope["ok"] is (answer[0] == 0)
    return envelope["data"]


def give_loader(monkeypatch: pytest.MonkeyPatch, **loaders: Callable[[], list[Record]]) -> None:
    monkeypatch.setattr(App, "loaders", loaders)


# -- stats


def test_stats_has_a_row_for_each_level_and_each_name(run: Run, folder: Path) -> None:
    fill(folder)
    code, out, err = run("cache", "stats")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["LEVEL", "STATE", "ENTRIES", "SIZE", "FROM"]
    assert lines[1].split()[:4] == ["memory", "up", "-", "-"]
    assert "each process has its own" in lines[2]
    assert lines[3].split()[:3] == ["file", "up", "5"]
    names = {line.split()[0]: line.split()[1:4] for line in lines[6:]}
    assert names == {
        "badges.cards": ["1", "1", "0"],
        "projects": ["1", "1", "0"],
        "vista.employees": ["2", "2", "0"],
        "vista.sites": ["1", "1", "0"],
    }
    assert not any(line != line.rstrip() for line in lines)


def test_the_rows_of_stats(run: Run, folder: Path) -> None:
    fill(folder)
    data = data_of(run("cache", "stats", "--json"))
    assert data["degraded"] is False
    memory, file = data["levels"]
    assert set(memory) == {
        *("level", "state", "why", "in_process", "takes_sensitive", "entries", "bytes", "distribution", "version"),
    }
    assert (memory["in_process"], memory["entries"], memory["bytes"]) == (True, None, None)
    assert (file["in_process"], file["entries"], file["takes_sensitive"]) == (False, 5, True)
    by_name = {row["name"]: row for row in data["names"]}
    assert by_name["badges.cards"]["sensitive"] is True
    assert by_name["vista.employees"]["levels"] == {"file": 2}
    assert sum(row["bytes"] for row in data["names"]) == file["bytes"]
    assert 0 <= by_name["projects"]["newest_age_seconds"] <= by_name["projects"]["oldest_age_seconds"] < 60


def test_stats_of_an_empty_cache(run: Run) -> None:
    code, out, _ = run("cache", "stats")
    assert code == 0
    assert "Nothing is cached on a level that answers." in out


def test_a_level_that_cannot_be_built_is_a_row_of_stats_and_an_error_elsewhere(run: Run, folder: Path) -> None:
    (folder / "busway.toml").write_text(TOML.replace('"file"]', '"file", "memcached"]'))
    fill(folder)
    code, out, _ = run("cache", "stats")
    assert code == 0
    assert "memcached  failed" in out
    assert "degraded" in out
    assert run("cache", "keys")[0] == 3
    assert "error[BW1301]" in run("cache", "invalidate", "vista")[2]


def test_who_only_looks_leaves_no_event(run: Run, folder: Path) -> None:
    fill(folder)
    (folder / "busway.toml").write_text(TOML.replace('ENV = "dev"', 'ENV = "dev"\nFILE_CACHE_DIR = "busway.toml"'))
    code, out, err = run("cache", "stats")
    assert code == 0
    assert "degraded: file does not answer; each process loads for itself" in out
    assert "BW2005" in out
    assert err == ""
    assert not (folder / ".busway" / "journal").exists()


# -- keys


def test_keys_are_listed_by_level_with_what_is_left(run: Run, folder: Path) -> None:
    fill(folder)
    _, out, _ = run("cache", "keys")
    lines = out.splitlines()
    assert lines[0].split() == ["KEY", "LEVEL", "AGE", "FRESH", "FOR", "SIZE"]
    assert [line.split()[0] for line in lines[1:]] == [
        "badges:cards:[redacted:sensitive]",
        "projects:_:_",
        "vista:employees:E1",
        "vista:employees:all",
        "vista:sites:_",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("vista", ["vista:employees:E1", "vista:employees:all", "vista:sites:_"]),
        ("vista.employees", ["vista:employees:E1", "vista:employees:all"]),
        ("vista.employees/E1", ["vista:employees:E1"]),
        ("vista:*:E?", ["vista:employees:E1"]),
        ("nowhere:*", []),
    ],
)
def test_keys_speak_the_grammar_of_invalidate(run: Run, folder: Path, pattern: str, found: list[str]) -> None:
    fill(folder)
    (folder / "busway.toml").write_text(TOML + "[data.nowhere]\n")
    data = data_of(run("cache", "keys", pattern, "--json"))
    assert [row["key"] for row in data["entries"]] == found
    assert data["total"] == len(found)


def test_keys_can_be_limited(run: Run, folder: Path) -> None:
    fill(folder)
    _, out, _ = run("cache", "keys", "--limit", "2")
    assert "2 of 5; more with --limit 5" in out
    data = data_of(run("cache", "keys", "--limit", "2", "--json"))
    assert (len(data["entries"]), data["total"]) == (2, 5)
    assert run("cache", "keys", "--limit", "0")[0] == 2


def test_a_key_cannot_speak_to_the_terminal(run: Run, folder: Path) -> None:
    with opened(folder) as app:
        app.data.save_cache("odd", 1, key="a\n\x1b[31mred\udc80")
    _, out, _ = run("cache", "keys", "odd")
    assert "odd:_:a\\n\\x1b[31mred\\udc80" in out
    assert "\x1b" not in out
    (row,) = data_of(run("cache", "keys", "odd", "--json"))["entries"]
    assert row["key"] == "odd:_:a\n\x1b[31mred\\udc80"


# -- get


def test_get_tells_where_an_entry_came_from_and_not_what_it_is(run: Run, folder: Path) -> None:
    fill(folder)
    code, out, _ = run("cache", "get", "vista.employees", "--key", "all")
    assert code == 0
    assert "fresh for" in out
    assert "batch=7" in out
    assert "--show-value" in out
    assert "Jane" not in out
    data = data_of(run("cache", "get", "vista.employees", "--key", "all", "--json"))
    assert (data["found"], data["state"], data["level"], data["source"]) == (True, "fresh", "file", "save_cache")
    assert data["metadata"] == {"batch": 7}
    assert "value" not in data


def test_get_shows_a_value_only_when_it_is_asked_for(run: Run, folder: Path) -> None:
    fill(folder)
    assert "north" in run("cache", "get", "vista.sites", "--show-value")[1]
    data = data_of(run("cache", "get", "vista.employees", "--key", "E1", "--show-value", "--json"))
    assert (data["value_shown"], data["value"]) == (True, [1])


def test_a_shown_value_has_passed_the_redaction_rules(run: Run, folder: Path) -> None:
    fill(folder)
    _, out, _ = run("cache", "get", "vista.employees", "--key", "all", "--show-value")
    assert '"name": "[redacted:name]"' in out
    assert "Jane" not in out


def test_a_sensitive_value_is_never_shown(run: Run, folder: Path) -> None:
    fill(folder)
    code, out, err = run("cache", "get", "badges.cards", "--key", PERSON, "--show-value", "--json")
    assert (code, json.loads(out)["error"]["code"], err) == (2, "BW1015", "")
    code, out, _ = run("cache", "get", "badges.cards", "--key", PERSON)
    assert code == 0
    assert "its domain is sensitive" in out
    assert "Jane" not in out


def test_metadata_of_a_sensitive_domain_is_named_only(run: Run, folder: Path) -> None:
    with opened(folder) as app:
        app.data.save_cache("badges.cards", 1, metadata={"asked_by": PERSON})
    data = data_of(run("cache", "get", "badges.cards", "--json"))
    assert data["metadata"] == ["asked_by"]
    assert PERSON not in run("cache", "get", "badges.cards")[1]


def test_a_stale_value_is_told_and_not_shown(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder)
    later = App.__init__

    def tomorrow(self: App, *arguments: Any, **options: Any) -> None:
        later(self, *arguments, **options)
        now_ns = self.clock.now_ns
        monkeypatch.setattr(self.clock, "now_ns", lambda: now_ns() + 3600 * 10**9)

    monkeypatch.setattr(App, "__init__", tomorrow)
    code, out, _ = run("cache", "get", "vista.employees", "--key", "E1", "--show-value")
    assert code == 0
    assert "stale: served only when its loader fails" in out
    assert "not shown; it is stale" in out
    assert "stale" in run("cache", "keys", "vista.employees/E1")[1]
    names = {row["name"]: row for row in data_of(run("cache", "stats", "--json"))["names"]}
    assert (names["vista.employees"]["fresh"], names["vista.employees"]["stale"]) == (0, 2)


def test_get_changes_nothing(run: Run, folder: Path) -> None:
    fill(folder)
    before = {path: path.stat().st_mtime_ns for path in (folder / ".busway" / "cache").rglob("*")}
    run("cache", "get", "vista.employees", "--key", "E1", "--show-value")
    assert {path: path.stat().st_mtime_ns for path in (folder / ".busway" / "cache").rglob("*")} == before


def test_nothing_under_a_known_name_is_an_answer(run: Run) -> None:
    code, out, _ = run("cache", "get", "vista.employees", "--key", "E9")
    assert (code, out) == (0, "Nothing is cached under vista.employees / E9.\n")
    assert data_of(run("cache", "get", "vista.employees", "--json"))["found"] is False


# -- names


@pytest.mark.parametrize("command", ["get", "keys", "invalidate"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [("vista.employes", "vista.employees"), ("vsita.employees", "vista.employees"), ("badge", "badges")],
)
def test_a_mistyped_name_gets_the_nearest(run: Run, folder: Path, command: str, written: str, meant: str) -> None:
    fill(folder)
    code, out, err = run("cache", command, written)
    assert (code, out) == (2, "")
    assert "error[BW1013]" in err
    assert f"did you mean {meant}? busway cache {command} {meant}" in err


@pytest.mark.parametrize("command", ["get", "keys", "invalidate", "warm"])
def test_what_is_no_name_is_refused(run: Run, command: str) -> None:
    code, _, err = run("cache", command, "a.b.c")
    assert code == 2
    assert "error[BW2001]" in err


def test_a_name_that_is_like_none_points_to_what_there_is(run: Run) -> None:
    assert "busway cache stats" in run("cache", "get", "zzzz")[2]


def test_sources_of_jobs_that_cannot_be_built_are_not_called_unknown(run: Run, folder: Path) -> None:
    (folder / "busway.toml").write_text(TOML.replace("[settings]", 'jobs = ["safetyamp"]\n[settings]'))
    assert run("cache", "get", "source.employee")[:2] == (0, "Nothing is cached under source.employee.\n")
    assert run("cache", "get", "sources.employee")[0] == 2


def test_entities_are_compared_within_their_domain() -> None:
    known = {"vista", "vista.employees", "vista.sites", "badges"}
    assert nearest_name(Name("vista", "employes"), known) == "vista.employees"
    assert nearest_name(Name("vista", "departments"), known) == ""
    assert nearest_name(Name("vistas"), known) == "vista"


# -- invalidate


def test_an_entity_is_gone_for_the_next_process(run: Run, folder: Path) -> None:
    fill(folder)
    assert run("cache", "invalidate", "vista.employees")[:2] == (0, "invalidated 2 entries: vista.employees\n")
    with opened(folder) as app:
        assert app.data.get_cached_data("vista.employees", "E1") is None
        assert app.data.get_cached_data("vista.sites") == ["north"]


@pytest.mark.parametrize(
    ("target", "removed"),
    [("vista", 3), ("vista.employees/E1", 1), ("vista:*:_", 1), ("badges.cards/jane@example.test", 1), ("*", 5)],
)
def test_every_form_is_counted_and_may_be_repeated(run: Run, folder: Path, target: str, removed: int) -> None:
    fill(folder)
    first = run("cache", "invalidate", target, "--json")
    assert (first[0], data_of(first)) == (0, {"target": target, "removed": removed})
    second = run("cache", "invalidate", target, "--json")
    assert (second[0], data_of(second)["removed"]) == (0, 0)
    with opened(folder) as app:
        assert len(app.data.keys("*")) == 5 - removed


def test_what_nobody_configured_stays_known_once_it_was_invalidated(run: Run, folder: Path) -> None:
    fill(folder)
    assert run("cache", "invalidate", "projects")[0] == 0
    assert run("cache", "invalidate", "projects")[:2] == (0, "nothing was cached under projects\n")


def test_a_key_of_a_mistyped_name_is_a_warning(run: Run, folder: Path) -> None:
    fill(folder)
    code, out, err = run("cache", "invalidate", "vista.employes/E1")
    assert (code, out) == (0, "nothing was cached under vista.employes/E1\n")
    assert "warning: nothing is known of cached data named vista.employes; did you mean vista.employees?" in err


def test_memory_alone_is_out_of_reach(run: Run, folder: Path) -> None:
    (folder / "busway.toml").write_text(TOML.replace('"memory", "file"', '"memory"'))
    code, _, err = run("cache", "invalidate", "vista.employees")
    assert code == 0
    assert "no selected cache level outlives a process" in err


def test_a_level_that_is_away_makes_an_invalidation_incomplete(run: Run, folder: Path) -> None:
    fill(folder)
    (folder / "busway.toml").write_text(TOML.replace('ENV = "dev"', 'ENV = "dev"\nFILE_CACHE_DIR = "busway.toml"'))
    code, out, err = run("cache", "invalidate", "vista.employees")
    assert code == 5
    assert out == "nothing was cached under vista.employees\n"
    assert "error[BW1014]: cache level file did not answer" in err
    assert "then again: busway cache invalidate 'vista.employees'" in err
    code, out, _ = run("cache", "invalidate", "vista.employees", "--json")
    envelope = json.loads(out)
    assert (code, envelope["ok"], envelope["error"]["code"]) == (5, False, "BW1014")
    assert any("cache level file is away" in one for one in envelope["warnings"])


@pytest.mark.parametrize("command", ["get", "invalidate"])
def test_a_name_is_not_called_unknown_while_a_level_is_away(run: Run, folder: Path, command: str) -> None:
    (folder / "busway.toml").write_text(TOML.replace('ENV = "dev"', 'ENV = "dev"\nFILE_CACHE_DIR = "busway.toml"'))
    code, _, err = run("cache", command, "vista.employes")
    assert code == 5
    assert "error[BW1014]" in err


@pytest.mark.parametrize(("target", "left"), [("vista.employees", 3), ("vista", 2), ("projects", 4)])
def test_where_no_level_keeps_stamps_each_entry_is_removed(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, target: str, left: int
) -> None:
    make = busway_cache_file.busway_cache_backend

    @hookimpl
    def busway_cache_backend(context: PluginContext[Any]) -> WithoutStamps:
        return WithoutStamps(make(context))

    monkeypatch.setattr(busway_cache_file, "busway_cache_backend", busway_cache_backend)
    fill(folder)
    code, out, _ = run("cache", "invalidate", target)
    assert (code, out.split()[1]) == (0, str(5 - left))
    with opened(folder) as app:
        assert len(app.data.keys("*")) == left


# -- warm


def test_warm_loads_and_says_who_keeps_it(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_loader(monkeypatch, employee=lambda: [{"id": 1}, {"id": 2}], title=lambda: [{"id": 3}])
    code, out, _ = run("cache", "warm", "--all")
    assert code == 0
    assert out.splitlines()[0].startswith("source.employee  loaded  2 records in 0.")
    assert out.splitlines()[0].endswith("kept by file")
    assert out.splitlines()[-1] == "2 of 2 loaded"
    with opened(folder) as app:
        assert app.data.get_cached_data("source.employee") == [{"id": 1}, {"id": 2}]


def test_warm_loads_what_is_fresh_too(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_loader(monkeypatch, employee=lambda: [{"id": 1}])
    run("cache", "warm", "source.employee")
    give_loader(monkeypatch, employee=lambda: [{"id": 2}])
    data = data_of(run("cache", "warm", "source.employee", "--json"))
    (row,) = data["names"]
    assert set(row) == {"name", "ok", "records", "seconds", "levels", "error"}
    assert (row["name"], row["ok"], row["records"], row["levels"]) == ("source.employee", True, 1, ["file"])
    with opened(folder) as app:
        assert app.data.get_cached_data("source.employee") == [{"id": 2}]


def test_a_source_that_is_away_ends_with_its_own_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> list[Record]:
        raise UnreachableError("BW5001", "Vista does not answer", fix="see the server")

    give_loader(monkeypatch, employee=away, title=lambda: [{"id": 3}])
    code, out, err = run("cache", "warm", "--all")
    assert code == 5
    assert "failed  BW5001: Vista does not answer" in out
    assert "source.title     loaded" in out
    assert "1 of 2 loaded" in out
    assert "error[BW5001]" in err
    rows = {row["name"]: row for row in data_of(run("cache", "warm", "--all", "--json"))["names"]}
    assert rows["source.employee"]["error"]["code"] == "BW5001"
    assert rows["source.title"]["ok"] is True


def test_warm_wants_a_name_or_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    give_loader(monkeypatch, employee=list)
    assert run("cache", "warm")[0] == 2
    assert run("cache", "warm", "--all", "source.employee")[0] == 2


@pytest.mark.parametrize("written", ["employee", "source.employees", "source.emplyee"])
def test_warm_knows_what_was_meant(run: Run, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    give_loader(monkeypatch, employee=list, title=list)
    code, _, err = run("cache", "warm", written)
    assert code == 2
    assert "did you mean source.employee? busway cache warm source.employee" in err


def test_nothing_is_loaded_that_nobody_would_keep(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    give_loader(monkeypatch, employee=lambda: loads.append("once") or [])  # type: ignore[func-returns-value]
    (folder / "busway.toml").write_text(TOML.replace('"memory", "file"', '"memory"'))
    code, _, err = run("cache", "warm", "--all")
    assert code == 3
    assert "error[BW1014]: what is loaded would be gone when this command ends" in err
    assert loads == []


def test_a_sensitive_source_is_not_loaded_for_a_level_that_stores_in_clear(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from busway_cache_file.cache import FileCache

    loads: list[str] = []
    give_loader(monkeypatch, employee=lambda: loads.append("once") or [])  # type: ignore[func-returns-value]
    monkeypatch.setattr(FileCache, "stores_in_clear", True)
    code, out, err = run("cache", "warm", "source.employee")
    assert code == 3
    assert "failed  BW1014: no cache level that stays may have source.employee" in out
    assert "file would store it in clear" in err
    assert loads == []
    (folder / "busway.toml").write_text(TOML + "[data.source]\nsensitive = false\n")
    assert run("cache", "warm", "source.employee")[0] == 0
    assert loads == ["once"]


def test_without_jobs_there_is_nothing_to_warm(run: Run) -> None:
    assert run("cache", "warm", "--all")[:2] == (0, "No job is selected, so there is nothing to load.\n")


# -- small texts


@pytest.mark.parametrize(
    ("size", "shown"),
    [(None, "-"), (0, "0 B"), (812, "812 B"), (3400, "3.4 KB"), (12_345_678, "12 MB"), (9_990_000_000_000, "9990 GB")],
)
def test_sizes(size: int | None, shown: str) -> None:
    assert size_text(size) == shown


def test_printable_text_is_left_alone() -> None:
    assert printable("Zoë 東京 a:b") == "Zoë 東京 a:b"
    assert printable("\x9b\u2028\r") == "\\x9b\\u2028\\r"


def test_the_line_of_a_failed_load_names_the_code() -> None:
    row = {"name": "source.title", "ok": False, "error": {"code": "BW5001", "what": "away"}}
    assert warmed_line(row, 14).endswith("BW5001: away")
