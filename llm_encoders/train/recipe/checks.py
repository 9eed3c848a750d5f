"""What a recipe must not say: values out of range, keys that contradict each other."""

import math
from pathlib import Path
from typing import Any

from llm_encoders.config import EncoderConfig
from llm_encoders.devices import DTYPES
from llm_encoders.errors import nearest
from llm_encoders.train.recipe.lines import RecipeError
from llm_encoders.train.recipe.sections import Clm, Data, Mntp, ObjectiveWeights, Regularisation
from llm_encoders.train.regularisers import REGULARISERS

STAGES = ("clm", "mntp", "fine-tune")
METRICS = ("ndcg@10", "mrr@10", "recall@100", "contrastive_entropy")
LOSS_SCALINGS = ("exact", "reference")
QUANTIZATIONS = ("4bit", "8bit")

_LEAST = {
    "schedule.steps": 1,
    "schedule.queries": 1,
    "schedule.accumulation": 1,
    "schedule.chunk_tokens": 1,
    "schedule.seed": 0,
    "data.negatives": 0,
    "data.query_max_length": 2,
    "data.passage_max_length": 2,
    "saving.every": 1,
    "saving.keep": 1,
    "evaluation.every": 1,
    "mntp.max_length": 2,
    "clm.max_length": 2,
    "adapter.rank": 1,
    "adapter.alpha": 1,
    "objective.contrastive": 0,
    "objective.kl": 0,
    "objective.margin_mse": 0,
    "regularisation.queries": 0,
    "regularisation.passages": 0,
}
_POSITIVE = (
    *("schedule.epochs", "schedule.learning_rate", "objective.teacher_temperature"),
    "budget.training_flops",
)
_SHARES = ("schedule.warmup", "regularisation.ramp", "adapter.dropout")
_CHOICES = {
    "stage": STAGES,
    "regularisation.kind": REGULARISERS,
    "objective.loss_scaling": LOSS_SCALINGS,
    "evaluation.metric": METRICS,
    "quantization": QUANTIZATIONS,
    "dtype": tuple(DTYPES),
}
_OF_ONE_PARADIGM = {
    **dict.fromkeys(("pooling", "normalize"), "dense"),
    **dict.fromkeys(("logit_scale", "impact_scale", "query_top_k", "passage_top_k"), "sparse"),
}


def check(recipe: Any) -> None:
    """Refuse a :class:`llm_encoders.train.recipe.recipe.Recipe` that cannot be meant.

    Raises:
        RecipeError: names the key and what it may be.
    """
    for name, choices in _CHOICES.items():
        value = _value(recipe, name)
        if value is not None and value not in choices:
            raise RecipeError(
                name,
                f"{name} is '{value}'; choose one of {', '.join(choices)}."
                f"{nearest(value, choices)}",
            )
    for name, least in _LEAST.items():
        value = _value(recipe, name)
        if value is not None and not least <= value < math.inf:
            raise RecipeError(name, f"{name} is {value}; give a finite number, at least {least}.")
    for name in _POSITIVE:
        value = _value(recipe, name)
        if value is not None and not 0 < value < math.inf:
            raise RecipeError(name, f"{name} is {value:g}; give a positive number.")
    for name in _SHARES:
        value = _value(recipe, name)
        if value is not None and not 0 <= value <= 1:
            raise RecipeError(name, f"{name} is {value:g}; give a share between 0 and 1.")
    if not 0 < recipe.mntp.share < 1:
        raise RecipeError(
            "mntp.share", f"mntp.share is {recipe.mntp.share}; give a number between 0 and 1."
        )
    _check_schedule(recipe)
    _check_adapter(recipe)
    for stage, given in (("mntp", recipe.mntp != Mntp()), ("clm", recipe.clm != Clm())):
        if given and recipe.stage != stage:
            raise RecipeError(
                stage, f"'{stage}' belongs to the stage {stage}; this is {recipe.stage}."
            )
    if recipe.stage == "fine-tune":
        _check_fine_tuning(recipe)
    else:
        _check_language_modelling(recipe)


def _value(recipe: Any, name: str) -> Any:
    """The value of a dotted key; ``None`` where its section is not there."""
    section, dot, key = name.partition(".")
    found = getattr(recipe, section)
    return getattr(found, key) if dot and found is not None else found


def _check_schedule(recipe: Any) -> None:
    lengths = ("schedule.steps", "schedule.epochs", "budget")
    given = [name for name in lengths if _value(recipe, name) is not None]
    if len(given) != 1:
        raise RecipeError(
            given[-1] if given else "schedule",
            "give exactly one of schedule.steps, schedule.epochs and budget; there "
            f"{'is none' if not given else 'are ' + ' and '.join(given)}; null stands for none.",
        )
    schedule, own = recipe.schedule, 1 + recipe.data.negatives
    if schedule.candidates is not None and schedule.candidates < own:
        raise RecipeError(
            "schedule.candidates",
            f"schedule.candidates is {schedule.candidates}; a query's own passages are {own}, so "
            "give at least that.",
        )
    if schedule.queries % schedule.accumulation:
        raise RecipeError(
            "schedule.queries",
            f"schedule.queries ({schedule.queries}) is no multiple of schedule.accumulation "
            f"({schedule.accumulation}).",
        )


def _check_adapter(recipe: Any) -> None:
    if recipe.start_from is not None and recipe.adapter is not None:
        raise RecipeError(
            "adapter",
            "start_from goes on with the adapter it names, rank and dropout included; leave "
            "'adapter' out.",
        )
    if recipe.quantization and not recipe.adapted:
        raise RecipeError(
            "quantization",
            f"quantization is {recipe.quantization}, and quantised weights cannot be trained; add "
            "an adapter (QLoRA).",
        )


def _check_fine_tuning(recipe: Any) -> None:
    if recipe.encoder is None:
        raise RecipeError("", "'encoder' is missing; write at least 'paradigm: sparse' or 'dense'.")
    weights = recipe.objective
    if not (weights.contrastive or weights.kl or weights.margin_mse):
        raise RecipeError(
            "objective", "objective has no loss; give a weight to contrastive, kl or margin_mse."
        )
    if recipe.schedule.candidates is not None and not weights.contrastive:
        raise RecipeError(
            "schedule.candidates",
            "schedule.candidates limits what the contrastive loss compares, which has no weight "
            "here; leave it out.",
        )
    if (weights.kl or weights.margin_mse) and recipe.data.negatives == 0:
        raise RecipeError(
            "data.negatives", "kl and margin_mse compare a query's own passages; give negatives."
        )
    if recipe.evaluation is not None and not recipe.evaluation.collections:
        raise RecipeError(
            "evaluation.collections",
            "evaluation.collections is empty; name a folder in BEIR layout.",
        )
    _check_distinct_names([] if recipe.evaluation is None else recipe.evaluation.collections)
    strength = recipe.regularisation
    if recipe.encoder.paradigm == "dense" and (strength.queries or strength.passages):
        raise RecipeError(
            "regularisation", "regularisation is for sparse encoders; this one is dense."
        )
    for name, paradigm in _OF_ONE_PARADIGM.items():
        default = getattr(EncoderConfig(recipe.encoder.paradigm), name)
        if recipe.encoder.paradigm != paradigm and getattr(recipe.encoder, name) != default:
            raise RecipeError(
                f"encoder.{name}",
                f"encoder.{name} is for {paradigm} encoders; this one is "
                f"{recipe.encoder.paradigm}. Leave it out.",
            )


def _check_distinct_names(collections: list[str]) -> None:
    """Figures are reported by the folder's name."""
    names = [Path(folder).resolve().name for folder in collections]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                "evaluation.collections",
                f"evaluation.collections has {names.count(name)} folders of the name '{name}', by "
                "which their figures are reported; rename one.",
            )


def _check_language_modelling(recipe: Any) -> None:
    ignored = {
        "encoder": recipe.encoder is not None,
        "evaluation": recipe.evaluation is not None,
        "objective": recipe.objective != ObjectiveWeights(),
        "regularisation": recipe.regularisation != Regularisation(),
        "schedule.candidates": recipe.schedule.candidates is not None,
        "data": recipe.data != Data(recipe.data.train),
    }
    for name, given in ignored.items():
        if given:
            more = " (but for data.train)" if name == "data" else ""
            raise RecipeError(
                name, f"the stage {recipe.stage} has no use for '{name}'{more}; leave it out."
            )
