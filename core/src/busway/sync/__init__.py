"""The sync engine: read, map, compare, plan, hold or apply, account."""
