from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.errors import ConfigurationError
from busway.stores.installation_key import installation_key, keyed_digest


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = installation_key(tmp_path)
    assert len(key) == 32
    assert installation_key(tmp_path) == key
    path = tmp_path / "keys" / "installation.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["installation.key"]


def test_many_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(installation_key, [tmp_path] * 16))
    assert len(keys) == 1


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    installation_key(tmp_path)
    (tmp_path / "keys" / "installation.key").write_bytes(b"short")
    with pytest.raises(ConfigurationError) as caught:
        installation_key(tmp_path)
    assert caught.value.code == "BW3105"
    assert "short" not in caught.value.render()


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_digests_agree_exactly_for_equal_parts(left: list[str], right: list[str]) -> None:
    key = b"k" * 32
    assert (keyed_digest(key, *left) == keyed_digest(key, *right)) is (left == right)
    assert len(keyed_digest(key, *left)) == 32


def test_another_key_gives_another_digest() -> None:
    assert keyed_digest(b"a" * 32, "x") != keyed_digest(b"b" * 32, "x")
