"""Scaling laws by name, and the file that hands fitted ones from a fit to a plan."""
