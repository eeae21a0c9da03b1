"""Random programs with old names in random forms: migrated or reported, never broken."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, note, settings
from hypothesis import strategies as st

from builders.old_code import MigratedTree, look_at, pack
from builders.old_programs import RECORDING_MODULES, programs, run
from busway.configuration.flags import FLAG_NAMES
from busway.shims import BuswayDeprecationWarning
from busway.shims.choosing import forget_flags
from busway_migrate.files import list_files
from busway_migrate.findings import FindingKind
from busway_migrate.journal import journal_of
from busway_migrate.shims import plan_shims
from busway_migrate.writer import write_all

NO_RULE = "from recorder import out\nfrom utils.cache_manager import CacheManager\nout(CacheManager().purge())\n"

BEYOND_A_GAP = (
    "from recorder import out, step\nfrom utils.change_tracker import ChangeTracker\n"
    "out(ChangeTracker().log_error(step(0), step(1), step(2), step(3)))\n"
)
"""The fourth argument of the old call is the sixth of the new one."""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in {**RECORDING_MODULES, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def apply(tree: MigratedTree) -> None:
    for change in tree.migration.changes:
        change.path.write_bytes(change.new)


def check(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        before, end = run(folder)
        tree = look_at(folder)
        note("\n".join(f"# {path}\n{tree.text(path)}" for path in files))
        note(tree.reasons())
        apply(tree)
        after, new_end = run(folder)
        assert (after, repr(new_end)) == (before, repr(end))
        again = look_at(folder)
        assert again.migration.changes == (), "the second run changes nothing"
        left = {
            path for path in files if "from utils" in (text := (folder / path).read_text()) or "import utils" in text
        }
        told = {finding.path.name for finding in again.migration.findings if finding.kind is FindingKind.HAND}
        assert left <= told, "what stays is reported"


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(programs())
@example({"job.py": NO_RULE})
@example({"job.py": BEYOND_A_GAP})
def test_a_program_does_the_same_before_and_after(files: dict[str, str]) -> None:
    check(files)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(programs(), st.sampled_from(["\r\n", "\n"]), st.booleans(), st.sampled_from(["utf-8", "latin-1"]))
def test_line_ends_marks_and_encodings_survive(files: dict[str, str], end: str, mark: bool, encoding: str) -> None:
    cookie = f"# -*- coding: {encoding} -*-  äöü\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        data = (cookie + files["job.py"]).replace("\n", end).encode(encoding)
        mark = mark and encoding == "utf-8"
        (folder / "job.py").write_bytes(b"\xef\xbb\xbf" * mark + data)
        tree = look_at(folder)
        for change in tree.migration.changes:
            if change.path.name != "job.py":
                continue
            assert change.new.startswith(b"\xef\xbb\xbf") == mark
            text = change.new.removeprefix(b"\xef\xbb\xbf").decode(encoding)
            assert text.startswith(cookie.replace("\n", end))
            assert text.count("\n") == text.count(end)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(programs(), st.sampled_from(["on", "off"]))
def test_a_program_does_the_same_through_shims(files: dict[str, str], flag: str) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        write(folder, files)
        before, end = run(folder)
        assume(end is None)
        plans = plan_shims(list_files([folder]), pack())
        write_all(journal_of(folder), [entry for plan in plans for entry in plan.entries()])
        for variable in FLAG_NAMES.values():
            patch.setenv(variable, flag)
        forget_flags()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BuswayDeprecationWarning)
            after, new_end = run(folder)
        note(str(new_end))
        assert (after, new_end) == (before, None)
    forget_flags()
