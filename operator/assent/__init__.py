"""Assent: proposes PD actions, asks people, and carries out what they approved, once."""

__version__ = "0.1.0"
