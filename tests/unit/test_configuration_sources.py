"""The built-in sources: environment and .env."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.configuration import dotenv_source, env_source
from busway.configuration.boot import boot
from busway.configuration.dotenv_source import DotenvSource
from busway.configuration.env_source import EnvSource
from busway.configuration.sources import basic_sources
from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretSource
from busway.errors import ConfigurationError


def dotenv(tmp_path: Path, content: bytes | str) -> DotenvSource:
    path = tmp_path / ".env"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return DotenvSource(path)


def test_env_serves_what_is_set_and_not_empty() -> None:
    source = EnvSource({"A": "1", "EMPTY": ""})
    found = source.fetch("A")
    assert found is not None
    assert (found.value, found.where) == ("1", "environment variable A")
    assert source.fetch("EMPTY") is None
    assert source.fetch("ABSENT") is None
    assert dict(source.fetch_many(["A", "EMPTY", "ABSENT"])) == {"A": found}
    assert list(source.names()) == ["A"]


def test_env_reads_the_process_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_NAME", "here")
    found = EnvSource().fetch("SOME_NAME")
    assert found is not None
    assert found.value == "here"


def test_both_are_secret_sources(tmp_path: Path) -> None:
    context: PluginContext[None] = PluginContext("x", None, root=tmp_path, doubles={"environ": {"A": "1"}})
    built = [env_source.busway_secret_source(context), dotenv_source.busway_secret_source(context)]
    assert all(isinstance(source, SecretSource) and source.serves_settings for source in built)
    assert built[0].fetch("A") is not None


def test_dotenv_values_and_lines(tmp_path: Path) -> None:
    source = dotenv(
        tmp_path,
        "\ufeff# head\r\n\r\nexport A=one\r\nB='two # not a comment' # comment\r\nC=\"x\ny\"\r\n"
        "\r\n\r\nD = $A ${A}\r\nA=last\r\nE=\r\n",
    )
    values = {name: (found.value, found.where) for name in "ABCDE" if (found := source.fetch(name))}
    assert values == {
        "A": ("last", ".env:10"),
        "B": ("two # not a comment", ".env:4"),
        "C": ("x\ny", ".env:5"),
        "D": ("$A ${A}", ".env:9"),
    }
    assert sorted(source.names()) == ["A", "B", "C", "D"]
    assert source.locate("D") == ".env:9"
    assert source.locate("Z") == ".env"
    assert set(source.fetch_many(["A", "E", "Z"])) == {"A"}


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    source = DotenvSource(tmp_path / ".env")
    assert source.fetch("A") is None
    assert list(source.names()) == []


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"A=1\nB='canary\nC=2\n", [2]),
        (b"A=1\n\n  canary value\n", [3]),
        (b"canary\nexport canary\nA=1\n", [1, 2]),
        (b"=canary\n", [1]),
        (b"MIIcanary+/a==\n", [1]),
        (b"A=canary\n\xff\xfe\n", []),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path, content: bytes, lines: list[int]) -> None:
    source = dotenv(tmp_path, content)
    with pytest.raises(ConfigurationError) as caught:
        source.fetch("A")
    assert {problem.code for problem in caught.value.problems} == {"BW1104"}
    if lines:
        assert [problem.where for problem in caught.value.problems] == [f"{tmp_path}/.env:{line}" for line in lines]
    assert "canary" not in caught.value.render()
    assert caught.value.__context__ is None
    assert source.locate("A") == ".env"


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigurationError, match="BW1104"):
        DotenvSource(tmp_path / ".env").fetch("A")


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.text(st.sampled_from("xy #'$\\\n\""), max_size=6)), max_size=5))
def test_the_last_line_wins(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("dotenv")
    lines = [name + "='" + value.replace("\\", "\\\\").replace("'", "\\'") + "'\n" for name, value in pairs]
    source = dotenv(folder, "".join(lines))
    expected = {name: value for name, value in dict(pairs).items() if value}
    assert {name: found.value for name, found in source.fetch_many("ABC").items()} == expected


def test_basic_sources_keep_the_configured_order(tmp_path: Path) -> None:
    def order(listed: str) -> list[str]:
        return [name for name, _ in basic_sources(boot(tmp_path, {"BUSWAY_SECRETS": listed}))]

    assert order("dotenv,keyvault,env") == ["dotenv", "env"]
    assert order("keyvault") == []
    (tmp_path / ".env").write_text("A=1\n")
    sources = dict(basic_sources(boot(tmp_path, {"B": "2"})))
    assert sources["dotenv"].fetch("A") is not None
    assert sources["env"].fetch("B") is not None
