"""Plots are an extra: a command that can draw works without matplotlib, and says so."""

import importlib.util

NO_PLOT = "No plot: it needs matplotlib. Install it and run the same command again."
"""What a command prints in place of a plot."""


def can_plot() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None
