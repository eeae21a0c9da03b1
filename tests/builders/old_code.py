"""Trees of code with old imports, for the tests of ``busway migrate``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from busway_migrate.files import list_files
from busway_migrate.findings import Finding, FindingKind
from busway_migrate.packs import load_rules
from busway_migrate.rule_book import RuleBook
from busway_migrate.tree import Migration, Tree

OLD_MODULES = {
    "config/__init__.py": "from config.settings import settings\n",
    "config/settings.py": "class _Settings:\n    REDIS_HOST = 'old'\n\n\nsettings = _Settings()\nREDIS_HOST = 'old'\n",
    "utils/__init__.py": "",
    "utils/cache_manager.py": "class CacheManager:\n    pass\n",
    "utils/error_manager.py": "error_manager = object()\n",
    "utils/change_tracker.py": "class ChangeTracker:\n    pass\n",
    "utils/error_notifier.py": "error_notifier = object()\n",
    "utils/data_validator.py": "validator = object()\n",
}
"""What an earlier integration has; only the names matter to the codemod."""


@cache
def pack() -> RuleBook:
    """The rules that ship with this project."""
    return load_rules()


@dataclass(frozen=True)
class MigratedTree:
    """What a dry run says about a tree."""

    folder: Path
    migration: Migration

    def text(self, name: str) -> str:
        """The new text of a file, or the old one where it stays as it is."""
        path = self.folder / name
        changed = {change.path: change.new for change in self.migration.changes}
        return changed.get(path, path.read_bytes()).decode("utf-8")

    def found(self, kind: FindingKind) -> list[Finding]:
        """The findings of one class."""
        return [finding for finding in self.migration.findings if finding.kind is kind]

    def reasons(self) -> str:
        """Why what stays stays, as one text."""
        kinds = (FindingKind.HAND, FindingKind.DYNAMIC)
        found = [finding for finding in self.migration.findings if finding.kind in kinds]
        return "\n".join(f"{one.path.name}:{one.line} {one.what} | {one.why} | {one.fix}" for one in found)


def write_tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes ``files`` beside the old modules; texts lose the indentation they have in the test."""
    for name, content in {**OLD_MODULES, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else textwrap.dedent(content).encode("utf-8")
        path.write_bytes(data)
    return folder


def migrate_tree(
    folder: Path, files: Mapping[str, str | bytes], *, paths: tuple[str, ...] = (".",), allow_unsafe: bool = False
) -> MigratedTree:
    """A dry run over ``files``."""
    write_tree(folder, files)
    return look_at(folder, paths=paths, allow_unsafe=allow_unsafe)


def look_at(
    folder: Path, *, paths: tuple[str, ...] = (".",), allow_unsafe: bool = False, book: RuleBook | None = None
) -> MigratedTree:
    """A dry run over what lies in ``folder``."""
    listing = list_files([folder / path for path in paths])
    return MigratedTree(folder, Tree(listing, book or pack(), allow_unsafe=allow_unsafe).migrate())


def migrate_text(folder: Path, text: str) -> str:
    """The new text of one program."""
    return migrate_tree(folder, {"job.py": text}).text("job.py")
