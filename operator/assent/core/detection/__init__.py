"""Finds problems in a snapshot, one rule a file."""
