"""Queries without labels: read from files and folders, or made of the texts of a corpus."""
