"""Scaling laws fitted to measured points, with intervals, hold-out error and warnings."""
