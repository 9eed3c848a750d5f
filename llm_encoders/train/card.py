"""The model card of a finished encoder."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from llm_encoders.config import CONFIG_NAME
from llm_encoders.train.output import public_recipe
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.recipe.sections import ADAPTERS, TIED
from llm_encoders.train.stages import STAGES
from llm_encoders.train.towers import QUERY_FOLDER


def write_card(
    recipe: Recipe,
    folder: Path,
    home: Path,
    cost: Mapping[str, float],
    scores: Mapping[str, Mapping[str, float]],
    step: int,
) -> None:
    """Write the model card.

    Args:
        recipe: what the model was trained by.
        folder: takes ``README.md``.
        home: the folder of the finished encoder.
        cost: ``steps``, ``tokens``, ``flops`` and ``seconds``.
        scores: figures by split, then by ``COLLECTION_METRIC``; may be empty.
        step: the optimiser step whose weights are published.
    """
    name = home.resolve().name
    lines = [
        "---",
        *yaml.safe_dump(_metadata(recipe, folder), sort_keys=False).splitlines(),
        "---",
        "",
        f"# {name}",
        "",
        *_usage(recipe, name),
        "",
        "## Training",
        "",
        "| | |",
        "|---|---|",
        *(f"| {key} | {_cell(value)} |" for key, value in _facts(recipe, cost).items()),
        "",
        "`recipe.yaml` is the recipe, `environment.json` the versions it ran with.",
        "",
        "## Scores",
        "",
        *_score_lines(recipe, scores, step),
        "",
        "## Citation",
        "",
        recipe.card.citation or f"The method is that of {STAGES[recipe.stage].citation}.",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _metadata(recipe: Recipe, folder: Path) -> dict[str, object]:
    """The header that the Hub reads."""
    adapter = (folder / "adapter_config.json").is_file()
    found: dict[str, object] = {"library_name": "peft" if adapter else "transformers"}
    if not Path(recipe.backbone).is_dir():
        found["base_model"] = recipe.backbone
    found["license"] = recipe.card.licence or "other"
    found["tags"] = ["information-retrieval", "pyserini"]
    return found


def _usage(recipe: Recipe, name: str) -> list[str]:
    purpose = STAGES[recipe.stage].purpose(recipe)
    if recipe.encoder is None:
        return [purpose]
    return [
        f"{purpose} `{CONFIG_NAME}` says how it encodes.",
        "",
        "```bash",
        f"python -m pyserini.encode --encoder {name} \\",
        "  --corpus CORPUS --embeddings VECTORS",
        "```",
    ]


def _facts(recipe: Recipe, cost: Mapping[str, float]) -> dict[str, str]:
    public, stage, schedule = public_recipe(recipe), STAGES[recipe.stage], recipe.schedule
    data = f"`{public.data.train}`" + (
        f" over `{public.data.corpus}`" if public.data.corpus else ""
    )
    facts = {"Backbone": f"`{public.backbone}`", "Stage": recipe.stage}
    if public.start_from is not None:
        facts["Adapter"] = f"continued from `{public.start_from}`"
    elif recipe.adapter is not None:
        facts["Adapter"] = f"LoRA of rank {recipe.adapter.rank}, alpha {recipe.adapter.alpha}"
    else:
        facts["Adapter"] = "none; all weights were trained"
    if recipe.towers != TIED:
        each = "an adapter" if recipe.towers == ADAPTERS else "a backbone"
        facts["Towers"] = f"{each} for passages, and one for queries in `{QUERY_FOLDER}`"
    facts["Objective"] = stage.objective(recipe)
    if count := recipe.data.random_negatives:
        facts["Random negatives"] = f"{count:,} passages, shared by the queries of a batch"
    strength = recipe.regularisation
    if strength.queries or strength.passages:
        facts["Regularisation"] = (
            f"{strength.kind}; λq {strength.queries:g}, λp {strength.passages:g}, in full after "
            f"{strength.ramp:.0%} of the steps"
        )
    return facts | {
        "Learning rate": f"{schedule.learning_rate:g}",
        "Batch size": f"{schedule.queries:,} {stage.unit}",
        "Optimiser steps": f"{cost.get('steps', 0):,.0f}",
        "Seed": str(schedule.seed),
        "Data": data,
        "Licence of the data": recipe.card.data_licence or "not stated",
        "Cost": f"{cost.get('tokens', 0):,.0f} tokens, {cost.get('flops', 0):.3g} floating-point "
        f"operations, {cost.get('seconds', 0):,.0f} seconds",
    }


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def _score_lines(recipe: Recipe, scores: Mapping[str, Mapping[str, float]], step: int) -> list[str]:
    evaluation = recipe.evaluation
    if evaluation is None:
        return [
            "The weights are those of the last step. No checkpoint was evaluated while training."
        ]
    names = ", ".join(Path(folder).resolve().name for folder in evaluation.collections)
    where = (
        f"{evaluation.held_out:,} training queries that were held out"
        if evaluation.held_out is not None
        else f"the split {evaluation.chooser} of {names}"
    )
    lines = [
        f"The checkpoint (step {step:,}) was chosen by {evaluation.metric} on {where}. Figures on "
        "the data that chose it are too high to be compared.",
        "",
        "| split | figure | value |",
        "|---|---|---|",
    ]
    for split, figures in scores.items():
        label = f"{split} (chose the checkpoint)" if split == evaluation.chooser else split
        lines += [f"| {label} | {name} | {value:.4f} |" for name, value in sorted(figures.items())]
    return lines
