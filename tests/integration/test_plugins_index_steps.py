"""Whatever is installed and removed, within one second or over many: the index says what the metadata says."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from importlib import metadata
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from builders.distributions import Site
from busway.plugins import index_build
from busway.plugins.index import load_index

OLD_ENOUGH_NS = index_build.TRUST_AFTER_NS + 10**9

distributions = st.sampled_from(["acme-a", "acme-b", "Acme.C"])
versions = st.sampled_from(["1.0", "1.1", "2.0"])
plugins = st.lists(
    st.sampled_from(["sinks:pager", "sinks:mail", "caches:disk", "jobs:people"]), unique=True, max_size=3
)
folders = st.sampled_from(["first", "second"])


def declared(names: list[str]) -> str:
    """The `entry_points.txt` that declares `names`."""
    lines = ["[console_scripts]", "x = y:z"]
    for each in names:
        kind, name = each.split(":")
        lines += [f"[busway.v1.{kind}]", f"{name} = acme_{name}"]
    return "\n".join([*lines, ""])


class Installer(RuleBasedStateMachine):
    """Two folders on a path, an installer that works on them, and an index that is asked after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="busway-steps-"))
        self.kept = self.base / "kept" / "index"
        self.path = [str(self.base / name) for name in ("first", "second")]
        self.there: dict[tuple[str, str], Path] = {}

    @initialize()
    def make_folders(self) -> None:
        self.sites = {name: Site(self.base / name) for name in ("first", "second")}

    @rule(folder=folders, distribution=distributions, version=versions, names=plugins, whole=st.booleans())
    def install(self, folder: str, distribution: str, version: str, names: list[str], whole: bool) -> None:
        """Installs, upgrades, downgrades or reinstalls, as an installer does: the old one goes first."""
        if (folder, distribution) in self.there:
            self.remove_one(folder, distribution)
        info = self.sites[folder].metadata(distribution, version, declared(names))
        if whole:
            (info / "RECORD").touch()
        self.there[folder, distribution] = info

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.remove_one(*data.draw(st.sampled_from(sorted(self.there))))

    @precondition(lambda self: self.there)
    @rule(data=st.data(), names=plugins)
    def edit_in_place(self, data: st.DataObject, names: list[str]) -> None:
        """Only what declares a plugin is watched: nobody edits the metadata of an installed wheel otherwise."""
        info = self.there[data.draw(st.sampled_from(sorted(self.there)))]
        points = info / "entry_points.txt"
        if "[busway." in points.read_text() or not (info / "RECORD").exists():
            points.unlink()
            points.write_text(declared(names))

    @rule(folder=folders)
    def set_times_back(self, folder: str) -> None:
        """What unpacking archives does: the folder looks as old as ever."""
        os.utime(self.base / folder, ns=(10**18, 10**18))

    @rule()
    def let_it_age(self) -> None:
        """Time passes, the index is asked and keeps its answer; the next step may come at once."""
        self.wait_for_the_next_tick()
        now = time.time_ns()
        with mock.patch("time.time_ns", return_value=now + OLD_ENOUGH_NS):
            self.ask()
        assert self.kept.exists()

    @invariant()
    def the_index_says_what_the_metadata_says(self) -> None:
        assert self.ask() == self.truth()

    def teardown(self) -> None:
        shutil.rmtree(self.base)

    def ask(self) -> list[tuple[str, ...]]:
        index = load_index(path=self.path, cache_file=self.kept)
        entries = [each for kind in ("sinks", "caches", "jobs") for each in index.entries(kind)]
        return sorted((each.kind, each.name, each.value, each.distribution, each.version) for each in entries)

    def truth(self) -> list[tuple[str, ...]]:
        metadata.MetadataPathFinder().invalidate_caches()
        first: dict[str, metadata.Distribution] = {}
        for each in metadata.distributions(path=self.path):
            first.setdefault(each.name.lower().replace(".", "-"), each)
        return sorted(
            (point.group.removeprefix("busway.v1."), point.name, point.value, each.name, each.version)
            for each in first.values()
            for point in each.entry_points
            if point.group.startswith("busway.v1.")
        )

    def remove_one(self, folder: str, distribution: str) -> None:
        shutil.rmtree(self.there.pop((folder, distribution)))

    def wait_for_the_next_tick(self) -> None:
        """The clock of the file system moves on, a few milliseconds at most: then nothing hides in the past tick."""
        probe = self.base / "probe"
        probe.touch()
        began = probe.stat().st_mtime_ns
        while probe.stat().st_mtime_ns == began:
            probe.touch()


TestInstaller = Installer.TestCase
TestInstaller.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
