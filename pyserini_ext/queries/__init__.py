"""Queries that are encoded ahead, so that a machine without the model can search."""
