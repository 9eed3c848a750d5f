"""Annotations without annotators: queries that documents give themselves, or a model writes."""
