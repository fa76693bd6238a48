"""Decides the next move of a proposal from facts; the table itself is in ``api``."""
