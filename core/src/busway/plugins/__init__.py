"""The plugin host: index, selection, loading, reports."""
