"""Durable stores below the managers: SQLite databases of the state folder, and the installation key."""
