"""Finding the deployment, and what may be wrong in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from busway.configuration.deployment import Deployment, find_deployment
from busway.errors import ConfigurationError


def write(folder: Path, text: str, name: str = "busway.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text.encode())
    return path


def problems_of(folder: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        find_deployment(folder)
    return [(problem.code, problem.where, f"{problem.what} / {problem.fix}") for problem in caught.value.problems]


def test_the_file_is_found_upwards(tmp_path: Path) -> None:
    path = write(tmp_path, 'app = "acme"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    found = find_deployment(inner)
    assert (found.root, found.file, found.app) == (tmp_path, path, "acme")


def test_without_start_the_working_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'app = "here"\n')
    monkeypatch.chdir(tmp_path)
    assert find_deployment().app == "here"


def test_without_a_file_the_start_is_the_root(tmp_path: Path) -> None:
    found = find_deployment(tmp_path)
    assert (found.root, found.file, dict(found.tables), found.app) == (tmp_path, None, {}, "busway")
    assert found.where("plugins", "sinks") == "busway.toml"


def test_busway_toml_comes_before_pyproject(tmp_path: Path) -> None:
    write(tmp_path, '[tool.busway]\napp = "project"\n', "pyproject.toml")
    assert find_deployment(tmp_path).app == "project"
    write(tmp_path, 'app = "own"\n')
    assert find_deployment(tmp_path).app == "own"


def test_lines_in_pyproject_are_those_of_the_whole_file(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nname = "x"\n[tool.busway.settings]\nREDIS_HOST = "h"\n', "pyproject.toml")
    assert find_deployment(tmp_path).where("settings", "REDIS_HOST") == "pyproject.toml:4"


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 'app = "outer"\n')
    write(tmp_path / "inner", '[project]\nname = "busway-thing"\n', "pyproject.toml")
    assert find_deployment(tmp_path / "inner").app == "outer"


def test_a_broken_pyproject_of_somebody_else_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path, 'app = "outer"\n')
    write(tmp_path / "inner", "][", "pyproject.toml")
    assert find_deployment(tmp_path / "inner").app == "outer"


def test_tables_and_places(tmp_path: Path) -> None:
    write(tmp_path, '[data."vista.employees"]\nttl = "30m"\n')
    found = find_deployment(tmp_path)
    assert found.table("data", "vista.employees") == {"ttl": "30m"}
    assert found.table("data", "absent", "deeper") == {}
    assert found.table("data", "vista.employees", "ttl") == {}
    assert found.where("data", "vista.employees", "ttl") == "busway.toml:2"
    assert found.where("data", "vista.employees", "absent") == "busway.toml:1"
    assert found.where("sync") == "busway.toml"


def test_a_byte_order_mark_and_crlf_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_bytes(b'\xef\xbb\xbfapp = "acme"\r\n[settings]\r\nA = "1"\r\n')
    found = find_deployment(tmp_path)
    assert found.app == "acme"
    assert found.where("settings", "A") == "busway.toml:3"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"app = 'x'\nbroken\n", ":2", "Expected '='"),
        (b'a = "x', ":1", "Unterminated"),
        (b"app = 'x'\n# \xff\n", ":2", "not UTF-8"),
        (b"a = " + b"[" * 5000, "", "nested"),
    ],
)
def test_an_unreadable_file_names_line_and_reason(tmp_path: Path, content: bytes, line: str, reason: str) -> None:
    path = tmp_path / "busway.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        find_deployment(tmp_path)
    problem = caught.value.problem
    assert problem.code == "BW1101"
    assert problem.where.startswith(str(path) + line)
    assert reason in problem.why


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"[settings]\nA = 'canary'\nA = 'canary'\n", 3, "Cannot overwrite a value (at line 3, column 13)"),
        (b'\xef\xbb\xbf[settings]\r\nA = "canary\r\n', 2, "Illegal character '\\n' (at line 2, column 12)"),
        (b"[settings]\nA = '''canary\nB = 1", 3, "Expected \"'''\" (at end of document)"),
        (b"[settings]\nA = canary\n", 2, "Invalid value (at line 2, column 5)"),
        (b"[settings]\nexport A = 'canary'\n", 2, "Expected '=' after a key in a key/value pair (at line 2, column 8)"),
        (b"[settings]\n[settings]\n", 2, "Cannot declare ('settings',) twice (at line 2, column 10)"),
    ],
)
def test_what_is_no_toml_is_told_in_full_and_without_a_value(
    tmp_path: Path, content: bytes, line: int, why: str
) -> None:
    path = tmp_path / "busway.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        find_deployment(tmp_path)
    problem = caught.value.problem
    assert (problem.code, problem.what, problem.where, problem.why, problem.fix) == (
        "BW1101",
        "busway.toml cannot be read",
        f"{path}:{line}",
        why,
        "correct the line; the format is described at https://toml.io",
    )
    assert "canary" not in caught.value.render()


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").mkdir()
    assert problems_of(tmp_path)[0][0] == "BW1101"


def test_a_start_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "absent")[0][0] == "BW1101"


def test_everything_wrong_is_told_in_one_pass(tmp_path: Path) -> None:
    write(
        tmp_path,
        'ap = "x"\napp = 3\nsync = 1\n[plugins]\nsink = []\ncaches = "memory"\njobs = [1]\n'
        '[plugins.policy]\n"sinks.email" = "optinal"\n"sink.email" = "required"\njobs.x = "required"\n'
        "[settings]\nA = {b = 1}\nC = [[1]]\n[dta]\n",
    )
    found = problems_of(tmp_path)
    assert {code for code, _, _ in found} == {"BW1102"}
    texts = {where: text for _, where, text in found}
    assert "did you mean app?" in texts["busway.toml:1"]
    assert "app is not" in texts["busway.toml:2"]
    assert "[sync] must be a table" in texts["busway.toml:3"]
    assert "did you mean sinks?" in texts["busway.toml:5"]
    assert "list of names" in texts["busway.toml:6"]
    assert "list of names" in texts["busway.toml:7"]
    assert "did you mean optional?" in texts["busway.toml:9"]
    assert "did you mean sinks?" in texts["busway.toml:10"]
    assert "busway.toml:11" not in texts
    assert {"busway.toml:13", "busway.toml:14"} <= set(texts)
    assert "did you mean data?" in texts["busway.toml:15"]
    assert len(found) == 11


@pytest.mark.parametrize("app", ["", "a b", "a:b", "-a", "x" * 65])
def test_an_app_name_must_fit_into_keys(tmp_path: Path, app: str) -> None:
    write(tmp_path, f'app = "{app}"\n')
    assert problems_of(tmp_path)[0][0] == "BW1102"


def test_repr_shows_no_content(tmp_path: Path) -> None:
    write(tmp_path, '[settings]\nTOKEN = "canary-9f3c"\n')
    assert "canary" not in repr(find_deployment(tmp_path))
    assert "canary" not in repr(Deployment(tmp_path, None, {"settings": {"T": "canary"}}))
