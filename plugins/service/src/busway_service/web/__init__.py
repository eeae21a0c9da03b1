"""The service over HTTP: probes, metrics and the JSON API."""
