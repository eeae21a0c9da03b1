"""The picks of each kind."""

from __future__ import annotations

import pytest

from busway.plugins.kinds import BUILT_INS, KINDS
from busway.plugins.selection import Pick, Selection


@pytest.mark.parametrize("kind", KINDS)
def test_of_gives_the_picks_of_that_kind_alone(kind: str) -> None:
    picks = (Pick("a"), Pick("b", "dist", required=False, origin="busway.toml:3"))
    selection = Selection(**{kind: picks})
    assert {each: selection.of(each) for each in KINDS} == {each: picks if each == kind else () for each in KINDS}


def test_of_refuses_an_unknown_kind() -> None:
    with pytest.raises(KeyError):
        Selection().of("commands")


def test_every_kind_says_what_is_built_in() -> None:
    assert tuple(BUILT_INS) == KINDS
