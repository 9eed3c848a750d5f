"""Test scores of all runs into results.csv, learning curves into curves.csv and curves.svg.

python reproductions/scratch/figures.py --runs runs/scratch --collection BEIR/nfcorpus
    [--output reproductions/scratch]

Needs matplotlib.
"""

import argparse
import csv
import json
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import torch

from llm_encoders import load_encoder
from llm_encoders.config import EncoderConfig
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.jobs.machine import processor_name

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "curves"  # the same numbers give the same file
from matplotlib import pyplot as plt  # noqa: E402

OBJECTIVES = ("pairs", "contrastive", "distillation", "both")
METRICS = ("ndcg@10", "mrr@10", "recall@100", "query_terms", "passage_terms")
COST = ("steps", "tokens", "flops", "seconds")
COLUMNS = ("paradigm", "run", *METRICS, *COST, "device", "torch")


def untrained(paradigm: str, runs: Path) -> object:
    """The random Llama under the contract that training then kept to."""
    encoder = load_encoder(str(runs / "llama"), paradigm=paradigm, like="lion", dtype="float32")
    encoder.config = EncoderConfig.load(runs / f"{paradigm}-pairs")
    return encoder


def rows(runs: Path, collection: Collection) -> Iterable[dict[str, object]]:
    """One row a model: test scores, and the cost of its own training."""
    machine = {"device": device_name(), "torch": torch.__version__}
    for paradigm in ("sparse", "dense"):
        yield {
            "paradigm": paradigm,
            "run": "untrained",
            **scores(untrained(paradigm, runs), collection),
            **machine,
        }
        for objective in OBJECTIVES:
            folder = runs / f"{paradigm}-{objective}"
            encoder = load_encoder(str(folder), dtype="float32")
            cost = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
            yield {
                "paradigm": paradigm,
                "run": objective,
                **scores(encoder, collection),
                **{key: f"{cost[key]:.4g}" for key in COST},
                **machine,
            }


def scores(encoder: object, collection: Collection) -> dict[str, str]:
    """The metrics, rounded."""
    found = evaluate(encoder, collection)
    return {key: f"{found[key]:.4f}" for key in METRICS if key in found}


def device_name() -> str:
    """The processor that this runs on."""
    return f"{processor_name()}, {torch.get_num_threads()} threads"


def curves(runs: Path) -> Iterable[tuple[str, str, int, float]]:
    """(paradigm, run, step, nDCG@10 on the development queries) of every evaluation."""
    for paradigm in ("sparse", "dense"):
        for objective in OBJECTIVES:
            log = runs / f"{paradigm}-{objective}" / "log.jsonl"
            for line in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
                if "eval_ndcg@10" in line:
                    yield paradigm, objective, int(line["step"]), line["eval_ndcg@10"]


def draw(points: list[tuple[str, str, int, float]], path: Path) -> None:
    """The stage on pairs, and the three objectives that continue from it, side by side."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for panel, paradigm in zip(panels, ("sparse", "dense"), strict=True):
        mine = [point for point in points if point[0] == paradigm]
        border = max(step for _, run, step, _ in mine if run == "pairs")
        for run in OBJECTIVES:
            first = 0 if run == "pairs" else border
            places = [(first + step, value) for _, name, step, value in mine if name == run]
            panel.plot(*zip(*places, strict=True), marker=".", label=run)
        panel.axvline(border, color="#999999", linewidth=0.8, linestyle=":")
        panel.set_title(paradigm)
        panel.set_xlabel("optimiser steps")
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("nDCG@10, nfcorpus dev")
    panels[1].legend()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    """Parse the command line, score, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--collection", required=True, help="folder in BEIR layout")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    points = list(curves(args.runs))
    table = []
    for row in rows(args.runs, Collection.load(args.collection, "test")):
        table.append(row)
        print({key: row[key] for key in ("paradigm", "run", "ndcg@10")}, flush=True)
    # only now: stopped earlier, this leaves the files of the last time as they were
    with (args.output / "curves.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("paradigm", "run", "step", "dev_ndcg@10"))
        writer.writerows((*point[:3], f"{point[3]:.4f}") for point in points)
    draw(points, args.output / "curves.svg")
    with (args.output / "results.csv").open("w", newline="", encoding="utf-8") as stream:
        lines = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        lines.writeheader()
        lines.writerows(table)


if __name__ == "__main__":
    main()
