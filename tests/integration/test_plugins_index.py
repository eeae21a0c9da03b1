"""The index of installed plugins: complete, current, cheap, and never an error."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlib_metadata import Distribution, MetadataPathFinder

from builders.distributions import Site
from builders.kept_index import load, names, no_build
from busway import hookspecs
from busway.plugins import index_build
from busway.plugins.index import CONTRACT, load_index
from busway.plugins.listing import list_statuses
from busway.plugins.resolution import resolve
from busway.plugins.selection import Pick, Selection


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


STRANGE = [
    ("busway.v1.sink", "did you mean busway.v1.sinks?"),
    ("busway.v1.Caches", "did you mean busway.v1.caches?"),
    ("busway.v1.sinks.extra", "did you mean busway.v1.sinks?"),
    ("busway.command", "did you mean busway.v1.commands?"),
    ("busway.v1.zzz", "the groups are busway.v1.secrets, busway.v1.caches"),
]


@pytest.mark.parametrize(("group", "hint"), STRANGE, ids=[group for group, _ in STRANGE])
def test_a_group_nobody_reads_is_reported(site: Site, kept: Path, group: str, hint: str) -> None:
    site.install("pager")
    info = site.metadata("acme-lost", "7", f"[{group}]\nlost = acme_lost\n")
    index = load(site, kept)
    ((path, reason),) = index.unreadable()
    assert path == str(info / "entry_points.txt")
    assert f"acme-lost 7 declares lost in the group {group}" in reason
    assert hint in reason
    assert names(index) == ["pager"]


def test_the_other_groups_of_the_contract_and_those_of_others_are_no_news(site: Site, kept: Path) -> None:
    groups = "[busway.v1.migrations]\nrules = x\n[console_scripts]\na = b:c\n[busway_mail.plugins]\nd = e\n"
    site.metadata("acme-quiet", "1", groups + "[busway.v1.commands]\nsend = f:g\n")
    assert not load(site, kept).unreadable()


def test_a_group_without_a_version_is_one_of_version_0(site: Site, kept: Path) -> None:
    site.metadata("acme-old", "1", "[busway.sinks]\nold = acme_old\n")
    index = load(site, kept)
    assert names(index) == []
    assert [(entry.name, entry.contract) for entry in index.incompatible("sinks")] == [("old", 0)]
    row = resolve(index, Selection(sinks=(Pick("old"),)), "sinks")[0].status
    assert (row.state, row.code) == ("incompatible", "BW1302")
    assert "busway.sinks without a contract version" in row.cause
    assert "this core reads busway.v1.sinks" in row.cause


def test_names_that_a_person_would_take_for_one_another_are_told(site: Site, kept: Path) -> None:
    for name, distribution in {"pager-duty": "acme-one", "Pager_Duty": "acme-two", "other": "acme-three"}.items():
        site.install(name, distribution=distribution)
    rows = {row.name: row.cause for row in list_statuses(load(site, kept), Selection(sinks=(Pick("pager-duty"),)))}
    assert rows["pager-duty"] == rows["other"] == ""
    assert 'differs from "pager-duty" of acme-one only in case' in rows["Pager_Duty"]


def test_entry_points_that_arrive_late_are_seen(site: Site, kept: Path, trusting: None) -> None:
    """An installer makes the metadata folder first and fills it later; the folder it lies in does not change then."""
    info = site.metadata("acme-late", "1", "")
    points = info / "entry_points.txt"
    points.unlink()
    assert names(load(site, kept)) == []
    assert kept.exists()
    points.write_text("[busway.v1.sinks]\nlate = acme_late\n")
    assert names(load(site, kept)) == ["late"]


def test_entry_points_of_an_egg_info_rewritten_in_place_are_seen(tmp_path: Path, kept: Path, trusting: None) -> None:
    info = tmp_path / "src" / "acme_dev.egg-info"
    info.mkdir(parents=True)
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme-dev\nVersion: 0.1\n")
    points = info / "entry_points.txt"
    points.write_text("[console_scripts]\nx = y:z\n")
    assert names(load_index(path=[str(tmp_path / "src")], cache_file=kept)) == []
    points.write_text("[busway.v1.sinks]\ndev = acme_dev\n")
    assert names(load_index(path=[str(tmp_path / "src")], cache_file=kept)) == ["dev"]


def test_a_distribution_that_goes_while_it_is_read_is_gone(
    site: Site, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uninstall in another process, between the two looks of a search."""
    site.install("pager")
    gone = site.install("gone")
    look = index_build._distributions

    def look_and_remove(folders: list[str], **wanted: str) -> Iterator[Distribution]:
        if wanted and gone.info.exists():
            site.uninstall(gone)
            MetadataPathFinder.invalidate_caches()
        return look(folders, **wanted)

    monkeypatch.setattr(index_build, "_distributions", look_and_remove)
    assert names(load(site, kept)) == ["pager"]


def test_a_replaced_distribution_is_seen_though_the_folder_looks_as_before(
    site: Site, kept: Path, trusting: None
) -> None:
    """As many entries, and the time set back: only the time of the change, which nobody can set, tells."""
    old = site.metadata("acme-old", "1", "")
    (old / "RECORD").touch()
    before = site.folder.stat()
    assert names(load(site, kept)) == []
    shutil.rmtree(old)
    site.metadata("acme-new", "1", "[busway.v1.sinks]\nnew = x\n")
    os.utime(site.folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert names(load(site, kept)) == ["new"]


class StoppedClock:
    """What `stat` says on a file system whose clock stands still."""

    st_mtime_ns = st_ctime_ns = 10**18

    def __init__(self, real: os.stat_result) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def test_a_new_distribution_is_seen_though_the_clock_stands_still(
    site: Site, kept: Path, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda *given, **named: StoppedClock(stat(*given, **named)))
    site.install("pager")
    assert names(load(site, kept)) == ["pager"]
    site.metadata("acme-bleeper", "1", "[busway.v1.sinks]\nbleeper = x\n")
    assert names(load(site, kept)) == ["bleeper", "pager"]


def test_an_egg_that_gains_entry_points_is_seen(tmp_path: Path, kept: Path, trusting: None) -> None:
    egg = tmp_path / "acme_egg-1-py3.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme-egg\nVersion: 1\n")
    assert names(load_index(path=[str(egg)], cache_file=kept)) == []
    (egg / "EGG-INFO" / "entry_points.txt").write_text("[busway.v1.sinks]\negg = acme_egg\n")
    assert names(load_index(path=[str(egg)], cache_file=kept)) == ["egg"]


def test_damaged_metadata_of_one_distribution_hides_no_other(site: Site, kept: Path) -> None:
    site.install("pager")
    broken = site.metadata("acme-broken", "1", "[busway.v1.sinks]\nbroken = x\n")
    (broken / "METADATA").unlink()
    (site.folder / "empty-1.dist-info").mkdir()
    index = load(site, kept)
    assert "pager" in names(index)
    assert [str(broken)] == [row.path for row in index.unreadable()]
