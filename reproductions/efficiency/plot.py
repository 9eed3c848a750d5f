"""Draw the ratios of ``results.csv`` as ``ratios.svg``: python plot.py (needs matplotlib)."""

import csv
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "ratios"  # the same numbers give the same file
from matplotlib import pyplot as plt  # noqa: E402

HERE = Path(__file__).parent


def main() -> None:
    """One bar a form, grouped, on a logarithmic scale."""
    with (HERE / "results.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    labels = [f"{row['group']}: {row['form']}" for row in rows]
    ratios = [float(row["ratio"]) for row in rows]
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(rows) + 1))
    axes.barh(labels, ratios, color=["#999999" if r == 1 else "#2b6cb0" for r in ratios])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("times as fast as the plain way (first of its group)")
    for place, ratio in enumerate(ratios):
        axes.annotate(f" {ratio:g}", (ratio, place), va="center")
    figure.savefig(HERE / "ratios.svg", bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
