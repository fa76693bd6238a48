"""Did they really say yes to exactly this."""
