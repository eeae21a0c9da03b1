"""Cached data: policy, decision, entry format, levels, guard and the data manager."""
