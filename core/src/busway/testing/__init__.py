"""Fakes and fixtures for plugin authors."""
