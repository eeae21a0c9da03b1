"""Every code has a page, every page has a code, and every page says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from busway.cli.explain import page_of, pages

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r'"(BW\d{4})"')


def codes_in_sources() -> set[str]:
    sources = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    return {code for path in sources for code in CODE.findall(path.read_text("utf-8"))}


def test_every_code_in_the_sources_has_a_page_and_no_page_is_left_over() -> None:
    assert codes_in_sources() == set(pages())


@pytest.mark.parametrize("code", pages())
def test_a_page_is_titled_and_says_what_to_do(code: str) -> None:
    page = page_of(code)
    title, _, rest = page.partition("\n")
    assert re.fullmatch(rf"# {code}: \S.*", title)
    assert "## What it means" in rest
    assert "## What to do" in rest
    assert len(rest.split()) > 20
