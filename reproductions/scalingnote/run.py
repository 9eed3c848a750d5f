"""Run the study: recipes and evaluations in order, then ``results.csv`` and the plots.

python reproductions/scalingnote/run.py --collections BEIR --only trade-off two-stage

What is finished is skipped; what was stopped resumes when the same command is given again.
"""

import argparse
import datetime
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import results  # opens the room of what studies share
import study
from finished import Finished
from safetensors import safe_open

from llm_encoders.distill_query.tradeoff import pareto
from llm_encoders.distill_query.tradeoff.job import CSV_NAME, JSON_NAME
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.console import end_command, run_command
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.jobs.plotting import can_plot
from llm_encoders.reading import read_object

FINISHED = Path("runs/scalingnote/finished.json")
_TOP = Path(study.RECIPES)
_EMBEDDINGS = ("embed", "lm_head")
_ANYWHERE = "COLLECTIONS"


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description="Run the recipes and evaluations of reproductions/scalingnote/study.yaml in "
        "order, at the top of the repository. What is finished is skipped. Results are in "
        "results.csv and pareto-*.svg beside it."
    )
    parser.add_argument(
        "--collections",
        default=study.BEIR,
        metavar="DIR",
        help=f"folder that holds the collections in BEIR layout (default: {study.BEIR})",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="GROUP",
        help=f"groups of the study (default: all): {', '.join(study.load().groups)}",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands and run none")
    args = parser.parse_args()
    return run_command(lambda: run(study.load(), args.collections, args.only, args.dry_run))


def run(plan: study.Study, collections: str, only: Sequence[str] = (), dry: bool = False) -> None:
    """Run groups of a study.

    Args:
        plan: the study.
        collections: folder of its collections.
        only: its groups; empty for all.
        dry: print the commands alone.

    Raises:
        UsageError: an unknown group, another working folder, or a file that no step makes.
        EncoderError: a command failed.
    """
    if unknown := [name for name in only if name not in plan.groups]:
        raise UsageError(f"--only: no group {unknown[0]}; there are {', '.join(plan.groups)}.")
    if not _TOP.is_dir():
        raise UsageError(f"There is no {_TOP} here; run this at the top of the repository.")
    groups = only or plan.groups
    if dry:
        _run(plan, groups, collections, dry)
        return
    _require_inputs(plan, groups, collections)
    with locked(FINISHED.with_name(LOCK_NAME), "Another run of the study is at work here; wait."):
        _run(plan, groups, collections, dry)


def _run(plan: study.Study, groups: Sequence[str], collections: str, dry: bool) -> None:
    done: set[str] = set()
    for group in groups:
        for step in plan.steps_of([group]):
            if step.page is None and step.name not in done:
                before = [plan.steps[name] for name in step.needs]
                _once(step, before, collections, dry)
                done.add(step.name)
        for one in plan.evaluations_of([group]):
            for name in one.collections or plan.collections:
                _evaluate(plan, one, name, collections, dry)


def _require_inputs(plan: study.Study, groups: Sequence[str], collections: str) -> None:
    """Refuse to begin without what these groups read."""
    steps = plan.steps_of(groups)
    for step in steps:
        if step.page is not None and not Path(step.output).exists():
            raise UsageError(
                f"There is no {step.output}; {step.page} says how to make it. Groups that do "
                "without can be named by --only."
            )
    measured = {
        name for one in plan.evaluations_of(groups) for name in one.collections or plan.collections
    }
    read = [word for step in steps for word in step.words(_ANYWHERE)]
    for name, place in plan.collections.items():
        wanted = name in measured or any(f"{_ANYWHERE}/{place['folder']}" in word for word in read)
        folder = Path(collections) / place["folder"]
        if wanted and not folder.is_dir():
            raise UsageError(f"--collections: there is no {folder}, the collection {name}.")


def _evaluate(
    plan: study.Study, one: study.Evaluation, name: str, collections: str, dry: bool
) -> None:
    words = plan.evaluate(one, name, collections)
    rows = results.read()
    key = (one.group, one.name, name)
    present = any(tuple(row[column] for column in results.KEY) == key for row in rows)
    read = [plan.steps[name] for name in (one.teacher, *one.students) if name in plan.steps]
    if present and Finished(FINISHED).holds(words, _commands(read, collections)):
        return
    _call(words, dry)
    if dry:
        return
    folder = study.evaluation_folder(plan.encoder(one.teacher), plan.collections[name]["folder"])
    new = measured(plan, one, name, Path(folder))
    write_atomically(results.FILE, results.text(results.replaced(rows, new)))
    Finished(FINISHED).note(words)
    if one.plot and can_plot():
        write_atomically(plot_path(one, name), plot(new, one, name))


def plot_path(one: study.Evaluation, collection: str) -> Path:
    """Where the plot of an evaluation on a collection lies."""
    return results.FILE.with_name(f"pareto-{one.name}-{collection}.svg")


def plot(rows: Sequence[results.Row], one: study.Evaluation, collection: str) -> bytes:
    """The plot of an evaluation, with labels in the place of folders."""
    shown = [{**row, "encoder": row["label"]} for row in rows]
    return pareto.plot(shown, f"{collection}: students of {rows[0]['label']}")


def measured(
    plan: study.Study, one: study.Evaluation, collection: str, folder: Path
) -> list[results.Row]:
    """The rows of an evaluation that has just been written to a folder."""
    conditions = read_object(folder / JSON_NAME)
    now = datetime.datetime.now(datetime.UTC).date().isoformat()
    common = {
        "group": one.group,
        "evaluation": one.name,
        "collection": collection,
        "processor": conditions["processor"],
        "device": conditions["device"],
        "threads": conditions["threads"],
        "date": now,
        "torch": conditions["versions"]["torch"],
    }
    found = []
    for name, row in zip((one.teacher, *one.students), conditions["encoders"], strict=True):
        if row["encoder"] != plan.encoder(name):
            raise EncoderError(f"{folder / CSV_NAME}: {row['encoder']} is not {name}.")
        step = plan.steps.get(name)
        own: dict[str, Any] = {
            "label": plan.label(name, one),
            "seed": step.seed if step else None,
            results.BODY: layer_parameters(Path(step.output)) if step else None,
        }
        found.append({name: {**common, **own, **row}.get(name) for name in results.COLUMNS})
    return found


def layer_parameters(folder: Path) -> int | None:
    """Parameters but those of embeddings and LM head; ``None`` for what is no whole model."""
    file = folder / "model.safetensors"
    if not file.is_file():
        return None
    total = 0
    with safe_open(file, "np") as weights:
        for name in weights.keys():  # noqa: SIM118  # not a mapping
            if not any(word in name for word in _EMBEDDINGS):
                size = 1
                for length in weights.get_slice(name).get_shape():
                    size *= length
                total += size
    return total


def _once(step: study.Step, before: Sequence[study.Step], collections: str, dry: bool) -> None:
    """Run a step that has not ended well since those before it, or whose output is gone."""
    words, finished = step.words(collections), Finished(FINISHED)
    after = _commands(before, collections)
    if not (Path(step.output).exists() and finished.holds(words, after)):
        _call(words, dry)
        if not dry:
            finished.note(words)


def _commands(steps: Sequence[study.Step], collections: str) -> list[list[str]]:
    return [step.words(collections) for step in steps if step.page is None]


def _call(words: list[str], dry: bool) -> None:
    print(shlex.join(words), flush=True)
    if not dry:
        code = subprocess.run([sys.executable, *words[1:]], check=False).returncode
        if code:
            raise EncoderError(
                f"The command ended with exit code {code}: {shlex.join(words)}. What it wrote "
                "says why; run this again to resume."
            )


if __name__ == "__main__":
    end_command(main)
