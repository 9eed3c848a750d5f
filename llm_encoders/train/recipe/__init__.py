"""Recipes: their sections, their checks, and how they are read."""
