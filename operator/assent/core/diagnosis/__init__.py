"""Why is it so, and what would cure it."""
