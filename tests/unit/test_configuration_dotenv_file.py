"""The .env as a file: what cannot be read as a whole, what is said twice, what stage 0 looks for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busway.configuration.dotenv_file import MOST_BYTES, Duplicate, dotenv_mentions, read_dotenv
from busway.configuration.dotenv_source import DotenvSource
from busway.errors import ConfigurationError, Problem

VAULT = ("AZURE_KEY_VAULT_NAME", "AZURE_KEY_VAULT_URL")


def write(folder: Path, content: bytes | str) -> Path:
    path = folder / ".env"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        read_dotenv(path)
    assert caught.value.__context__ is None or isinstance(caught.value.__context__, OSError)
    assert "canary" not in caught.value.render()
    (problem,) = caught.value.problems
    assert (problem.code, problem.what) == ("BW1104", ".env cannot be read")
    return problem


def test_quotes_exports_mark_and_returns(tmp_path: Path) -> None:
    file = read_dotenv(
        write(
            tmp_path,
            "\ufeffexport A=one\r\nC=\"two words\" # comment\r\nD='a\\'b'\r\nE=p#w\r\nF='line\r\nbreak'\r\nG= \r\n",
        )
    )
    assert file.values == {
        "A": ("one", 1),
        "C": ("two words", 2),
        "D": ("a'b", 3),
        "E": ("p#w", 4),
        "F": ("line\r\nbreak", 5),
    }
    assert (file.duplicates, file.problems) == ((), ())


@pytest.mark.parametrize("value", [" ", "x" * 25_600, "pä😀ß", "-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n"])
def test_secrets_of_every_sort_come_through(tmp_path: Path, value: str) -> None:
    assert read_dotenv(write(tmp_path, f"A='{value}'\n")).values == {"A": (value, 1)}


def test_a_name_that_is_set_twice_is_known(tmp_path: Path) -> None:
    source = DotenvSource(write(tmp_path, "A=1\nB=1\n\nexport A=2\nB='x'\nA=\"3\"\nC=\nC=1\n"))
    assert source.duplicates == (Duplicate("A", 6, (1, 4)), Duplicate("B", 5, (2,)), Duplicate("C", 8, (7,)))
    assert {name: found.value for name, found in source.fetch_many("ABC").items()} == {"A": "3", "B": "x", "C": "1"}
    assert DotenvSource(write(tmp_path, "A=1\n")).duplicates == ()


def test_an_empty_last_line_unsets_the_name(tmp_path: Path) -> None:
    file = read_dotenv(write(tmp_path, "A=1\nA=\n"))
    assert file.values == {}
    assert file.duplicates == (Duplicate("A", 2, (1,)),)


def test_good_lines_of_a_file_with_a_bad_one_are_no_answer(tmp_path: Path) -> None:
    path = write(tmp_path, "A=canary\nB='canary\nA=2\n")
    file = read_dotenv(path)
    assert [problem.where for problem in file.problems] == [f"{path}:2"]
    for question in ("fetch('A')", "fetch_many(['A'])", "names()", "duplicates"):
        with pytest.raises(ConfigurationError, match="BW1104"):
            eval(f"source.{question}", {"source": DotenvSource(path)})
    assert "canary" not in repr(file)


def test_a_nul_byte_is_told_with_its_line(tmp_path: Path) -> None:
    problem = refusal(write(tmp_path, b"A=1\r\nB=can\0ary\r\n"))
    assert problem.where == f"{tmp_path}/.env:2"
    assert problem.why == "the line has a NUL byte, so this is no text file"
    assert problem.fix == "save the file as UTF-8 text"


def test_utf_16_is_told(tmp_path: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        problem = refusal(write(tmp_path, "\ufeffA=canary\n".encode(encoding)))
        assert (problem.where, problem.why) == (f"{tmp_path}/.env", "the file is UTF-16")
        assert problem.fix == "save the file as UTF-8"


def test_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    problem = refusal(write(tmp_path, "A=1\nB=canary\xe9\n".encode("latin-1")))
    assert (problem.where, problem.why) == (f"{tmp_path}/.env:2", "byte 13 of the file is not UTF-8")


def test_a_large_file_is_refused_and_not_parsed(tmp_path: Path) -> None:
    line = b"A=canary-canary\n"
    problem = refusal(write(tmp_path, line * (10 * 2**20 // len(line))))
    assert (problem.where, problem.why) == (f"{tmp_path}/.env", "the file is larger than 4 MiB")
    whole = b"A=1\n" + b"#" * (MOST_BYTES - 4)
    assert read_dotenv(write(tmp_path, whole)).values == {"A": ("1", 1)}
    assert refusal(write(tmp_path, whole + b"#")).code == "BW1104"


def test_a_folder_and_a_file_without_permission_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").mkdir()
    problem = refusal(tmp_path / ".env")
    assert (problem.where, problem.why, problem.fix) == (f"{tmp_path}/.env", "Is a directory", "make the file readable")
    if os.geteuid() != 0:
        path = write(tmp_path / "..", "A=canary\n")
        path.chmod(0)
        assert refusal(path).why == "Permission denied"


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / ".env").values == {}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("AZURE_KEY_VAULT_NAME=acme\n", True),
        ("A=\"\nexport AZURE_KEY_VAULT_URL='https://acme.vault.azure.net' # c\n", True),
        ("AZURE_KEY_VAULT_NAME=\n", False),
        ("AZURE_KEY_VAULT_NAME=acme\nAZURE_KEY_VAULT_NAME=\n", False),
        ("# AZURE_KEY_VAULT_NAME=acme\n", False),
        ("MY_AZURE_KEY_VAULT_NAME=acme\n", False),
        ("A='AZURE_KEY_VAULT_NAME=acme'\n", False),
        ("", False),
        (b"AZURE_KEY_VAULT_NAME=acme\n\0", False),
    ],
)
def test_what_stage_0_looks_for(tmp_path: Path, content: bytes | str, expected: bool) -> None:
    assert dotenv_mentions(write(tmp_path, content), VAULT) is expected


def test_stage_0_looks_into_plain_files_only(tmp_path: Path) -> None:
    assert dotenv_mentions(tmp_path / "absent", VAULT) is False
    assert dotenv_mentions(tmp_path, VAULT) is False
    os.mkfifo(tmp_path / ".env")
    assert dotenv_mentions(tmp_path / ".env", VAULT) is False
