"""What commands print with ``--json`` and the service answers: each read here once, so that the two never disagree."""
