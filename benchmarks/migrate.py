"""``busway migrate`` beside the regular expressions of the plan: time, and what each makes of a tree.

    uv run python benchmarks/migrate.py [--files 30]

The tree is made for this: modules of 100 to 400 lines that use old names in the usual forms. The script of the plan is
run as it stands there. For both, pyflakes counts the names that nothing defines any more and the imports that nothing
uses, before and after; files with old names that nobody was told about are counted, too.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import turns
from libcst import parse_module
from libcst.metadata import MetadataWrapper, ScopeProvider
from pyflakes import api, messages, reporter

from busway_migrate.files import list_files
from busway_migrate.packs import load_rules
from busway_migrate.parsed_file import ParsedFile, UnparsableError
from busway_migrate.source_file import read_source
from busway_migrate.tree import Tree

PLAN = (
    (r"from\s+config\s+import\s+(settings|SAFETYAMP_TOKEN|SQL_SERVER|[A-Z_]+)", "from config import config"),
    (r"from\s+utils\.cache_manager\s+import\s+CacheManager", "from services.data_manager import data_manager"),
    (r"CacheManager\(\)", "data_manager"),
    (r"validator\.validate_employee_data\(", "data_manager.validate_employee_data("),
    (r"from\s+utils\.error_manager\s+import\s+error_manager", "from services.event_manager import event_manager"),
    (r"from\s+utils\.change_tracker\s+import\s+ChangeTracker", "from services.event_manager import event_manager"),
    (r"from\s+utils\.error_notifier\s+import\s+error_notifier", "from services.event_manager import event_manager"),
    (r"error_manager\.", "event_manager."),
    (r"error_notifier\.", "event_manager."),
    (r"ChangeTracker\(\)", "event_manager"),
)
"""The replacements of the plan, in its order."""
OLD = re.compile(r"\butils\.(?:cache|error|change|data)_\w+|\bfrom utils import\b")
"""Imports that both mean to do away with."""
FORMS = (
    ("from config import settings", "return settings.REDIS_HOST"),
    ("from config import SAFETYAMP_TOKEN, SQL_SERVER", "return SAFETYAMP_TOKEN or SQL_SERVER"),
    (
        "from utils.cache_manager import CacheManager",
        "return CacheManager().get_cached_data_with_fallback('k', list, 4)",
    ),
    ("from utils.error_manager import error_manager as errors", "errors.log_error('k', 'm', 'employee', '1')"),
    ("import utils.error_notifier", "utils.error_notifier.error_notifier.send_hourly_notification()"),
    ("from utils.change_tracker import ChangeTracker", "return ChangeTracker().log_creation('employee', '1', data={})"),
    ("from utils import data_validator", "return data_validator.validator.validate_employee_data({}, '1', 'n')"),
)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Time busway migrate.")
    parser.add_argument("--files", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as name:
        folder = Path(name)
        made = make_tree(folder / "tree", options.files)
        print(f"{options.files} files, {sum(text.count(chr(10)) for text in made.values()):,} lines")
        compare(folder, options.rounds)
        bare(folder / "tree", options.rounds)
        whole_process(folder / "tree", options.rounds)
        round_trip()
        large_file(folder / "large")


def make_tree(folder: Path, files: int) -> dict[Path, str]:
    """Modules with old names, written to ``folder``; the same each time."""
    source = random.Random(2026)
    made = {}
    for number in range(files):
        forms = source.sample(FORMS, source.randint(1, 3))
        body = [f"def use_{at}():\n    {use}\n" for at, (_, use) in enumerate(forms)]
        body += [filler(source, at) for at in range(source.randint(12, 50))]
        text = "\n".join(line for line, _ in forms) + "\n\n\n" + "\n\n".join(body)
        made[folder / "sync" / f"module_{number}.py"] = text
    for module in ("cache_manager", "error_manager", "change_tracker", "error_notifier", "data_validator"):
        made[folder / "utils" / f"{module}.py"] = "x = 1\n"
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return made


def filler(source: random.Random, at: int) -> str:
    """A function that has nothing to do with anything."""
    name = source.choice(("rows", "people", "values"))
    return (
        f"def step_{at}({name}, limit={at}):\n    found = []\n    for one in {name}:\n"
        "        if one.get('id', 0) > limit:\n            found.append({**one, 'n': len(found)})\n    return found\n"
    )


def compare(folder: Path, rounds: int) -> None:
    """Both on a copy of the tree, in turns."""
    book = load_rules()

    def ours(copy: Path) -> int:
        migration = Tree(list_files([copy]), book).migrate()
        for change in migration.changes:
            change.path.write_bytes(change.new)
        return len({finding.path for finding in migration.findings if finding.kind not in ("changed", "done")})

    results = turns({"busway migrate": once(folder, ours), "the plan's script": once(folder, plan_script)}, rounds)
    print(f"{'':<20} {'seconds':>8} {'undefined':>10} {'unused':>7} {'old, untold':>12}")
    for name, found in results.items():
        seconds = min(one[0] for one in found)
        print(f"{name:<20} {seconds:>8.2f} {found[0][1]:>10} {found[0][2]:>7} {found[0][3]:>12}")


def bare(folder: Path, rounds: int) -> None:
    """What LibCST takes to parse the same files and to work out their scopes: a yardstick for this machine."""

    def work() -> float:
        started = time.perf_counter()
        for path in folder.glob("sync/*.py"):
            wrapper = MetadataWrapper(parse_module(path.read_bytes()), unsafe_skip_copy=True)
            wrapper.resolve(ScopeProvider)
        return time.perf_counter() - started

    print(f"LibCST alone, parsing and scopes: {min(turns({'bare': work}, rounds)['bare']):.2f} s")


def once(folder: Path, work: Callable[[Path], int]) -> Callable[[], tuple[float, int, int, int]]:
    """Seconds, new undefined names, new unused imports, and files with old names that nobody was told about."""

    def run() -> tuple[float, int, int, int]:
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder / "tree", copy)
        before = flaws(copy)
        started = time.perf_counter()
        told = work(copy)
        seconds = time.perf_counter() - started
        after = flaws(copy)
        left = sum(bool(OLD.search(path.read_text("utf-8"))) for path in copy.glob("sync/*.py"))
        return seconds, after[0] - before[0], after[1] - before[1], max(0, left - told)

    return run


def plan_script(folder: Path) -> int:
    """What the plan says, word for word."""
    for path in folder.glob("**/*.py"):
        text = path.read_text("utf-8")
        for pattern, new in PLAN:
            text = re.sub(pattern, new, text)
        path.write_text(text, "utf-8")
    return 0


def flaws(folder: Path) -> tuple[int, int]:
    """Undefined names and unused imports."""
    found: list[messages.Message] = []

    class Keeping(reporter.Reporter):  # type: ignore[misc]
        def flake(self, message: messages.Message) -> None:
            found.append(message)

    for path in folder.glob("sync/*.py"):
        api.check(path.read_text("utf-8"), str(path), Keeping(io.StringIO(), io.StringIO()))
    undefined = sum(isinstance(one, messages.UndefinedName) for one in found)
    return undefined, sum(isinstance(one, messages.UnusedImport) for one in found)


def whole_process(folder: Path, rounds: int) -> None:
    """The command as a person runs it, start and imports included."""
    command = [str(Path(sys.executable).parent / "busway"), "migrate", str(folder)]
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    print(f"busway migrate as a process: {min(seconds[1:]):.2f} s (goal: at most 5 s)")


def round_trip() -> None:
    """Every module of the standard library and of what is installed: read and written back, byte for byte."""
    total = same = unread = 0
    started = time.perf_counter()
    for path in sample():
        total += 1
        try:
            source = read_source(path, path.read_bytes())
            same += source.encode(ParsedFile(source).module.code) == source.data
        except (UnparsableError, ValueError, RecursionError):
            unread += 1
        except Exception:
            unread += 1
    seconds = time.perf_counter() - started
    print(f"round trip: {same} of {total - unread} files that parse are the same to the byte ({seconds:.0f} s)")


def sample() -> Iterator[Path]:
    """Three hundred modules, the same each time on one machine."""
    folder = Path(random.__file__).parent
    paths: Sequence[Path] = sorted(path for path in folder.rglob("*.py") if "site-packages" not in path.parts)
    yield from random.Random(7).sample(paths, min(300, len(paths)))


def large_file(folder: Path) -> None:
    """A file of 50,000 lines with one old name in it."""
    folder.mkdir()
    source = random.Random(1)
    lines = ["from config import settings", "", "", *(filler(source, at) for at in range(7200)), "settings.REDIS_HOST"]
    text = "\n".join(lines) + "\n"
    (folder / "large.py").write_text(text, "utf-8")
    started = time.perf_counter()
    changed = len(Tree(list_files([folder]), load_rules()).migrate().changes)
    print(f"a file of {text.count(chr(10)):,} lines: {time.perf_counter() - started:.1f} s, {changed} changed")


if __name__ == "__main__":
    main()
