"""The proof that a secret source keeps the contract: subclass it, hand in your source, run pytest.

    from busway.testing import SecretSourceContract

    class TestAcmeVault(SecretSourceContract):
        @pytest.fixture
        def known(self):
            return {"ACME_TOKEN": "synthetic-1", "DB_PASSWORD": "synthetic-2"}

        @pytest.fixture
        def source(self, known, acme_server):
            acme_server.hold(known)
            return AcmeVault(url=acme_server.url)

The fixture ``unreachable_source`` unlocks the check of an outage; without it that check is skipped.
"""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, UnreachableError

__all__ = ["SecretSourceContract"]

MISSING = "BUSWAY_CONTRACT_NAME_NOBODY_HAS"


class SecretSourceContract:
    """Checks for one source. Subclass it under a name that pytest collects; define ``source`` and ``known``."""

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        """At least two names the source has, with their (synthetic, distinct, long) values."""
        raise NotImplementedError("define a fixture named 'known': names and values that your source has")

    @pytest.fixture
    def source(self) -> SecretSource:
        """Your source, able to answer."""
        raise NotImplementedError("define a fixture named 'source' that returns your secret source")

    @pytest.fixture
    def unreachable_source(self) -> SecretSource | None:
        """Optional: your source with its vault, server or file away."""
        return None

    def test_it_has_the_shape_of_a_source(self, source: SecretSource) -> None:
        assert isinstance(source, SecretSource), "a source has fetch, fetch_many, names, locate, close, serves_settings"
        assert isinstance(source.serves_settings, bool), "serves_settings is True or False"

    def test_a_known_name_is_fetched(self, source: SecretSource, known: Mapping[str, str]) -> None:
        for name, value in known.items():
            found = source.fetch(name)
            assert isinstance(found, SecretValue), f"{name} was not found"
            assert found.value == value, f"{name} came back with another value"
            assert found.expires_at_ns is None or isinstance(found.expires_at_ns, int), "expiry is in whole nanoseconds"

    def test_an_unknown_name_is_none(self, source: SecretSource) -> None:
        assert source.fetch(MISSING) is None, "a name the source does not have is None, so that the next one is asked"

    def test_many_are_those_it_has(self, source: SecretSource, known: Mapping[str, str]) -> None:
        found = source.fetch_many([*known, MISSING, next(iter(known))])
        values = {name: secret.value for name, secret in found.items() if isinstance(secret, SecretValue)}
        assert values.keys() == known.keys(), f"asked for {sorted(known)} and a missing one, got {sorted(values)}"
        assert values == dict(known), "a value was handed out under another name"
        assert not source.fetch_many([]), "nothing asked, nothing answered"

    def test_names_are_listed_or_withheld(self, source: SecretSource, known: Mapping[str, str]) -> None:
        names = set(source.names())
        assert not names or names >= known.keys(), f"the list lacks {sorted(known.keys() - names)}; empty is allowed"

    def test_places_never_show_values(self, source: SecretSource, known: Mapping[str, str]) -> None:
        for name, value in known.items():
            found = source.fetch(name)
            shown = (source.locate(name), repr(source), repr(found), found.where if found else "")
            assert source.locate(name), "locate tells where a name is looked up; it is empty"
            assert not any(value in text for text in shown), f"the value of {name} can be read in a place or repr"

    def test_a_place_is_told_for_a_name_it_lacks(self, source: SecretSource) -> None:
        assert source.locate(MISSING), "the operator needs the place to put the missing secret"

    def test_many_threads_get_their_own_answers(self, source: SecretSource, known: Mapping[str, str]) -> None:
        names = list(known) * 8
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(source.fetch, names))
        wrong = [
            name for name, secret in zip(names, found, strict=True) if secret is None or secret.value != known[name]
        ]
        assert not wrong, f"with 8 threads these were wrong or missing: {sorted(set(wrong))}"

    def test_an_outage_is_not_a_missing_name(self, unreachable_source: SecretSource | None) -> None:
        if unreachable_source is None:
            pytest.skip("define the fixture 'unreachable_source' to have outages checked")
        with pytest.raises(BuswayError) as caught:
            unreachable_source.fetch(MISSING)
        assert isinstance(caught.value, UnreachableError), f"an outage is UnreachableError, not {caught.value!r}"
        assert caught.value.problem.fix, "the error tells the operator what to do"

    def test_closing_an_unused_source_twice_is_harmless(self, source: SecretSource) -> None:
        source.close()
        source.close()
