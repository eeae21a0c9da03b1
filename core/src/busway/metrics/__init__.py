"""Counters, gauges and histograms of this process; exporter sinks read a snapshot of them."""
