"""What can be configured for the SafetyAmp integration.

Each client is given the part it needs; :class:`SafetyAmpSettings` is all of them.
"""

from __future__ import annotations

from busway_safetyamp.settings.api import DEFAULT_USER_AGENT, ApiSettings
from busway_safetyamp.settings.graph import GraphSettings
from busway_safetyamp.settings.mapping import MappingSettings
from busway_safetyamp.settings.samsara import SamsaraSettings
from busway_safetyamp.settings.vista import VistaSettings

__all__ = [
    "DEFAULT_USER_AGENT",
    "ApiSettings",
    "GraphSettings",
    "MappingSettings",
    "SafetyAmpSettings",
    "SamsaraSettings",
    "VistaSettings",
]


# Fields come in the reverse order of the bases: the mapping's are last, because one of them looks at the others.
# Names of validators must differ between the bases, or one takes the place of the other in silence.
class SafetyAmpSettings(MappingSettings, SamsaraSettings, GraphSettings, VistaSettings, ApiSettings):
    """Where SafetyAmp, Vista, the directory and the fleet are, and the decisions that only the deployment can take."""
