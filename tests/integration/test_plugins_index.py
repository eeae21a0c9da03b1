"""The index of installed plugins: complete, current, cheap, and never an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.distributions import Site
from busway import hookspecs
from busway.plugins import index_build, index_file
from busway.plugins.index import CONTRACT, Index, load_index


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as made:
        yield made


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "index.json"


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps an index at once, as if every change were old."""
    monkeypatch.setattr(index_build, "TRUST_AFTER_NS", -(10**12))


def names(index: Index, kind: str = "sinks") -> list[str]:
    return [entry.name for entry in index.entries(kind)]


def load(site: Site, kept: Path, *, refresh: bool = False) -> Index:
    return load_index(path=[str(site.folder)], cache_file=kept, refresh=refresh)


def no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the index must answer from its file."""
    monkeypatch.setattr(index_build, "build_document", lambda *_: pytest.fail("the index was built anew"))


def test_the_contract_is_that_of_the_hookspecs() -> None:
    assert CONTRACT == hookspecs.CONTRACT_VERSION


def test_an_entry_says_where_it_comes_from(site: Site, kept: Path) -> None:
    installed = site.install("pager", version="2.1")
    (entry,) = load(site, kept).entries("sinks")
    assert entry == (
        "sinks", 1, "pager", installed.module, "acme-busway-pager", "2.1", str(installed.info / "entry_points.txt"),
    )  # fmt: skip


def test_other_contract_versions_are_kept_apart(site: Site, kept: Path) -> None:
    site.install("old", contract=0)
    site.install("both", also="[busway.v2.sinks]\nboth = {module}\n")
    index = load(site, kept)
    assert names(index) == ["both"]
    assert [(entry.name, entry.contract) for entry in index.incompatible("sinks")] == [("old", 0)]


def test_commands_carry_the_summary_as_help(site: Site, kept: Path) -> None:
    site.metadata("acme-tools", "3", "[busway.v1.commands]\nbackup = acme.cli:backup\n", summary="Backs up the ledger.")
    (command,) = load(site, kept).commands()
    assert command == ("backup", "acme.cli:backup", "acme-tools", "3", "Backs up the ledger.")


def test_the_first_distribution_of_a_name_on_the_path_wins(tmp_path: Path, kept: Path) -> None:
    first, second = Site(tmp_path / "first"), Site(tmp_path / "second")
    first.install("new", distribution="acme-pager", version="2")
    second.install("old", distribution="acme.Pager", version="1")
    index = load_index(path=[str(first.folder), str(second.folder)], cache_file=kept)
    assert [(entry.name, entry.version) for entry in index.entries("sinks")] == [("new", "2")]


def test_the_first_wins_even_when_it_offers_nothing(tmp_path: Path, kept: Path) -> None:
    first, second = Site(tmp_path / "first"), Site(tmp_path / "second")
    first.metadata("acme-pager", "2", "[console_scripts]\nx = y:z\n")
    second.install("old", distribution="acme-pager", version="1")
    assert names(load_index(path=[str(first.folder), str(second.folder)], cache_file=kept)) == []


def test_an_editable_install_is_found_through_its_egg_info(tmp_path: Path, kept: Path, trusting: None) -> None:
    source = tmp_path / "src"
    info = source / "acme_dev.egg-info"
    info.mkdir(parents=True)
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme-dev\nVersion: 0.1\n")
    assert names(load_index(path=[str(source)], cache_file=kept)) == []
    (info / "entry_points.txt").write_text("[busway.v1.sinks]\ndev = acme_dev\n")  # the folder src does not change
    assert names(load_index(path=[str(source)], cache_file=kept)) == ["dev"]


def test_this_environment_with_its_editable_installs_is_found(kept: Path) -> None:
    index = load_index(refresh=True, cache_file=kept)
    assert {"env", "dotenv"} <= {entry.name for entry in index.entries("secrets")}
    assert {"memory"} <= {entry.name for entry in index.entries("caches") if entry.distribution == "busway"}


def test_a_current_index_answers_without_a_search(
    site: Site, kept: Path, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("pager")
    built = load(site, kept)
    no_build(monkeypatch)
    again = load(site, kept)
    assert again.entries("sinks") == built.entries("sinks") != []


def test_refresh_searches_anew(site: Site, kept: Path, trusting: None) -> None:
    site.install("pager")
    load(site, kept)
    document = json.loads(kept.read_text())
    document["plugins"] = []
    kept.write_text(json.dumps(document))
    assert names(load(site, kept)) == []
    assert names(load(site, kept, refresh=True)) == ["pager"]


def test_a_fresh_change_is_not_kept(site: Site, kept: Path) -> None:
    site.install("pager")
    assert names(load(site, kept)) == ["pager"]
    assert not kept.exists()


def test_an_entry_points_file_changed_in_place_is_seen(site: Site, kept: Path, trusting: None) -> None:
    installed = site.install("pager")
    assert names(load(site, kept)) == ["pager"]
    points = installed.info / "entry_points.txt"
    points.write_text(points.read_text().replace("pager =", "bleeper ="))
    assert names(load(site, kept)) == ["bleeper"]


def test_a_folder_whose_times_are_set_back_is_read_anew(site: Site, kept: Path, trusting: None) -> None:
    site.install("pager")
    before = site.folder.stat()
    assert names(load(site, kept)) == ["pager"]
    site.metadata("acme-bleeper", "1", "[busway.v1.sinks]\nbleeper = x\n")
    os.utime(site.folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert names(load(site, kept)) == ["bleeper", "pager"]


steps = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_installing_and_removing_within_one_second_is_never_stale(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool]]
) -> None:
    site = Site(tmp_path_factory.mktemp("site"))
    kept = tmp_path_factory.mktemp("kept") / "index.json"
    there = {}
    for name, wanted in steps:
        if wanted and name not in there:
            there[name] = site.install(name)
        elif not wanted and name in there:
            site.uninstall(there.pop(name))
        assert names(load(site, kept)) == sorted(there)


def test_an_old_environment_is_kept_and_a_later_change_seen(
    site: Site, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("pager")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + index_build.TRUST_AFTER_NS + 10**9)
    load(site, kept)
    assert kept.exists()
    site.install("bleep")
    assert names(load(site, kept)) == ["bleep", "pager"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"format":1', '"format":0'),
        lambda text: text.replace('"sinks"', "7"),
        lambda text: text.replace('"plugins":', '"plagues":'),
        lambda text: text.replace('"files":', '"files":null,"x":'),
        lambda text: "[" * 200_000,
    ],
    ids=["empty", "cut", "list", "format", "types", "keys", "files", "deep"],
)
def test_a_corrupt_index_is_rebuilt(site: Site, kept: Path, trusting: None, spoil: object) -> None:
    site.install("pager")
    load(site, kept)
    good = kept.read_text()
    kept.write_text(spoil(good))  # type: ignore[operator]
    assert names(load(site, kept)) == ["pager"]
    assert json.loads(kept.read_text()) == json.loads(good)


def test_an_index_that_cannot_be_read_or_written_is_no_error(site: Site, tmp_path: Path, trusting: None) -> None:
    site.install("pager")
    (tmp_path / "folder").mkdir()
    assert names(load(site, tmp_path / "folder")) == ["pager"]
    (tmp_path / "file").write_text("")
    assert names(load(site, tmp_path / "file" / "index.json")) == ["pager"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_damaged_metadata_of_one_distribution_hides_no_other(site: Site, kept: Path) -> None:
    site.install("pager")
    broken = site.metadata("acme-broken", "1", "[busway.v1.sinks]\nbroken = x\n")
    (broken / "METADATA").unlink()
    (site.folder / "empty-1.dist-info").mkdir()
    index = load(site, kept)
    assert "pager" in names(index)
    assert [str(broken)] == [row.path for row in index.unreadable()]


def test_the_places_are_the_environment_then_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, second = index_file.places([])
    assert first == str(Path(sys.prefix) / ".busway-plugins.json")
    assert Path(second).parent == tmp_path / "busway"
    assert index_file.places([sys.prefix]) == [second]


def test_without_a_place_the_index_stays_in_memory(site: Site, trusting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("pager")
    monkeypatch.setattr(index_file, "places", lambda *_: ["/proc/none/index.json"])
    load_index(path=[str(site.folder)])
    no_build(monkeypatch)
    assert names(load_index(path=[str(site.folder)])) == ["pager"]


def test_a_warm_start_imports_next_to_nothing(site: Site, kept: Path, trusting: None) -> None:
    site.install("pager")
    load(site, kept)
    code = (
        "import sys; before = set(sys.modules)\n"
        "from busway.plugins.index import load_index\n"
        f"index = load_index(path=[{str(site.folder)!r}], cache_file={str(kept)!r})\n"
        "assert [entry.name for entry in index.entries('sinks')] == ['pager']\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = set(run.stdout.split())
    heavy = {
        "importlib_metadata",
        "importlib.metadata",
        "pluggy",
        "stevedore",
        "pydantic",
        "pathlib",
        "dataclasses",
        "tempfile",
    }
    assert not loaded & heavy
    assert {name for name in loaded if name.startswith("busway")} == {
        "busway", "busway.plugins", "busway.plugins.index", "busway.plugins.index_file",
    }  # fmt: skip
