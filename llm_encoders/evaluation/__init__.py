"""Exhaustive search over vectors, and measures of rankings."""
