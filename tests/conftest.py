"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right; numbers are for benchmarks/.
settings.register_profile("busway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busway")
