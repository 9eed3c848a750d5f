"""Measure a trained cell: contrastive entropy on held-out pairs, rankings of collections.

python reproductions/scaling/measure.py CELL --collections BEIR

The row goes to ``measured.json`` in the folder of the cell.
"""

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import results
import study
import torch

from llm_encoders import load_encoder
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.evaluation.measures import contrastive_entropy
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.console import end_command, run_command
from llm_encoders.jobs.machine import processor_name
from llm_encoders.reading import read_object
from llm_encoders.scaling.entropy.size import non_embedding_parameters

HELD_OUT = Path(study.RUNS) / "held-out"
SPLIT = "test"


def main() -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure a trained cell of the study.")
    parser.add_argument("cell", metavar="CELL", help="its name, that of its folder")
    parser.add_argument(
        "--study", type=Path, default=study.FILE, metavar="FILE", help="as of run.py"
    )
    parser.add_argument("--collections", default="BEIR", metavar="DIR", help="as of run.py")
    args = parser.parse_args()
    return run_command(lambda: measure(study.load(args.study), args.cell, args.collections))


def measure(plan: study.Study, name: str, collections: str) -> None:
    """Write the row of a cell.

    Raises:
        UsageError: no such cell, or it was trained on other than its number of pairs.
    """
    cell = next((one for one in plan.cells() if one.name == name), None)
    if cell is None:
        raise UsageError(f"The study has no cell {name}.")
    folder = Path(cell.output)
    cost = read_object(folder / "cost.json")
    if (learnt := cost.get("annotations")) != cell.pairs:
        raise UsageError(
            f"{folder} has learnt from {learnt} pairs, not from {cell.pairs}; remove it, correct "
            f"{cell.training_file}, and run the study again."
        )
    encoder = load_encoder(str(folder))
    held_out = evaluate(encoder, Collection.load(str(HELD_OUT), SPLIT))
    row: dict[str, Any] = {
        "cell": cell.name,
        "paradigm": cell.paradigm,
        "size": cell.size,
        "parameters": non_embedding_parameters(encoder, encoder),
        "annotations": cell.pairs,
        "source": cell.source,
        "seed": cell.seed,
        "schedule": cell.schedule,
        "temperature": float(encoder.config.temperature),
        "negatives": contrastive_entropy.NEGATIVES,
        "entropy": held_out[contrastive_entropy.NAME],
        "entropy sd": held_out[contrastive_entropy.SPREAD],
        "query terms": held_out.get("query_terms"),
        "passage terms": held_out.get("passage_terms"),
        **{key: cost[key] for key in ("steps", "tokens", "flops", "seconds")},
        "processor": processor_name(),
        "device": (torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"),
        "threads": torch.get_num_threads(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "torch": torch.__version__,
    }
    for label, place in plan.collections.items():
        collection = Collection.load(f"{collections}/{place['folder']}", place["split"])
        found = evaluate(encoder, collection)
        row |= {f"{label} {measure}": found[measure] for measure in results.MEASURES}
    ordered = {column: row[column] for column in results.columns(plan.collections)}
    write_atomically(folder / "measured.json", json.dumps(ordered, indent=1) + "\n")


if __name__ == "__main__":
    end_command(main)
