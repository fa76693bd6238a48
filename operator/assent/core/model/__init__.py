"""Frozen values that all of core shares."""
