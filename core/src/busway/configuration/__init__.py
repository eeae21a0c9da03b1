"""Settings, layers with provenance, secrets and the configuration manager."""
