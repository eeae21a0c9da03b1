"""Parts of the codemod that guard what the others do: they must hold by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from busway_migrate.call_shape import CallShape, Given, Replacement
from busway_migrate.findings import Finding, FindingKind
from busway_migrate.groups import Groups
from busway_migrate.parsed_file import ParsedFile
from busway_migrate.source_file import SourceFile, read_source
from busway_migrate.verification import fault_of


def source(text: str, encoding: str = "utf-8") -> SourceFile:
    return read_source(Path("x.py"), text.encode(encoding))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("import a\na.b\n", "a.b\n", "it would use names that nothing defines: a"),
        ("import a\n__all__ = ['a']\n", "__all__ = ['a']\n", "it would use names that nothing defines: a"),
        ("def f():\n    return x\n", "def f():\n    return x + y\n", "names that nothing defines: y"),
        ("x = 1\n", "x = (\n", "it would not parse any more"),
        ("x = 1  # one\n", "x = 1\n", "a comment would be lost: # one"),
        ("# -*- coding: latin-1 -*-\nx = 1\n", "# -*- coding: latin-1 -*-\nx = '\u20ac'\n", "cannot be written in"),
    ],
)
def test_a_text_that_must_not_be_written_is_found_out(old: str, new: str, fault: str) -> None:
    assert fault in fault_of(source(old), new)


def test_a_name_that_was_undefined_before_is_nobodys_fault() -> None:
    assert fault_of(source("import a\nprint(a, missing)\n"), "import b\nprint(b, missing)\n") == ""


def finding(line: int) -> Finding:
    return Finding(Path("x.py"), line, FindingKind.HAND, "what")


def test_what_keeps_one_keeps_all_that_hang_together_with_it() -> None:
    groups = Groups()
    one, two, three, apart = (groups.new() for _ in range(4))
    groups.block(three, finding(3))
    groups.join(one, two)
    groups.join(three, two)
    assert groups.is_blocked(one)
    assert groups.reasons(two) == [finding(3)]
    groups.block(one, finding(1))
    assert groups.reasons(three) == [finding(3), finding(1)]
    assert not groups.is_blocked(apart)


def test_lines_are_those_of_the_file() -> None:
    text = (
        "# head\n\n\nimport a  # x\n\n\ndef f(\n    x,\n):\n    # c\n    return (\n        a.b\n    )\n\n\nlast = a\n"
    )
    parsed = ParsedFile(source(text))
    lines = sorted(parsed.line(node) for node in parsed.attributes["b"])
    assert lines == [12]
    assert [parsed.line(statement) for statement in parsed.imports] == [4]
    assert [parsed.line(assign) for assign in parsed.assignments] == [16]


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        ([Given(), Given()], {"a": 0, "b": 1}),
        ([Given(), Given("c")], None),
        ([Given("b"), Given("a"), Given("c")], {"b": 0, "a": 1, "c": 2}),
        ([Given(), Given("a")], None),
        ([Given(), Given(), Given()], None),
        ([Given(starred=True)], None),
        ([Given(), Given(), Given("d")], None),
    ],
)
def test_a_call_is_bound_as_python_binds_it(given: list[Given], bound: dict[str, int] | None) -> None:
    assert CallShape.parse("(a, b, *, c=None)").bind(given) == bound


def test_a_replacement_says_what_it_hands_on() -> None:
    shape = CallShape.parse("(name, hours=1)")
    made = Replacement.parse("save(key=None, seconds=hours * 3600, gap=..., kind='x')", shape)
    assert made.name == "save"
    assert [(one.keyword, one.expression, one.parameter) for one in made.arguments] == [
        ("key", "None", ""),
        ("seconds", "hours * 3600", "hours"),
        ("gap", "...", ""),
        ("kind", '"x"', ""),
    ]
    assert made.parameters() == {"hours"}
