"""Indexes and encoded corpora as folders that can be uploaded to the Hub."""
