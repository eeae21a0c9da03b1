"""Shims: which old modules of a tree get one, and what is written for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from busway.errors import UsageError
from busway_migrate.files import FileList
from busway_migrate.journal import Entry
from busway_migrate.modules import PACKAGE_LEGACY, Modules, legacy_module
from busway_migrate.old_modules import public_names
from busway_migrate.rule_book import RuleBook
from busway_migrate.shim_text import MARK, shim_text
from busway_migrate.source_file import UndecodableError, read_source

__all__ = ["ShimPlan", "plan_shims"]


@dataclass(frozen=True, slots=True)
class ShimPlan:
    """One old module: its file, and where the old code goes."""

    module: str
    path: Path
    legacy: Path
    old: bytes
    new: bytes
    """The shim; as ``old`` where there is one already."""

    @property
    def is_done(self) -> bool:
        """Whether the shim is in its place."""
        return self.old == self.new

    def entries(self) -> Iterator[Entry]:
        """What to write: the old code first, so that it is never nowhere."""
        if not self.is_done:
            yield Entry(self.legacy, None, self.old)
            yield Entry(self.path, self.old, self.new)


def plan_shims(listing: FileList, book: RuleBook) -> list[ShimPlan]:
    """A plan for every old module under the paths of the run.

    Raises ``UsageError``: BW7611 where the place of the old code is taken, BW7612 for an old module that is no text.
    """
    modules = Modules(listing.top, [*listing.wanted, *listing.others], book.modules)
    wanted = set(listing.wanted)
    found = []
    for module in sorted(book.modules):
        path = modules.file_of(module)
        if path is not None and path in wanted and any(rule.becomes for rule in book.names_of(module)):
            found.append(_plan(book, module, path))
    return found


def _plan(book: RuleBook, module: str, path: Path) -> ShimPlan:
    is_package = path.name == "__init__.py"
    legacy = path.with_name(f"{PACKAGE_LEGACY}.py" if is_package else f"{path.stem}_legacy.py")
    old = path.read_bytes()
    if MARK.encode() in old[:2000]:
        return ShimPlan(module, path, legacy, old, old)
    if legacy.exists():
        raise UsageError(
            "BW7611",
            f"the old code of {module} has no place to go",
            where=str(legacy),
            why="a file of that name is there, and it is not known to be the old code",
            fix=f"give {legacy.name} another name, then run busway migrate shims again",
        )
    try:
        public = public_names(read_source(path, old).text)
    except UndecodableError as error:
        why = str(error)
        raise UsageError("BW7612", f"{path} cannot be read", where=str(path), why=why, fix="mend it") from error
    text = shim_text(book, module, legacy_module(module, is_package=is_package), public)
    return ShimPlan(module, path, legacy, old, text.encode("utf-8"))
