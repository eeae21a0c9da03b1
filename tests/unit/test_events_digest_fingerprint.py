from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.cli.explain import page_of, pages
from busway.events.fingerprint import code_in, fingerprint, wording
from busway.events.next_steps import next_step


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("employee 7 has no site", "employee 123 has no site"),
        ("employee E4711 is unknown", "employee E12 is unknown"),
        ("no user ann@example.test", "no user bob.b@mail.example.test"),
        ("GET https://a.example/x/1?y=2 failed", "GET https://b.example/z failed"),
        ("run 0199f3c2-7d1a-7000-8000-000000000000 died", "run 11111111-2222-3333-4444-555555555555 died"),
        ("cannot read /var/lib/a/b.csv now", "cannot read /srv/data/c now"),
        ("waited 1.5 s until 2026-01-01T10:00:00Z", "waited 20 s until 2026-11-23T14:07:38Z"),
        ("title 'Foreman II' is unknown", "title 'Site Manager' is unknown"),
        ("digest 9f3c2a1b0 differs", "digest 00ff00aa1 differs"),
        ("too   many\nblanks", "too many blanks"),
    ],
)
def test_messages_that_differ_in_variable_parts_are_one_group(one: str, other: str) -> None:
    assert wording(one) == wording(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("field 'email' is not valid", "field 'phone' is not valid"),
        ("the source is away", "the target is away"),
        ("no site", "no title"),
    ],
)
def test_messages_that_mean_something_else_are_two(one: str, other: str) -> None:
    assert wording(one) != wording(other)


def test_kind_entity_job_and_code_are_part_of_it() -> None:
    whole = ("sync", "employee", "titles", "BW5001", "m")
    assert len({fingerprint(*whole), *(fingerprint(*[*whole[:at], "x", *whole[at + 1 :]]) for at in range(5))}) == 6
    assert fingerprint("a", None, None, "", "m") == fingerprint("a", "", "", "", "m")
    assert code_in("BW5003: refused BW1") == "BW5003"
    assert code_in("nothing") == ""


@given(st.text(max_size=300), st.integers(0, 10**9), st.integers(0, 10**9))
def test_any_text_has_a_wording_and_numbers_do_not_matter(text: str, one: int, other: int) -> None:
    assert wording(f"{text} {one} end") == wording(f"{text} {other} end") or len(text) > 250
    assert len(wording(text)) <= 400


def test_no_message_takes_long() -> None:
    begun = time.perf_counter()
    for nasty in ("a" * 100_000, "/a" * 50_000, "'1" * 50_000, "a@" * 50_000, "0-" * 50_000, "x://" * 25_000):
        wording(nasty)
    assert time.perf_counter() - begun < 1.0


def test_the_next_step_is_a_command_of_the_page_or_the_page() -> None:
    assert next_step("BW3002", "x", None, None) in page_of("BW3002") + "busway explain BW3002"
    steps = {code: next_step(code, "x", None, None) for code in pages()}
    assert all(step.startswith("busway ") for step in steps.values())
    assert sum(not step.startswith("busway explain") for step in steps.values()) > 10
    assert all(step.split()[1] for step in steps.values())


def test_without_a_code_the_kind_or_the_entity_says_it() -> None:
    assert next_step("", "held", "employee", "employees") == "busway plan employees"
    assert next_step("", "odd", "employee", None) == "busway events errors --hours 24 --entity employee"
    assert next_step("", "odd", "x; rm -rf /", None) == "busway events errors --hours 24"
    assert next_step("BW0000", "odd", None, None) == "busway events errors --hours 24"
    assert next_step("", "held", None, "$(reboot)") == "busway plan"
