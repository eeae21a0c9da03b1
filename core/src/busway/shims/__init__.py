"""What the shims of ``busway migrate shims`` are made of: old names that lead to Busway or to the old code, by flag."""

from __future__ import annotations

from busway.shims.deprecation import BuswayDeprecationWarning
from busway.shims.given import given
from busway.shims.running import running_job
from busway.shims.shim import Shim, no_counterpart

__all__ = ["BuswayDeprecationWarning", "Shim", "given", "no_counterpart", "running_job"]
