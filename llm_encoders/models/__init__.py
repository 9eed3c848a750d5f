"""Weights that ship with the package, and the command that describes encoders by their names."""
