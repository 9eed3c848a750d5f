"""Sections of the page on scaling laws."""
