"""The tree as a whole: finds all that is old in it, and makes the changes that nothing speaks against."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from busway_migrate.aliases import Aliases
from busway_migrate.dynamic import bare_names, dynamic_findings
from busway_migrate.edits import Edit, ImportEdit
from busway_migrate.file_analysis import FileAnalysis, Holder
from busway_migrate.files import FileList
from busway_migrate.findings import Finding, FindingKind
from busway_migrate.groups import Groups
from busway_migrate.imports import analyse_imports
from busway_migrate.instances import analyse_variables, follow_attribute, heirs
from busway_migrate.modules import Modules
from busway_migrate.old_modules import names_of
from busway_migrate.outside import is_outside, outside_findings
from busway_migrate.python_files import PythonFiles
from busway_migrate.relevance import narrow
from busway_migrate.resolver import Resolver
from busway_migrate.rewriter import rewritten
from busway_migrate.rule_book import RuleBook
from busway_migrate.stars import analyse_stars
from busway_migrate.verification import fault_of

__all__ = ["Change", "Migration", "Tree"]


@dataclass(frozen=True, slots=True)
class Change:
    """One file that gets another content."""

    path: Path
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Migration:
    """What a run has found, and what it would write."""

    files: int
    """Python files looked at."""
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]


class Tree:
    """All files of a run, and what is known of them."""

    def __init__(self, listing: FileList, book: RuleBook, *, allow_unsafe: bool = False) -> None:
        self._listing = listing
        self._book = book
        self._allow_unsafe = allow_unsafe
        self._wanted = frozenset(listing.wanted)
        self._files = PythonFiles([*listing.wanted, *listing.others])
        self._modules = Modules(listing.top, [*listing.wanted, *listing.others], book.modules)
        self._resolver = Resolver(book)
        self._groups = Groups()
        self._aliases = Aliases(self._files, self._modules, self._resolver, self._groups)
        self._analyses: dict[Path, FileAnalysis] = {}
        self._dynamic: list[Finding] = []

    def migrate(self) -> Migration:
        """Looks at everything and makes the new texts; writes nothing."""
        self._aliases.find()
        for path in list(self._aliases.users()):
            self._analyse(path)
        self._follow_attributes()
        self._look_at_texts()
        self._look_at_importers()
        self._look_at_places()
        changes = self._changes()
        python = [path for path in self._wanted if path in self._files.sources]
        return Migration(len(python), tuple(changes), tuple(sorted(dict.fromkeys(self._findings()))))

    def _analyse(self, path: Path) -> None:
        analysis = self._analysis(path)
        if analysis is None:
            return
        analyse_imports(analysis, self._modules)
        known = {module: names for module in self._book.modules if (names := self._names(module)) is not None}
        analyse_stars(analysis, self._modules, known, self._groups.new())
        analyse_variables(analysis)

    def _names(self, module: str) -> frozenset[str] | None:
        file = self._modules.old_code_of(module)
        source = self._files.sources.get(file) if file is not None else None
        return names_of(source.text) if source is not None else None

    def _analysis(self, path: Path) -> FileAnalysis | None:
        """The analysis of ``path``, a new one when there is none yet; ``None`` for what does not parse."""
        if path not in self._analyses:
            parsed = self._files.parsed(path)
            if parsed is None:
                return None
            narrow(parsed, self._modules, self._resolver)
            outer = self._aliases.outer.get(path, {})
            self._analyses[path] = FileAnalysis(
                parsed, self._resolver, self._groups, self._allow_unsafe, outer_names=outer
            )
        return self._analyses[path]

    def _follow_attributes(self) -> None:
        """Attributes that hold old objects, through every file that has an attribute of the name."""
        bases: dict[str, set[str]] = {}
        for outline in self._files.outlines.values():
            for name, base in outline.bases:
                bases.setdefault(name, set()).add(base)
        done: set[int] = set()
        while waiting := self._holders(done):
            for key, holder in waiting:
                done.add(id(holder))
                users = [path for path, outline in self._files.outlines.items() if key[1] in outline.attributes]
                found = [one for one in map(self._analysis, users) if one is not None]
                follow_attribute(holder, key[1], heirs(key[0], bases), found)
            for analysis in self._analyses.values():
                analyse_variables(analysis)

    def _holders(self, done: set[int]) -> list[tuple[tuple[str, str], Holder]]:
        found = [item for analysis in self._analyses.values() for item in analysis.attributes.items()]
        return [(key, holder) for key, holder in found if id(holder) not in done]

    def _look_at_texts(self) -> None:
        """What strings name is not changed, and keeps what they name as it is."""
        groups: dict[str, list[int]] = {}
        for names in self._aliases.outer.values():
            for name, group in names.items():
                groups.setdefault(name, []).append(group)
        for path, outline in self._files.outlines.items():
            if self._modules.is_old(path, self._book.modules):
                continue
            for finding, alias in dynamic_findings(path, outline, self._resolver):
                self._dynamic.append(finding)
                if alias is not None:
                    self._groups.block(alias.group, finding)
            for name, finding in bare_names(path, outline):
                for group in groups.get(name, ()):
                    self._groups.block(group, finding)

    def _look_at_importers(self) -> None:
        """Whoever imports a name from a module where it is about to go, in a way that is not followed."""
        gone = {path: self._going(analysis) for path, analysis in self._analyses.items()}
        homes = {name: path for path, names in gone.items() if names for name in self._modules.names(path)}
        for path, outline in self._files.outlines.items():
            for one in outline.imports:
                for origin in self._modules.absolute(path, one.level, one.module):
                    home = homes.get(origin)
                    if home is None or home == path or not one.name:
                        continue
                    self._importer(path, one.line, one.name, origin, gone[home])

    def _going(self, analysis: FileAnalysis) -> dict[str, int]:
        """Names of the module that its imports would bind no more, and what comes through a star."""
        found: dict[str, int] = {}
        for edit in analysis.edits:
            scope = analysis.parsed.scope_of(edit.node)
            if isinstance(edit, ImportEdit) and scope is analysis.parsed.global_scope:
                found[getattr(edit.alias, "evaluated_alias", "") or getattr(edit.alias, "evaluated_name", "*")] = (
                    edit.group
                )
        return found

    def _importer(self, path: Path, line: int, name: str, origin: str, gone: dict[str, int]) -> None:
        for local, group in gone.items():
            is_followed = f"{origin}.{local}" in self._resolver.aliases and name == local
            through_star = local == "*" and bool(self._book.name_rules(f"_.{name}") or not self._binds(origin, name))
            if is_followed or not (name in ("*", local) or through_star):
                continue
            what, why = f"{name} is imported from {origin}", f"{local} would not be there any more"
            fix = "import it from where it is made"
            self._groups.block(group, Finding(path, line, FindingKind.HAND, what, why, fix))

    def _binds(self, module: str, name: str) -> bool:
        """Whether ``module`` of the tree binds ``name`` itself, or has a module of that name."""
        names = self._names(module)
        return names is None or name in names or self._modules.file_of(f"{module}.{name}") is not None

    def _look_at_places(self) -> None:
        """Files that may not be written keep what hangs together with them as it is."""
        for path, analysis in self._analyses.items():
            why, fix = self._refusal(path)
            for edit in analysis.edits if why else ():
                analysis.block(edit.group, edit.node, why, fix)

    def _refusal(self, path: Path) -> tuple[str, str]:
        if path not in self._wanted:
            return "this file is not among the paths that were named", "name the whole tree: busway migrate ."
        if self._files.sources[path].is_generated:
            return "this file is generated", "change what generates it, then generate it again"
        if not path.stat().st_mode & stat.S_IWUSR:
            return "this file is read-only", f"chmod u+w {path}"
        return "", ""

    def _changes(self) -> list[Change]:
        """The new contents. A text that does not stand the test keeps its groups as they are, so all is made again."""
        while True:
            changes, failed = [], False
            for path, analysis in sorted(self._analyses.items()):
                edits = self._made(analysis)
                source = self._files.sources[path]
                text = rewritten(analysis.parsed, edits) if edits else source.text
                fault = fault_of(source, text) if text != source.text else ""
                if fault:
                    failed = True
                    for edit in edits:
                        analysis.block(edit.group, edit.node, fault, "change this file by hand")
                elif text != source.text:
                    changes.append(Change(path, source.data, source.encode(text)))
            if not failed:
                return changes

    def _made(self, analysis: FileAnalysis) -> list[Edit]:
        return [edit for edit in analysis.edits if not self._groups.is_blocked(edit.group)]

    def _findings(self) -> Iterator[Finding]:
        for path, analysis in self._analyses.items():
            if path in self._wanted:
                yield from self._of_edits(analysis)
        yield from self._kept_back()
        yield from (finding for path, finding in self._files.broken.items() if path in self._wanted)
        yield from (finding for finding in self._dynamic if finding.path in self._wanted)
        yield from self._outside()
        yield from self._done()

    def _of_edits(self, analysis: FileAnalysis) -> Iterator[Finding]:
        for edit in analysis.edits:
            line, what = analysis.parsed.line(edit.node), analysis.parsed.code(edit.node)
            rule = edit.rule.old if edit.rule is not None else ""
            if not self._groups.is_blocked(edit.group):
                yield Finding(analysis.path, line, FindingKind.CHANGED, what, rule=rule)
            elif isinstance(edit, ImportEdit):
                reasons = self._groups.reasons(edit.group)
                if all(reason.path != analysis.path for reason in reasons):
                    first = min(reasons)
                    why = f"it hangs together with {first.path.name}:{first.line}: {first.why}"
                    yield Finding(analysis.path, line, FindingKind.HAND, what, why, "see to that place first", rule)

    def _kept_back(self) -> Iterator[Finding]:
        """What keeps the groups of the files of this run from being changed."""
        for path, analysis in self._analyses.items():
            for edit in analysis.edits:
                found = self._groups.reasons(edit.group)
                yield from (one for one in found if path in self._wanted or one.path in self._wanted)

    def _outside(self) -> Iterator[Finding]:
        for path in self._wanted:
            if is_outside(path):
                yield from outside_findings(path, path.read_bytes(), self._book)

    def _done(self) -> Iterator[Finding]:
        targets = self._book.targets
        users = set(self._aliases.users())
        for path, outline in self._files.outlines.items():
            if path in self._wanted and path not in users:
                new = [one for one in outline.imports if not one.level and (one.module, one.name) in targets]
                if new:
                    what = f"uses {', '.join(sorted({f'{one.module}.{one.name}' for one in new}))}"
                    yield Finding(path, new[0].line, FindingKind.DONE, what)
