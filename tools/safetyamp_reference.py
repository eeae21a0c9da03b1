"""Writes what the documentation of the SafetyAmp plugin takes from its code: settings, mappings, columns of Vista.

uv run python tools/safetyamp_reference.py             write docs/safetyamp-reference.md, and the table in the README
uv run python tools/safetyamp_reference.py --check     is what is there what the code says?
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import sqlalchemy as sa

from busway.configuration.core_settings import SqlSettings
from busway.configuration.declarations import Declaration, declarations_of
from busway.contracts.keys import MatchKey
from busway.contracts.settings import Settings
from busway_safetyamp.jobs.catalogue import KINDS
from busway_safetyamp.jobs.mapping import Managed
from busway_safetyamp.sandbox.rows import VistaRows
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.settings import (
    ApiSettings,
    GraphSettings,
    MappingSettings,
    SafetyAmpSettings,
    SamsaraSettings,
    VistaSettings,
)
from busway_safetyamp.vista.database import VistaDatabase
from busway_safetyamp.vista.source import VistaSource
from busway_safetyamp.vista.tables import VistaTables

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "safetyamp-reference.md"
README = ROOT / "plugins" / "safetyamp" / "README.md"
OWNER = "busway-safetyamp"
GROUPS: tuple[tuple[str, type[Settings], str], ...] = (
    ("The account", ApiSettings, OWNER),
    ("Vista", VistaSettings, OWNER),
    ("Vista on a SQL Server, where `VISTA_URL` is not set", SqlSettings, "busway"),
    ("The directory", GraphSettings, OWNER),
    ("The fleet", SamsaraSettings, OWNER),
    ("What only the deployment can decide", MappingSettings, OWNER),
)
TABLE = re.compile(r"^\| setting \| default \| what it is \|\n\|---.*\n(?:\|.*\n)*", re.MULTILINE)

_SETTINGS = """\
# SafetyAmp: reference

Made from the code by `tools/safetyamp_reference.py`: settings, names in a vault, mappings, and what is read from Vista.
How they are put to use: [SafetyAmp: from an empty machine to the first real run](safetyamp.md).

## Settings

`busway config env-example` prints the same as a `.env` to fill in. Secret and vaulted settings may live in a vault, and
the value of a secret is never shown.

"""
_VAULTED = """\
## Names in Azure Key Vault

A vault knows no `_`: it is `-` there. A name that is not in the vault is looked for in the next source.

"""
_MAPPINGS = """\
## Mappings

No other field is ever written. The policy of a field can be changed under `[sync.JOB.fields]`: `always` writes it
whenever it differs, `if_empty` only where there is nothing, `create_only` with a new record only, `never` not at all.
An empty value of the source never clears a field. Where the target refuses nothing but optional fields, the record is
written without them. Values of personal fields are hidden in plans, and are in no event and no log.

"""
_VISTA = """\
## What is read from Vista

Nothing is ever written. Each is a view of that name, or the table with a `b` before it: see `VISTA_TABLE_PREFIX`.
`CellPhone` stands for the column of `VISTA_MOBILE_PHONE_COLUMN`; that of `VISTA_WORK_PHONE_COLUMN` comes on top.

"""
_GRANTS = """\
The login needs SELECT on these five and nothing else. `PREH` has more about people than is read here. To show the login
no more than that, make a view of each in its default schema, and set `VISTA_TABLE_PREFIX=bw_`:

"""

Row = Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Write what the documentation takes from the code.")
    parser.add_argument("--check", action="store_true")
    made = {REFERENCE: reference(), README: TABLE.sub(lambda _: readme_table(), README.read_text("utf-8"), count=1)}
    stale = [path for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    if parser.parse_args(arguments).check:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not what the code says; run tools/safetyamp_reference.py\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path], "utf-8")
    return 0


def reference() -> str:
    """The whole page."""
    return "\n".join([*_settings(), *_vaulted(), *_mappings(), *_vista()])


def readme_table() -> str:
    """The settings of the plugin, as its README shows them."""
    rows = [(f"`{one.name}`", default_of(one), doc_of(one)) for one in _declared(SafetyAmpSettings, OWNER)]
    return "".join(f"{line}\n" for line in table(("setting", "default", "what it is"), rows))


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def default_of(declaration: Declaration) -> str:
    """``required``, ``none``, or the value."""
    value = declaration.default
    if declaration.required:
        return "required"
    if isinstance(value, bool):
        return str(value).lower()
    if value in ("", None):
        return "none"
    return f"`{value}`" if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def doc_of(declaration: Declaration) -> str:
    """What the setting is, and that it is a secret."""
    is_told = not declaration.is_secret or "secret" in declaration.doc
    return declaration.doc if is_told else f"{declaration.doc} It is a secret."


def _declared(model: type[Settings], owner: str) -> Sequence[Declaration]:
    return list(declarations_of(model, owner))


def _settings() -> Iterator[str]:
    yield from _SETTINGS.splitlines()
    for title, model, owner in GROUPS:
        rows = [(f"`{one.name}`", default_of(one), str(one.setting_class), one.doc) for one in _declared(model, owner)]
        yield from (f"### {title}", "", *table(("setting", "default", "class", "what it is"), rows), "")


def _vaulted() -> Iterator[str]:
    yield from _VAULTED.splitlines()
    declared = [one for _, model, owner in GROUPS for one in _declared(model, owner)]
    rows = [
        (f"`{one.name.replace('_', '-')}`", f"`{one.name}`", str(one.setting_class))
        for one in declared
        if one.may_be_vaulted
    ]
    yield from (*table(("in the vault", "setting", "class"), rows), "")


def _mappings() -> Iterator[str]:
    yield from _MAPPINGS.splitlines()
    for kind in KINDS:
        yield from (f"### `{kind.name}`", "", *_first_paragraph(kind), "")
        yield from (f"- {trait}" for trait in _traits(kind))
        head = ("field", "from", "policy", "", "settings", "to know")
        yield from ("", *table(head, map(_managed, kind.mapping)), "")


def _first_paragraph(kind: object) -> Iterator[str]:
    yield (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


def _traits(kind: type[object]) -> Iterator[str]:
    """What the job says about itself, in sentences."""
    match: MatchKey = getattr(kind, "match_on")  # noqa: B009 - the kinds have no common type that says it
    adopt: Sequence[MatchKey] = getattr(kind, "adopt_on", ())
    after: Sequence[str] = getattr(kind, "depends_on", ())
    active, sent = getattr(kind, "active_field", ""), getattr(kind, "always_send", ())
    yield f"Records are matched by {_key(match)}."
    for key in adopt:
        yield f"One of SafetyAmp that lacks this is taken over by {_key(key)}."
    if after:
        yield f"It runs after {_listed(after)}."
    if active:
        yield f"`{active}` is taken away from managed records that are gone from the source, and given back."
    if sent:
        yield f"Every update has {_listed(sent)}, because SafetyAmp demands it."


def _key(key: MatchKey) -> str:
    return _listed(key.fields) + ("" if key.normalise is str.strip else ", whatever the case")


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _managed(one: Managed) -> Row:
    rule = one.rule
    traits = {"personal": rule.is_personal, "optional": rule.is_optional, "not sent": not one.is_sent}
    settings = ", ".join(f"`{name}`" for name in one.settings)
    return (f"`{one.field}`", one.source, str(rule.policy), ", ".join(filter(traits.get, traits)), settings, one.note)


def _vista() -> Iterator[str]:
    yield from _VISTA.splitlines()
    found = columns_read()
    rows = [(f"`{name}`", ", ".join(needed), ", ".join(optional)) for name, (needed, optional) in found.items()]
    yield from (*table(("table", "columns", "and where it has them"), rows), "")
    views = [line for name, columns in found.items() for line in _view(name, columns)]
    yield from (*_GRANTS.splitlines(), "```text", *views, "```", "")


def _view(name: str, columns: tuple[Sequence[str], Sequence[str]]) -> Iterator[str]:
    listed = ", ".join((*columns[0], *columns[1]))
    yield f"CREATE VIEW dbo.bw_{name} AS SELECT {listed} FROM dbo.b{name};"  # noqa: S608 - printed, never run
    yield f"GRANT SELECT ON dbo.bw_{name} TO busway;"


def columns_read() -> Mapping[str, tuple[Sequence[str], Sequence[str]]]:
    """Each table with the columns that are needed and those that are taken where they are there.

    Found by reading a synthetic Vista and noting what was asked for.
    """
    needed: dict[str, dict[str, None]] = {}
    optional: dict[str, dict[str, None]] = {}
    find = VistaTables.find

    def noted(
        self: VistaTables, connection: sa.Connection, name: str, wanted: Sequence[str], more: Sequence[str] = ()
    ) -> sa.TableClause:
        needed.setdefault(name, {}).update(dict.fromkeys(wanted))
        optional.setdefault(name, {}).update(dict.fromkeys(more))
        return find(self, connection, name, wanted, more)

    with patch.object(VistaTables, "find", noted), TemporaryDirectory() as folder:
        _read_all(Path(folder, "vista.db"))
    return {name: (tuple(needed[name]), tuple(_less(optional[name], needed[name]))) for name in sorted(needed)}


def _less(names: Iterable[str], others: Iterable[str]) -> Iterator[str]:
    """``names`` in their order, without ``others``."""
    left_out = set(others)
    return (name for name in names if name not in left_out)


def _read_all(path: Path) -> None:
    VistaFile(path).write(VistaRows())
    database = VistaDatabase(None, path.parent, _nobody)
    settings = VistaSettings(vista_companies=[1])
    with patch.object(database, "_open", lambda: sa.create_engine(f"sqlite:///{path}")):
        source = VistaSource(database, settings, lambda: date(2026, 1, 1))
        reads: tuple[Callable[[], object], ...] = (
            source.employees,
            source.recent_jobs,
            source.departments,
            source.jobs,
        )
        for read in reads:
            read()
        source.close()


def _nobody() -> str:
    raise RuntimeError("no server is asked")


if __name__ == "__main__":
    sys.exit(main())
