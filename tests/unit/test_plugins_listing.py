"""The listing of plugins, from an index alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from busway.plugins.index import Index, IndexEntry
from busway.plugins.listing import list_statuses
from busway.plugins.report import PluginStatus
from busway.plugins.selection import Pick, Selection


def entry(name: str, distribution: str = "acme-x", *, kind: str = "sinks", contract: int = 1) -> IndexEntry:
    return IndexEntry(kind, contract, name, f"{name}_module", distribution, "1.0")


def rows(index: Index, **picks: tuple[Pick, ...]) -> list[PluginStatus]:
    return list_statuses(index, Selection(**picks))


def short(statuses: list[PluginStatus]) -> list[tuple[int, str, str, str]]:
    return [(status.order, status.name, status.state, status.distribution) for status in statuses]


def test_selected_plugins_come_first_in_their_order_then_the_installed() -> None:
    index = Index([entry("a"), entry("b"), entry("c")])
    assert short(rows(index, sinks=(Pick("c"), Pick("a")))) == [
        (1, "c", "selected", "acme-x"),
        (2, "a", "selected", "acme-x"),
        (0, "b", "installed", "acme-x"),
    ]


def test_a_selected_row_keeps_policy_and_origin() -> None:
    (row,) = rows(Index([entry("a")]), sinks=(Pick("a", required=False, origin="busway.toml:3"),))
    assert (row.required, row.origin, row.version, row.entry_point, row.contract) == (
        False,
        "busway.toml:3",
        "1.0",
        "a_module",
        1,
    )


def test_missing_names_the_distribution_to_install() -> None:
    (row,) = rows(Index(), caches=(Pick("redis", origin="BUSWAY_CACHES"),))
    assert (row.state, row.code, row.distribution) == ("missing", "BW1301", "busway-cache-redis")
    assert row.remedy == "pip install busway-cache-redis"
    text = row.problem().render()
    assert "plugin caches.redis is selected but not installed" in text
    assert "busway-cache-redis, entry point busway.v1.caches: redis, selected in BUSWAY_CACHES" in text


def test_ambiguous_names_both_owners_and_how_to_choose() -> None:
    index = Index([entry("email", "acme-mail"), entry("email", "busway-sink-email")])
    row = rows(index, sinks=(Pick("email"),))[0]
    assert (row.state, row.code) == ("ambiguous", "BW1303")
    assert "acme-mail 1.0 (email_module) and busway-sink-email 1.0 (email_module)" in row.cause
    assert '"email@acme-mail" or "email@busway-sink-email"' in row.remedy


def test_a_distribution_chooses_and_its_spelling_does_not_matter() -> None:
    index = Index([entry("email", "acme-mail"), entry("email", "busway-sink-email")])
    chosen, other = rows(index, sinks=(Pick("email", "Acme_Mail"),))
    assert (chosen.state, chosen.distribution) == ("selected", "acme-mail")
    assert (other.state, other.distribution, other.order) == ("shadowed", "busway-sink-email", 0)
    assert "acme-mail 1.0" in other.cause


def test_a_distribution_that_does_not_offer_the_name_is_missing() -> None:
    row = rows(Index([entry("email", "acme-mail")]), sinks=(Pick("email", "acme-post"),))[0]
    assert (row.state, row.code, row.distribution) == ("missing", "BW1301", "acme-post")
    assert "acme-mail offers it" in row.cause
    assert 'pip install acme-post, or select "email@acme-mail"' in row.remedy


def test_a_built_in_wins_and_the_other_is_shadowed() -> None:
    index = Index([entry("log", "acme-log"), entry("log", "busway")])
    own, other = rows(index, sinks=(Pick("log"),))
    assert (own.state, own.distribution) == ("selected", "busway")
    assert (other.state, other.distribution, other.code) == ("shadowed", "acme-log", "BW1313")
    assert "built-in" in other.cause
    assert "pip uninstall acme-log" in other.remedy


def test_a_built_in_name_cannot_be_chosen_from_another_distribution() -> None:
    index = Index([entry("log", "acme-log"), entry("log", "busway")])
    row = rows(index, sinks=(Pick("log", "acme-log"),))[0]
    assert (row.state, row.code, row.distribution, row.version) == ("failed", "BW1313", "acme-log", "1.0")


def test_a_lost_built_in_is_reinstalled() -> None:
    row = rows(Index([entry("log", "acme-log")]), sinks=(Pick("log"),))[0]
    assert (row.state, row.remedy) == ("missing", "pip install --force-reinstall busway")


def test_another_contract_says_which_side_to_upgrade() -> None:
    index = Index([entry("new", contract=2), entry("old", contract=0)])
    new, old = rows(index, sinks=(Pick("new"), Pick("old")))
    assert {row.state for row in (new, old)} == {"incompatible"}
    assert new.remedy.startswith("pip install -U busway ")
    assert old.remedy == "pip install -U acme-x"
    assert "speaks plugin contract v2, this core speaks v1" in new.cause
    assert "busway.v2.sinks: new = new_module" in new.where()


def test_another_contract_is_listed_even_when_it_is_not_selected() -> None:
    (row,) = rows(Index([entry("new", contract=2)]))
    assert (row.order, row.state, row.failed) == (0, "incompatible", False)


def test_the_same_name_twice_is_an_error_of_the_second() -> None:
    first, second = rows(Index([entry("a")]), sinks=(Pick("a"), Pick("a")))
    assert (first.state, second.state, second.code) == ("selected", "failed", "BW1314")


def test_a_row_for_json_has_every_field() -> None:
    (row,) = rows(Index([entry("a")]), sinks=(Pick("a"),))
    document = replace(row, details=(row.problem(),)).as_dict()
    assert document["name"] == "a"
    assert document["details"][0]["where"].startswith("acme-x 1.0, entry point busway.v1.sinks: a = a_module")


def test_listing_imports_neither_pluggy_nor_stevedore_nor_pydantic() -> None:
    code = (
        "import sys\n"
        "from busway.plugins.index import Index\n"
        "from busway.plugins.listing import list_statuses\n"
        "from busway.plugins.recorded import recorded_load\n"
        "from busway.plugins.selection import Selection\n"
        "list_statuses(Index(), Selection())\n"
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(run.stdout.split()) & {"pluggy", "stevedore", "pydantic", "importlib_metadata"}
