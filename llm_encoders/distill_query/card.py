"""The model card of a finished student."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from llm_encoders.config import CONFIG_NAME
from llm_encoders.distill_query.losses import LOSSES
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.students import STUDENTS
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.train.regularisers.flops import FLOPS

_PAPER = "ScalingNote (arXiv 2411.15766)"


def write_card(
    recipe: DistillRecipe,
    teacher: TeacherSide,
    folder: Path,
    home: Path,
    cost: Mapping[str, float],
    queries: int,
    scores: Mapping[str, Mapping[str, float]],
    step: int,
) -> None:
    """Write the model card.

    Args:
        recipe: what the student was trained by.
        teacher: its teacher.
        folder: takes ``README.md``.
        home: the folder of the finished student.
        cost: ``steps``, ``tokens``, ``flops`` and ``seconds``.
        queries: different queries of the source.
        scores: figures by split; may be empty.
        step: the optimiser step whose weights are published.
    """
    name, owner = home.resolve().name, teacher.identity.name
    header = {
        "license": recipe.card.licence or "other",
        "tags": ["information-retrieval", "pyserini"],
    }
    lines = [
        "---",
        *yaml.safe_dump(header, sort_keys=False).splitlines(),
        "---",
        "",
        f"# {name}",
        "",
        f"A {teacher.paradigm} query encoder for an index of `{public_name(owner)}`. It encodes no "
        f"passages. `{CONFIG_NAME}` says how it encodes, `teacher.json` whose index it searches.",
        "",
        "```bash",
        *_search(teacher.paradigm, name),
        "```",
        "",
        "## Distillation",
        "",
        "| | |",
        "|---|---|",
        *(f"| {key} | {_cell(value)} |" for key, value in _facts(recipe, cost, queries).items()),
        "",
        "`recipe.yaml` is the recipe, `environment.json` the versions it ran with.",
        "",
        "## Agreement with the teacher",
        "",
        *_scores(recipe, scores, step),
        "",
        "## Citation",
        "",
        recipe.card.citation or _citation(recipe),
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def public_name(teacher: str) -> str:
    """A teacher in text: a name or Hub id as it is, of a folder its name alone."""
    name = teacher.partition(",")[0]
    return Path(name).resolve().name if Path(name).is_dir() else name


def _search(paradigm: str, name: str) -> list[str]:
    if paradigm == "sparse":
        command = "python -m pyserini.search.lucene --impact --index INDEX \\"
    else:
        command = "python -m pyserini.search.faiss --index INDEX \\"
    return [command, f"  --encoder {name} --topics TOPICS.tsv --output run.txt"]


def _facts(recipe: DistillRecipe, cost: Mapping[str, float], queries: int) -> dict[str, str]:
    losses = (f"{w:g} × {LOSSES[name].title}" for name, w in recipe.losses.chosen.items())
    facts = {
        "Teacher": f"`{public_name(recipe.teacher)}`",
        "Student": STUDENTS[recipe.student.kind].describe(recipe),
    }
    if not recipe.trains:
        return facts
    facts["Losses"] = " + ".join(losses)
    if recipe.regularisation.queries:
        facts["Regularisation"] = (
            f"{FLOPS.name}; λq {recipe.regularisation.queries:g}, in full after "
            f"{recipe.regularisation.ramp:.0%} of the steps"
        )
    source = recipe.queries.source or (recipe.candidates and recipe.candidates.source) or ""
    schedule = recipe.schedule
    facts["Queries"] = f"{queries:,} {recipe.queries.kind} of `{Path(source).name}`"
    if recipe.candidates is not None:
        what = "scores" if recipe.losses.needs_scores else "labels"
        facts["Candidates"] = (
            f"{what} of `{Path(recipe.candidates.source).name}`, at most "
            f"{recipe.candidates.negatives:,} negatives a query"
        )
    else:
        facts["Queries"] += ", without labels"
    return facts | {
        "Learning rate": f"{schedule.learning_rate:g}",
        "Batch size": f"{schedule.queries:,} queries",
        "Optimiser steps": f"{cost.get('steps', 0):,.0f}",
        "Seed": str(schedule.seed),
        "Licence of the data": recipe.card.data_licence or "not stated",
        "Cost": f"{cost.get('tokens', 0):,.0f} tokens, {cost.get('flops', 0):.3g} floating-point "
        f"operations, {cost.get('seconds', 0):,.0f} seconds",
    }


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def _scores(
    recipe: DistillRecipe, scores: Mapping[str, Mapping[str, float]], step: int
) -> list[str]:
    if not scores:
        return ["Not measured: no queries were held out."]
    lines = [
        f"The checkpoint (step {step:,}) was chosen by `objective` on {100 * recipe.held_out:g} % "
        "of the queries, which were held out of training. `objective` is the weighted sum of the "
        "losses and the regularisation.",
        "",
        "| figure | value |",
        "|---|---|",
    ]
    for figures in scores.values():
        lines += [f"| {name} | {value:.6g} |" for name, value in sorted(figures.items())]
    return lines


def _citation(recipe: DistillRecipe) -> str:
    named = [_PAPER, STUDENTS[recipe.student.kind].citation]
    named += [LOSSES[name].citation for name in recipe.losses.chosen if recipe.trains]
    return f"The method: {'; '.join(dict.fromkeys(named))}."
