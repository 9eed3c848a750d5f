"""The section ``trainer``: which arguments of Transformers' trainer a recipe may give."""

import json
from typing import Any

from llm_encoders.errors import nearest
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.options import Bounds

_OURS = {
    "output_dir": "output",
    "max_steps": "schedule.steps",
    "num_train_epochs": "schedule.epochs",
    "per_device_train_batch_size": "schedule.queries",
    "gradient_accumulation_steps": "schedule.accumulation",
    "learning_rate": "schedule.learning_rate",
    "warmup_steps": "schedule.warmup",
    "seed": "schedule.seed",
    "save_steps": "saving.every",
    "save_total_limit": "saving.keep",
    "eval_steps": "evaluation.every",
    "eval_on_start": "evaluation.at_start",
    "metric_for_best_model": "evaluation.metric",
    "bf16": "dtype",
    "fp16": "dtype",
    "use_cpu": "device",
}
"""Arguments that have keys of their own in a recipe."""
_NUMBERS = {
    "weight_decay": Bounds(least=0),
    "max_grad_norm": Bounds(least=0),
    "adam_beta1": Bounds(least=0, below=1),
    "adam_beta2": Bounds(least=0, below=1),
    "adam_epsilon": Bounds(above=0),
    "logging_steps": Bounds(above=0),
}
_WHOLE_NUMBERS = {
    "dataloader_num_workers": Bounds(least=0, most=1024),
    "ddp_bucket_cap_mb": Bounds(least=1),
    "ddp_timeout": Bounds(least=1),
}
_SWITCHES = (
    "activation_checkpointing",
    "gradient_checkpointing",
    "ddp_find_unused_parameters",
    "disable_tqdm",
    "full_determinism",
    "logging_first_step",
    "tf32",
    "torch_compile",
)
_OTHERS = (
    "activation_checkpointing_kwargs",
    "gradient_checkpointing_kwargs",
    "fsdp",
    "fsdp_config",
    "deepspeed",
    "accelerator_config",
    "ddp_backend",
    "optim",
    "optim_args",
    "optim_target_modules",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "torch_compile_backend",
    "torch_compile_mode",
    "log_level",
    "report_to",
    "run_name",
    "project",
    "trackio_space_id",
)
ARGUMENTS = (*_NUMBERS, *_WHOLE_NUMBERS, *_SWITCHES, *_OTHERS)
"""Those that may be given; others would be ignored, or break what this trainer promises."""


def check_trainer(values: dict[str, Any]) -> None:
    """Check the names of the arguments and what can be known of their values.

    Raises:
        RecipeError: an unknown argument, one that has its own key, or a value out of bounds.
    """
    for name, value in values.items():
        key = f"trainer.{name}"
        if name in _OURS:
            raise RecipeError(key, f"{key} is set by '{_OURS[name]}'.")
        if name not in ARGUMENTS:
            raise RecipeError(
                key,
                f"unknown key '{key}'.{nearest(str(name), ARGUMENTS)} Known: "
                f"{', '.join(sorted(ARGUMENTS))}.",
            )
        if name in _SWITCHES and not isinstance(value, bool):
            raise RecipeError(key, f"{key} is {value!r}; expected true or false.")
        if name in _WHOLE_NUMBERS or name in _NUMBERS:
            _check_number(key, value, whole=name in _WHOLE_NUMBERS)
        _require_plain(key, value)


def _check_number(key: str, value: Any, whole: bool) -> None:
    name = key.removeprefix("trainer.")
    bounds = (_WHOLE_NUMBERS if whole else _NUMBERS)[name]
    number = number_of(name, value)
    if isinstance(number, bool) or not isinstance(number, int if whole else int | float):
        kind = "a whole number" if whole else "a number"
        raise RecipeError(key, f"{key} is {value!r}; expected {kind}.")
    bounds.check(key, number if whole else float(number))


def number_of(name: str, value: Any) -> Any:
    """The value of an argument; a number where YAML reads one, such as 1e-8, as a text."""
    if name in _NUMBERS and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _require_plain(key: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise RecipeError(
            key, f"{key} holds something other than texts, finite numbers, lists and keys."
        ) from None
