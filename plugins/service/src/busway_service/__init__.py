"""Runs the jobs of Busway on a schedule, with health probes, metrics and a JSON API."""

__version__ = "0.1.0"
