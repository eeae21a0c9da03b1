"""The proof that a validator keeps the contract: subclass it, hand in your validator, run pytest.

    from busway.testing import ValidatorContract

    class TestPersonRules(ValidatorContract):
        @pytest.fixture
        def validator(self):
            return PersonRules(domain="")

        @pytest.fixture
        def valid(self):
            return [{"name": "Ada Example", "email": "ada@example.test"}]

        @pytest.fixture
        def invalid(self):
            return [("email", {"name": "Ada Example", "email": "nobody"})]

``validator`` and ``valid``, one good record or more, are enough to start. Give records with all the fields that your
validator knows: the checks put surprises in their place. Every other fixture unlocks checks that are skipped without
it and say so:

``invalid``
    Bad records, each with the field that its errors must name.
``warned``
    Records with a value that is left out with a warning, each with the field.
``defaults``
    Fields that the validator fills in on purpose where the source has nothing.

What the checks guard: good records pass and bad ones do not, for the reason that people are told; no text tells a
value; whatever it is handed, it judges, and changes, invents and loses nothing; the same record gets the same verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.testing.validator_life import LifeChecks
from busway.testing.validator_surprises import SurpriseChecks
from busway.testing.validator_verdicts import Told, VerdictChecks

__all__ = ["ValidatorContract"]


class ValidatorContract(VerdictChecks, SurpriseChecks, LifeChecks):
    """Checks for one validator. Subclass it under a name that pytest collects; define ``validator`` and ``valid``."""

    @pytest.fixture
    def validator(self) -> Validator:
        """Your validator."""
        raise NotImplementedError("define a fixture named 'validator' that returns your validator")

    @pytest.fixture
    def valid(self) -> Sequence[Record]:
        """Good records, with all the fields that your validator knows."""
        raise NotImplementedError("define a fixture named 'valid': records that your validator accepts")

    @pytest.fixture
    def invalid(self) -> Told:
        """Optional: bad records, each with the field that its errors must name."""
        return ()

    @pytest.fixture
    def warned(self) -> Told:
        """Optional: records with a value that is left out with a warning, each with the field."""
        return ()

    @pytest.fixture
    def defaults(self) -> Collection[str]:
        """Optional: fields that the validator fills in on purpose where the source has nothing."""
        return ()
