"""Checks of what a secret source answers: values, names, times, many at once, many threads."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, ConfigurationError

__all__ = ["HOSTILE_NAMES", "MISSING", "ODD_VALUES", "AnswerChecks", "NameChecks"]

MISSING = "BUSWAY_CONTRACT_NAME_NOBODY_HAS"
THREADS = 64
EARLIEST_NS = 10**16
"""April 1970: a time in seconds, milli- or microseconds lies before it for the next three centuries."""

ODD_VALUES: Mapping[str, str] = {
    "ODD_EMPTY": "",
    "ODD_BLANK": "   \t",
    "ODD_BLANKS_AROUND": "  synthetic between blanks  ",
    "ODD_LONG": "synthetic-25-KB-" * 1_600,
    "ODD_LETTERS": "sÿnthetic-Пароль-密码-🔑",
    "ODD_LINES": "-----synthetic-----\nline two\n\nline four\n-----end-----\n",
    "ODD_SIGNS": "syn$thetic${NAME} #1 \"two\" 'three' \\n {four}};=%41&",
}
"""Values that sources like to change, for the fixture ``odd_values``; an empty one counts as not set."""

HOSTILE_NAMES: tuple[str, ...] = (
    "",
    " ",
    ".",
    "..",
    "../" * 8 + "etc/passwd",
    "/etc/passwd",
    "A" * 300,
    "A/B",
    "A\\B",
    "A=B",
    "A?B#C&D",
    "A%2FB",
    "A\nB",
    "A\r\nB",
    "A\0B",
    "*",
    "${HOME}",
    "N\u00e4me",
    "\u540d\u524d",
    "\U0001f511",
    "\udcff",
)
"""Names that no setting has, and that a command line or a file can bring all the same."""


def disguises(name: str) -> list[str]:
    """Names that are not ``name`` and that careless look-ups take for it."""
    around = [
        f" {name}",
        f"{name} ",
        f"{name}\n",
        f"{name}\0",
        f"{name}\0.txt",
        f"./{name}",
        f"x/../{name}",
        f"{name}/",
    ]
    return [*around, name[:-1], f"{name}*", name.lower(), name.replace("_", "-"), f"{name}?version="]


def folded(name: str) -> str:
    """Names that are equal when folded cannot both be there where case, or ``_`` and ``-``, are the same."""
    return name.casefold().replace("-", "_")


class AnswerChecks:
    """What comes back for a name, and for many."""

    def test_it_has_the_shape_of_a_source(self, source: SecretSource) -> None:
        assert isinstance(source, SecretSource), "a source has fetch, fetch_many, names, locate, close, serves_settings"
        assert isinstance(source.serves_settings, bool), "serves_settings is True or False"

    def test_a_known_name_is_fetched(self, source: SecretSource, known: Mapping[str, str]) -> None:
        for name, value in known.items():
            found = source.fetch(name)
            assert isinstance(found, SecretValue), f"{name} was not found"
            assert found.value == value, f"{name} came back with another value"
            assert isinstance(found.where, str), "where is text, for people"
            assert isinstance(found.version, str), "the version is text; empty when there is none"

    def test_an_unknown_name_is_none(self, source: SecretSource) -> None:
        assert source.fetch(MISSING) is None, "a name the source does not have is None, so that the next one is asked"

    def test_times_are_whole_nanoseconds(
        self, source: SecretSource, known: Mapping[str, str], dated: Mapping[str, tuple[int | None, int | None]]
    ) -> None:
        for name in (*known, *dated):
            found = source.fetch(name)
            times = (found.not_before_ns, found.expires_at_ns) if found is not None else (None, None)
            assert all(time is None or type(time) is int for time in times), f"the times of {name} are whole numbers"
            assert all(time is None or time > EARLIEST_NS for time in times), f"the times of {name} are nanoseconds"
            assert name not in dated or times == tuple(dated[name]), f"{name} came back with other times"

    def test_many_are_those_it_has(self, source: SecretSource, known: Mapping[str, str]) -> None:
        found = source.fetch_many([*known, MISSING])
        values = {name: secret.value for name, secret in found.items() if isinstance(secret, SecretValue)}
        assert values.keys() == known.keys(), f"asked for {sorted(known)} and a missing one, got {sorted(values)}"
        assert values == dict(known), "a value was handed out under another name"
        assert set(found) == set(known), "a name it does not have is left out, not mapped to something"

    def test_many_come_in_any_order_and_once(self, source: SecretSource, known: Mapping[str, str]) -> None:
        names = [*reversed(list(known)), MISSING, *known, *known]
        found = source.fetch_many(iter(names))
        values = {name: secret.value for name, secret in found.items() if isinstance(secret, SecretValue)}
        assert values == dict(known), "names in another order, more than once and as an iterator give the same"

    def test_nothing_asked_is_nothing_answered(self, source: SecretSource) -> None:
        assert not source.fetch_many([]), "no names, no values"
        assert not source.fetch_many(iter(())), "no names, no values"

    def test_a_refused_name_spoils_no_other(
        self, source: SecretSource, known: Mapping[str, str], refused: Mapping[str, str]
    ) -> None:
        if not refused:
            pytest.skip("define the fixture 'refused' to have names checked that the source refuses")
        for name in refused:
            with pytest.raises(BuswayError) as caught:
                source.fetch(name)
            for order in ([name, *known], [*known, name]):
                found = source.fetch_many(order)
                answer = found.get(name)
                assert isinstance(answer, BuswayError), f"{name} is refused; among many it maps to that error"
                assert answer.code == caught.value.code, (
                    f"{name} alone is {caught.value.code}, among many {answer.code}"
                )
                assert set(found) >= set(known), f"{name} was refused, and others were lost"

    def test_odd_values_survive_unchanged(self, source: SecretSource, odd_values: Mapping[str, str]) -> None:
        if not odd_values:
            pytest.skip("define the fixture 'odd_values' to have long, blank and foreign values checked")
        for name, value in odd_values.items():
            found = source.fetch(name)
            assert (found.value if found is not None else "") == value, f"{name} was changed on its way"

    def test_a_change_is_seen(
        self, source: SecretSource, known: Mapping[str, str], rotate: Callable[[str, str], object] | None
    ) -> None:
        if rotate is None:
            pytest.skip("define the fixture 'rotate' to have it checked that a new value is seen")
        name = next(iter(known))
        before = source.fetch(name)
        rotate(name, "synthetic-rotated-value")
        after, among_many = source.fetch(name), source.fetch_many([name]).get(name)
        for found in (after, among_many):
            assert isinstance(found, SecretValue), f"{name} was lost when it changed"
            assert found.value == "synthetic-rotated-value", "the old value was kept; remembering is the core's part"
        versions = [found.version for found in (before, after) if found is not None]
        assert not all(versions) or len(set(versions)) == 2, "a new value has a new version"

    def test_many_threads_get_their_own_answers(self, source: SecretSource, known: Mapping[str, str]) -> None:
        alone = {name: found.value for name in known if (found := source.fetch(name)) is not None}
        names = ([*known] * -(-THREADS // len(known)))[:THREADS]
        ready = Barrier(THREADS, timeout=30)

        def ask(name: str) -> str | None:
            ready.wait()
            found = source.fetch(name)
            return found.value if found is not None else None

        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(ask, names))
        wrong = [name for name, answer in zip(names, answers, strict=True) if answer != alone.get(name)]
        assert not wrong, f"with {THREADS} threads these were wrong or missing: {sorted(set(wrong))}"


class NameChecks:
    """Names: listed, located, and hostile."""

    def test_names_are_listed_or_withheld(self, source: SecretSource, known: Mapping[str, str]) -> None:
        names = set(source.names())
        assert all(isinstance(name, str) for name in names), "names are text"
        assert not names or names >= known.keys(), f"the list lacks {sorted(known.keys() - names)}; empty is allowed"

    def test_fetching_lists_nothing(
        self, source: SecretSource, known: Mapping[str, str], listings: Callable[[], int] | None
    ) -> None:
        asked: list[object] = []
        counted = listings() if listings is not None else 0

        def note(asked_source: SecretSource) -> list[str]:
            asked.append(asked_source)
            return [*known]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(source), "names", note)
            for name in known:
                source.fetch(name)
                source.locate(name)
            source.fetch_many([*known, MISSING])
        counted = listings() - counted if listings is not None else 0
        assert not asked, "fetching asked for all names; who may only read has no right to list"
        assert not counted, "fetching listed the names on the server; who may only read has no right to"

    def test_a_place_is_told_for_a_name_it_lacks(self, source: SecretSource) -> None:
        assert source.locate(MISSING), "the operator needs the place to put the missing secret"

    def test_locate_never_raises(
        self, source: SecretSource, known: Mapping[str, str], unreachable_source: SecretSource | None
    ) -> None:
        for asked in (source, unreachable_source) if unreachable_source is not None else (source,):
            for name in (*known, *HOSTILE_NAMES):
                # Errors are written with places: a second error there would hide the first.
                assert isinstance(asked.locate(name), str), f"the place of {name!r} is text"

    def test_hostile_names_are_harmless(self, source: SecretSource, known: Mapping[str, str]) -> None:
        for name in HOSTILE_NAMES:
            assert _answer(source, name) is None, f"{name!r} is no name of a secret, and has a value"
        for name in [*known][:3]:
            for disguise in disguises(name):
                value = _answer(source, disguise)
                owners = [one for one in known if folded(one) == folded(disguise)]
                assert value is None or value in map(known.get, owners), f"{disguise!r} gave the value of another name"

    def test_a_hostile_name_spoils_no_other(self, source: SecretSource, known: Mapping[str, str]) -> None:
        found = source.fetch_many([*HOSTILE_NAMES, *known, *HOSTILE_NAMES])
        lost = sorted(set(known) - {name for name, one in found.items() if isinstance(one, SecretValue)})
        assert not lost, f"a name that cannot be a secret's made these disappear: {lost}"
        wrong = [name for name in HOSTILE_NAMES if isinstance(found.get(name), SecretValue)]
        assert not wrong, f"no names of secrets, and have values: {wrong}"


def _answer(source: SecretSource, name: str) -> str | None:
    """The value, ``None`` for a name that is refused as unusable."""
    try:
        found = source.fetch(name)
    except ConfigurationError:
        return None
    return found.value if found is not None else None
