"""The index file: where it lies, what becomes of a damaged one, and that a warm start reads nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from builders.distributions import Site
from builders.kept_index import load, names, no_build
from busway.plugins import index_build, index_file
from busway.plugins.index import load_index


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as made:
        yield made


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "index.json"


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps an index at once, as if every change were old."""
    monkeypatch.setattr(index_build, "TRUST_AFTER_NS", -(10**12))


def document(kept: Path) -> index_file.Document:
    """What the index file holds."""
    found = index_file._read(str(kept))
    assert found is not None
    return found


def test_refresh_searches_anew(site: Site, kept: Path, trusting: None) -> None:
    site.install("pager")
    load(site, kept)
    kept.write_bytes(index_file.pack(document(kept)._replace(plugins=[])))
    assert names(load(site, kept)) == []
    assert names(load(site, kept, refresh=True)) == ["pager"]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:-1],
    "cut in half": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"\0",
    "another format": lambda content: content.replace(b"busway-plugins 2", b"busway-plugins 1"),
    "another value": lambda content: content.replace(b"pager", b"bleep"),
    "a flipped bit": lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
    "no text": lambda content: b"\xff" * 100,
    "the former format": lambda content: b'{"format":1,"folders":[],"files":[],"plugins":[]}',
    "right checksum, wrong counts": lambda content: b"busway-plugins 2\0%d\0" % crc32(b"9\0x") + b"9\0x",
    "right checksum, no parts": lambda content: b"busway-plugins 2\0%d\0" % crc32(b"0") + b"0",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_corrupt_index_is_rebuilt(site: Site, kept: Path, trusting: None, damage: Callable[[bytes], bytes]) -> None:
    site.install("pager")
    load(site, kept)
    good = kept.read_bytes()
    kept.write_bytes(damage(good))
    assert names(load(site, kept)) == ["pager"]
    assert kept.read_bytes() == good


def test_what_cannot_be_written_down_stays_in_memory(site: Site, kept: Path, trusting: None) -> None:
    site.metadata("acme-odd", "1", "[busway.v1.sinks]\nodd = a\0b\n")
    assert names(load(site, kept)) == names(load(site, kept)) == ["odd"]
    assert not kept.exists()


def test_a_path_of_undecodable_bytes_is_kept_like_any_other(
    tmp_path: Path, kept: Path, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Site(tmp_path / os.fsdecode(b"caf\xe9")) as site:
        site.install("pager")
        built = load(site, kept)
        no_build(monkeypatch)
        assert load(site, kept).entries("sinks") == built.entries("sinks") != []


def test_an_index_that_cannot_be_read_or_written_is_no_error(site: Site, tmp_path: Path, trusting: None) -> None:
    site.install("pager")
    (tmp_path / "folder").mkdir()
    assert names(load(site, tmp_path / "folder")) == ["pager"]
    (tmp_path / "file").write_text("")
    assert names(load(site, tmp_path / "file" / "index.json")) == ["pager"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_the_places_are_the_environment_then_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, second = index_file.places([])
    assert Path(first).parent == Path(sys.prefix)
    assert Path(second).parent == tmp_path / "busway"
    assert Path(first).name == Path(second).name
    assert [Path(place).parent for place in index_file.places([sys.prefix])] == [Path(second).parent]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own, which can be written to."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "env"


def test_each_search_path_keeps_an_index_of_its_own(
    site: Site, tmp_path: Path, environment: Path, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`busway` and `python -m` search different folders; they must not rebuild in turn."""
    site.install("pager")
    scripts, work = tmp_path / "bin", tmp_path / "work"
    scripts.mkdir()
    work.mkdir()
    paths = [[str(folder), str(site.folder)] for folder in (scripts, work)]
    for path in paths:
        load_index(path=path)
    assert len(list(environment.iterdir())) == 2
    no_build(monkeypatch)
    for path in paths * 2:
        assert names(load_index(path=path)) == ["pager"]


def test_a_handful_of_index_files_is_left_the_latest(
    site: Site, tmp_path: Path, environment: Path, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = environment / "pyvenv.cfg"
    environment.mkdir()
    other.touch()
    for number in range(index_build.KEPT_FILES + 5):
        load_index(path=[str(tmp_path / f"work{number}"), str(site.folder)])
        for file in environment.glob(f"{index_file.FILE_PREFIX}*"):
            os.utime(file, ns=(0, file.stat().st_mtime_ns - 10**9))  # the next one is later, whatever the clock's tick
    assert len(list(environment.iterdir())) == index_build.KEPT_FILES + 1
    assert other.exists()
    no_build(monkeypatch)
    load_index(path=[str(tmp_path / f"work{number}"), str(site.folder)])


def test_where_the_environment_cannot_be_written_the_users_cache_serves(
    site: Site, tmp_path: Path, environment: Path, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("pager")
    environment.write_text("not a folder")
    load_index(path=[str(site.folder)])
    assert len(list((tmp_path / "cache" / "busway").iterdir())) == 1
    no_build(monkeypatch)
    assert names(load_index(path=[str(site.folder)])) == ["pager"]


def test_without_a_place_the_index_stays_in_memory(site: Site, trusting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("pager")
    monkeypatch.setattr(index_file, "places", lambda *_: iter(["/proc/none/index"]))
    load_index(path=[str(site.folder)])
    no_build(monkeypatch)
    assert names(load_index(path=[str(site.folder)])) == ["pager"]


def test_a_warm_start_imports_next_to_nothing(site: Site, kept: Path, trusting: None) -> None:
    site.install("pager")
    load(site, kept)
    code = (
        "import sys; before = set(sys.modules)\n"
        "from busway.plugins.index import load_index\n"
        f"index = load_index(path=[{str(site.folder)!r}], cache_file={str(kept)!r})\n"
        "assert [entry.name for entry in index.entries('sinks')] == ['pager']\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = set(run.stdout.split())
    heavy = {
        "json",
        "importlib_metadata",
        "importlib.metadata",
        "pluggy",
        "stevedore",
        "pydantic",
        "pathlib",
        "dataclasses",
        "tempfile",
    }
    assert not loaded & heavy
    assert {name for name in loaded if name.startswith("busway")} == {
        "busway", "busway.plugins", "busway.plugins.index", "busway.plugins.index_file",
    }  # fmt: skip
