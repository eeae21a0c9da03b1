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

``known`` and ``source`` are enough to start. Every other fixture unlocks checks that are skipped without it:

``unreachable_source``
    The source with its vault, server or file away: an outage is ``UnreachableError``, never a missing name, and told
    within ``call_seconds`` (3, what the core waits for one call; a source with a smaller budget says so here).
``recover``
    Brings ``unreachable_source`` back, with the names of ``known`` in it; it moves the clock of a source that waits
    before it asks again.
``refused``
    Names the source refuses (disabled, forbidden, unreadable), each with what is stored under it or ``""``.
``odd_values``
    Values that ``source`` holds besides ``known``: take those of :data:`ODD_VALUES` that your store can hold.
``dated``
    Names with ``(not_before_ns, expires_at_ns)`` as ``source`` must tell them.
``rotate``
    A function of a name and a new value that changes what ``source`` reads.
``listings``
    A function that counts the list requests your server had.
``build``
    A function that makes one more source and does nothing else: building must not connect.

What the checks guard: values come whole and under their own name, whatever the order, number or threads; hostile names
reach nothing; no value is in a place, ``repr``, error, log or pickle; an outage is told in time and ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from busway.contracts.secrets import SecretSource
from busway.testing.secret_answers import HOSTILE_NAMES, MISSING, ODD_VALUES, AnswerChecks, NameChecks
from busway.testing.secret_outages import LifeChecks, OutageChecks
from busway.testing.secret_silence import SilenceChecks

__all__ = ["HOSTILE_NAMES", "MISSING", "ODD_VALUES", "SecretSourceContract"]


class SecretSourceContract(AnswerChecks, NameChecks, SilenceChecks, OutageChecks, LifeChecks):
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

    @pytest.fixture
    def call_seconds(self) -> float:
        """How long one call may take, in seconds: what the core waits, unless your source promises less."""
        return 3.0

    @pytest.fixture
    def recover(self) -> Callable[[], object] | None:
        """Optional: brings ``unreachable_source`` back, with ``known`` in it."""
        return None

    @pytest.fixture
    def refused(self) -> Mapping[str, str]:
        """Optional: names ``source`` refuses, with what is stored under them or ``""``."""
        return {}

    @pytest.fixture
    def odd_values(self) -> Mapping[str, str]:
        """Optional: further names and values of ``source``, those of :data:`ODD_VALUES` or your own."""
        return {}

    @pytest.fixture
    def dated(self) -> Mapping[str, tuple[int | None, int | None]]:
        """Optional: names of ``source`` with ``(not_before_ns, expires_at_ns)``."""
        return {}

    @pytest.fixture
    def rotate(self) -> Callable[[str, str], object] | None:
        """Optional: changes the value of a name."""
        return None

    @pytest.fixture
    def listings(self) -> Callable[[], int] | None:
        """Optional: how many list requests the server had."""
        return None

    @pytest.fixture
    def build(self) -> Callable[[], SecretSource] | None:
        """Optional: makes one more source and does nothing else."""
        return None
