"""``busway demo``: the real jobs between a synthetic company and the sandbox."""
