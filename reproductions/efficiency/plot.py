"""Draw the ratios of a CSV of ``measure.py``: python plot.py [results.csv] (needs matplotlib).

The picture lies next to it as ``ratios.svg``.
"""

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "ratios"  # the same numbers give the same file
from matplotlib import pyplot as plt  # noqa: E402


def main() -> None:
    """One bar a form, grouped, on a logarithmic scale."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "results.csv")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    labels = [f"{row['group']}: {row['form']}" for row in rows]
    ratios = [float(row["ratio"]) for row in rows]
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(rows) + 1))
    axes.barh(labels, ratios, color=["#999999" if r == 1 else "#2b6cb0" for r in ratios])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("times as fast as the first of its group")
    for place, ratio in enumerate(ratios):
        axes.annotate(f" {ratio:g}", (ratio, place), va="center")
    figure.savefig(path.with_name("ratios.svg"), bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
