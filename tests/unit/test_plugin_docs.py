"""What a plugin author or an operator can use is documented: hooks, settings, commands, states and codes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import get_args

import click
import pytest

from builders.markdown import ROOT, Block, blocks
from busway import hookspecs, testing
from busway.cli.explain import pages
from busway.cli.root import root
from busway.configuration.core_settings import CoreSettings, SecretSettings, SqlSettings
from busway.configuration.declarations import Declaration, declarations_of
from busway.configuration.flag_settings import FlagSettings
from busway.contracts.plugins import PluginContext
from busway.plugins.kinds import BUILT_INS, KINDS
from busway.plugins.report import PluginState

REFERENCE = ROOT / "docs" / "plugins.md"
GUIDE = ROOT / "docs" / "write-a-plugin.md"
TUTORIAL = ROOT / "docs" / "write-an-integration.md"
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("busway_"))
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PLUGINS = ROOT / "examples" / "plugins"
EXAMPLES = sorted(path for path in PLUGINS.glob("acme-*/**/*") if path.suffix in (".py", ".toml"))


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def everything() -> str:
    patterns = ("README.md", "docs/*.md", "core/README.md", "plugins/*/README.md", "examples/**/*.md")
    return "\n".join(text_of(path) for pattern in patterns for path in ROOT.glob(pattern))


def section(name: str) -> str:
    """The part of the reference under the heading that begins with ``name``."""
    found = re.search(rf"^(#+) {re.escape(name)}.*?(?=^\1 |\Z)", text_of(REFERENCE), re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/plugins.md has no heading {name!r}"
    return found[0]


def has_row(text: str, *cells: str) -> bool:
    """A table in ``text`` has a row that begins with ``cells``."""
    return any(line.startswith("| " + " | ".join(cells) + " |") for line in text.splitlines())


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_arguments(hook: str) -> None:
    told = section(f"`{hook}")
    arguments = inspect.signature(getattr(hookspecs, hook)).parameters
    assert told.splitlines()[0].endswith(f"`{hook}({', '.join(arguments)})`")
    for part in ("**When**", "**Returns**", "**Time**", "**On failure**"):
        assert part in told, f"{hook} does not say {part}"
    assert f"def {hook}(" in text_of(GUIDE), "and used in an example"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_group_its_built_ins_and_a_chapter(kind: str) -> None:
    found = section("Found")
    assert has_row(found, kind, f"`busway.v{hookspecs.CONTRACT_VERSION}.{kind}`")
    for name in BUILT_INS[kind]:
        assert f"`{name}`" in found
    assert f'[project.entry-points."busway.v1.{kind}"]' in text_of(GUIDE)


def test_the_context_of_a_factory_is_documented() -> None:
    told = section("The context")
    missing = [field.name for field in fields(PluginContext) if not has_row(told, f"`{field.name}`")]
    assert not missing


@pytest.mark.parametrize("state", get_args(PluginState))
def test_every_state_is_documented(state: str) -> None:
    assert has_row(section("Looking"), state)


def plugin_codes() -> list[str]:
    return [code for code in pages() if code.startswith("BW13")]


@pytest.mark.parametrize("code", plugin_codes())
def test_every_way_in_which_a_plugin_fails_is_documented(code: str) -> None:
    assert code in section("Isolated")


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, (*path, name))
    else:
        yield " ".join(path)


@pytest.mark.parametrize("command", sorted(commands(root, ("busway",))))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"{re.escape(command)}(?![\w-])", everything()), f"no document names {command!r}"


def test_the_readme_lists_every_distribution_and_every_command() -> None:
    readme = text_of(ROOT / "README.md")
    distributions = ["busway", *("busway-" + project.name.replace("_", "-") for project in DISTRIBUTIONS)]
    assert [name for name in distributions if f"`{name}`" not in readme] == []
    listed = readme.partition("| to | commands |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([\w-]+)`", listed)) == set(root.list_commands(click.Context(root)))


def test_the_index_of_the_documentation_has_every_page() -> None:
    index = text_of(ROOT / "docs" / "README.md")
    pages_of_docs = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert [name for name in sorted(pages_of_docs) if f"({name})" not in index] == []


@pytest.mark.parametrize("name", ["list", "show", "check"])
def test_every_option_of_the_plugin_commands_is_documented(name: str) -> None:
    context = click.Context(root)
    group = root.get_command(context, "plugins")
    assert isinstance(group, click.Group)
    command = group.commands[name]
    told = section("Looking")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(f"`{option}" in told or f" {option}" in told for option in parameter.opts), parameter.name


def declared_by(project: Path) -> list[Declaration]:
    """The settings of a first-party distribution, whatever kind its plugins are."""
    name = "busway-" + project.name.replace("_", "-")
    found: dict[str, Declaration] = {}
    for point in distribution(name).entry_points:
        model = getattr(point.load(), "busway_settings", None) if point.group.startswith("busway.v1.") else None
        if model is not None:
            found.update((one.name, one) for one in declarations_of(model(), name))
    return list(found.values())


@pytest.mark.parametrize("project", DISTRIBUTIONS, ids=lambda path: path.name)
def test_every_setting_of_a_plugin_is_in_its_readme(project: Path) -> None:
    readme = text_of(project / "README.md")
    missing = [one for one in declared_by(project) if f"`{one.name}`" not in readme]
    assert not missing, "\n".join(map(row_of, missing))


def test_the_settings_are_found() -> None:
    """Or the test above would hold whatever the plugins declare."""
    assert len({one.name for project in DISTRIBUTIONS for one in declared_by(project)}) > 50


def test_the_settings_of_safetyamp_are_told_as_they_are_declared() -> None:
    readme = text_of(ROOT / "plugins" / "safetyamp" / "README.md")
    table = "\n".join(map(row_of, declared_by(ROOT / "plugins" / "safetyamp")))
    assert table in readme, f"the table should be\n{table}"


def test_the_settings_of_the_core_are_documented() -> None:
    from busway.data import memory_level

    told = section("Names that are taken")
    models = (CoreSettings, SecretSettings, SqlSettings, FlagSettings, memory_level.busway_settings())
    declared = [one for model in models for one in declarations_of(model, "busway")]
    missing = [row_of(one) for one in declared if not has_row(told, f"`{one.name}`")]
    assert not missing, "\n".join(missing)


def row_of(declaration: Declaration) -> str:
    default = "required" if declaration.required else shown(declaration.default)
    doc = declaration.doc + (" It is a secret." if declaration.is_secret and "secret" not in declaration.doc else "")
    return f"| `{declaration.name}` | {default} | {doc} |"


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value in ("", None):
        return "none"
    return f"`{value}`" if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def test_every_contract_suite_is_shown_in_use() -> None:
    suites = [name for name in testing.__all__ if name.endswith("Contract")]
    assert suites
    for suite in suites:
        assert f"({suite}):" in text_of(GUIDE), suite


def written_files(document: Path) -> dict[str, Block]:
    """The files a document lets its reader write, by name."""
    return {block.file: block for block in blocks(document) if block.file and block.language != "diff"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.relative_to(PLUGINS).as_posix())
def test_the_examples_are_the_code_of_their_document(example: Path) -> None:
    written = {**written_files(GUIDE), **written_files(TUTORIAL)}
    block = written[example.relative_to(PLUGINS).as_posix()]
    assert text_of(example) == block.text, f"{block} and {example.relative_to(ROOT)} differ"


@pytest.mark.parametrize(("document", "number"), [(GUIDE, len(KINDS)), (TUTORIAL, 1)], ids=["plugins", "integration"])
def test_there_is_an_example_of_each_kind_and_an_integration(document: Path, number: int) -> None:
    written = {name.partition("/")[0] for name in written_files(document) if name.startswith("acme-")}
    assert len(written) == number
    assert written <= {path.relative_to(PLUGINS).parts[0] for path in EXAMPLES}
