"""Parts of the composition root that have a noun of their own."""
