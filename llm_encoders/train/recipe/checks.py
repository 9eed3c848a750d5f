"""What a recipe must not say: values out of bounds, and keys that contradict each other."""

import argparse
import dataclasses
from typing import Any

from llm_encoders.jobs.arguments import output
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.options import check_bounds
from llm_encoders.train.recipe.sections import ADAPTERS, BACKBONES, TIED
from llm_encoders.train.recipe.trainer import check_trainer
from llm_encoders.train.stages import STAGES


def check(recipe: Any) -> None:
    """Check a :class:`llm_encoders.train.recipe.recipe.Recipe`.

    Raises:
        RecipeError: names the key and what it may be.
    """
    check_bounds(recipe)
    _check_output(recipe)
    check_trainer(recipe.trainer)
    _check_schedule(recipe)
    _check_adapter(recipe)
    _check_towers(recipe)
    stage = STAGES[recipe.stage]
    for other in STAGES.values():
        if other is stage or other.section is None:
            continue
        if value_of(recipe, other.name) != other.section():
            raise RecipeError(
                other.name,
                f"'{other.name}' belongs to the stage {other.name}; this is {recipe.stage}.",
            )
    for key in stage.unused:
        if value_of(recipe, key) != default_of(recipe, key):
            raise RecipeError(key, f"the stage {recipe.stage} does not use '{key}'; leave it out.")
    stage.check(recipe)


def value_of(recipe: Any, key: str) -> Any:
    """The value of a dotted key; ``None`` where its section is not there."""
    section, dot, name = key.partition(".")
    found = getattr(recipe, section)
    return getattr(found, name) if dot and found is not None else found


def default_of(recipe: Any, key: str) -> Any:
    """The default of a dotted key."""
    section, dot, name = key.partition(".")
    owner = getattr(recipe, section) if dot else recipe
    (field,) = (one for one in dataclasses.fields(owner) if one.name == (name or section))
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _check_output(recipe: Any) -> None:
    try:
        output(recipe.output)
    except (argparse.ArgumentTypeError, OSError, RuntimeError) as error:  # a loop of links
        raise RecipeError("output", f"output: {' '.join(str(error).split())}.") from None


def _check_schedule(recipe: Any) -> None:
    lengths = ("schedule.steps", "schedule.epochs", "budget")
    given = [key for key in lengths if value_of(recipe, key) is not None]
    if len(given) != 1:
        raise RecipeError(
            given[-1] if given else "schedule",
            "give exactly one of schedule.steps, schedule.epochs and budget; there "
            f"{'is none' if not given else 'are ' + ' and '.join(given)}; null stands for none.",
        )
    schedule = recipe.schedule
    if schedule.queries % schedule.accumulation:
        raise RecipeError(
            "schedule.queries",
            f"schedule.queries ({schedule.queries}) is no multiple of schedule.accumulation "
            f"({schedule.accumulation}).",
        )


def _check_towers(recipe: Any) -> None:
    if recipe.towers == ADAPTERS and not recipe.adapted:
        raise RecipeError(
            "towers",
            "towers: adapters needs an adapter, but all weights are trained (adapter: null); "
            "write towers: backbones.",
        )
    if recipe.towers == BACKBONES and recipe.adapted:
        raise RecipeError(
            "towers",
            "towers: backbones trains all weights of two backbones, but an adapter is given; two "
            "adapters need one backbone only: write towers: adapters, or adapter: null.",
        )
    if recipe.towers != TIED and recipe.trainer.get("ddp_find_unused_parameters") is False:
        raise RecipeError(
            "trainer.ddp_find_unused_parameters",
            "trainer.ddp_find_unused_parameters must be true where the towers are not tied; leave "
            "it out.",
        )


def _check_adapter(recipe: Any) -> None:
    if recipe.start_from is not None and recipe.adapter is not None:
        raise RecipeError(
            "adapter",
            "start_from continues with the adapter it names, rank and dropout included; leave "
            "'adapter' out.",
        )
    if recipe.quantization and not recipe.adapted:
        raise RecipeError(
            "quantization",
            f"quantization is {recipe.quantization}, and quantised weights cannot be trained; add "
            "an adapter (QLoRA).",
        )
