"""Line numbers of TOML keys: examples, and documents written at random with known lines."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.configuration.toml_lines import key_lines

DOCUMENT = """\
# a comment with [brackets] and = signs
app = "x" # more

[plugins]
secrets = [ # first
  "env", # "quoted"
  'keyvault'
  ,
  "dotenv"]
policy = { "sinks.email" = "optional", nested.deep = 1 }
[data."vista.employees"]
ttl = "30m"
text = \"\"\"
not = 1
[not.a.table]
""\\" five quotes \"\"\"\"\"
raw = '''
also = "not"'''
[ sync . employees ]
a.b."c.d" = 1
when = 1979-05-27 07:32:00
[[jobs]]
name = "one"
[jobs.extra]
x = 1
[[jobs]]
name = "two"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("app",), 2),
        (("plugins",), 4),
        (("plugins", "secrets"), 5),
        (("plugins", "secrets", "0"), 6),
        (("plugins", "secrets", "1"), 7),
        (("plugins", "secrets", "2"), 9),
        (("plugins", "policy", "sinks.email"), 10),
        (("plugins", "policy", "nested", "deep"), 10),
        (("data", "vista.employees"), 11),
        (("data", "vista.employees", "ttl"), 12),
        (("data", "vista.employees", "raw"), 17),
        (("sync", "employees"), 19),
        (("sync", "employees", "a", "b", "c.d"), 20),
        (("sync", "employees", "when"), 21),
        (("jobs", "0", "name"), 23),
        (("jobs", "0", "extra", "x"), 25),
        (("jobs", "1"), 26),
        (("jobs", "1", "name"), 27),
    ],
)
def test_every_form_of_a_key_has_its_line(path: tuple[str, ...], line: int) -> None:
    tomllib.loads(DOCUMENT)
    assert key_lines(DOCUMENT)[path] == line


def test_text_inside_strings_is_no_key() -> None:
    names = {part for path in key_lines(DOCUMENT) for part in path}
    assert not names & {"not", "also", "a comment"}


def test_a_text_that_is_no_toml_gives_what_was_understood() -> None:
    assert key_lines("a = 1\n!!\nb = 2\n") == {("a",): 1}


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(key_lines(text), dict)


class _Writer:
    """Writes TOML with forms drawn at random, and notes on which line each key begins."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.expected: dict[tuple[str, ...], int] = {}

    def note(self, path: tuple[str, ...]) -> None:
        self.expected.setdefault(path, self.text.count("\n") + 1)

    def key(self, name: str) -> str:
        bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        return name if bare and self.draw(st.booleans()) else json.dumps(name)

    def gap(self) -> None:
        self.text += self.draw(st.sampled_from(["", "\n", "  ", '# c = [ "\n', "\r\n"]))

    def value(self, path: tuple[str, ...], value: Any) -> None:
        if isinstance(value, dict):
            self.inline_table(path, value)
        elif isinstance(value, list):
            self.array(path, value)
        elif isinstance(value, str):
            self.string(value)
        else:
            self.text += json.dumps(value)

    def string(self, value: str) -> None:
        long = '"""\n' + json.dumps(value)[1:-1].replace("\\n", "\n") + '"""'
        self.text += self.draw(st.sampled_from([json.dumps(value), long]))

    def array(self, path: tuple[str, ...], values: list[Any]) -> None:
        self.text += "["
        for index, value in enumerate(values):
            self.gap()
            self.note((*path, str(index)))
            self.value((*path, str(index)), value)
            self.gap()
            self.text += ","
        self.gap()
        self.text += "]"

    def inline_table(self, path: tuple[str, ...], table: dict[str, Any]) -> None:
        self.text += "{"
        for index, (name, value) in enumerate(table.items()):
            self.text += ", " if index else " "
            self.note((*path, name))
            self.text += f"{self.key(name)} = "
            self.value((*path, name), value)
        self.text += " }"

    def pairs(self, path: tuple[str, ...], table: dict[str, Any]) -> None:
        for name, value in table.items():
            dotted = isinstance(value, dict) and value and self.draw(st.booleans())
            for rest, inner in value.items() if dotted else [("", value)]:
                full = (*path, name, rest) if dotted else (*path, name)
                for depth in range(len(path) + 1, len(full) + 1):
                    self.note(full[:depth])
                self.text += " . ".join(self.key(part) for part in full[len(path) :]) + " = "
                self.value(full, inner)
                self.text += self.draw(st.sampled_from(["\n", " # c\n", "\n\n"]))

    def document(self, tables: dict[str, dict[str, Any]]) -> str:
        for name, table in tables.items():
            self.note((name,))
            self.text += f"[{self.key(name)}]\n"
            self.pairs((name,), table)
        return self.text


_NAMES = st.text(st.sampled_from('ab-_1. "#[]=é'), min_size=1, max_size=4)
_STRINGS = st.text(st.sampled_from("ab \n#[]{}='\"\\,"), max_size=8)
_VALUES = st.recursive(
    st.one_of(st.integers(-99, 99), st.booleans(), _STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_NAMES, st.dictionaries(_NAMES, _VALUES, max_size=3), max_size=3), st.data())
def test_lines_of_random_documents(tables: dict[str, dict[str, Any]], data: st.DataObject) -> None:
    writer = _Writer(data.draw)
    text = writer.document(tables)
    assert tomllib.loads(text) == tables, "the writer of this test is wrong"
    assert key_lines(text) == writer.expected
