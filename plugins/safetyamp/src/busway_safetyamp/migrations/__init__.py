"""The rules by which ``busway migrate`` moves an earlier integration to Busway: ``rules.toml`` beside this file."""
