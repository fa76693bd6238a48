"""May we: tiers, modes, expiry, timeouts."""
