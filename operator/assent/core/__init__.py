"""Decides. Pure: no I/O, clock, randomness, logging or framework."""
