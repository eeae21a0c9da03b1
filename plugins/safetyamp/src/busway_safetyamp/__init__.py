"""SafetyAmp for Busway: people and titles from Viewpoint Vista, with a sandbox to try it on."""

__version__ = "0.1.0"
