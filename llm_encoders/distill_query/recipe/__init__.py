"""Recipes of query towers: their sections and checks."""
