"""Where the log of a run goes besides the terminal: ``trainer.report_to``."""

import importlib.util
from typing import Any

from llm_encoders.errors import nearest
from llm_encoders.train.recipe.errors import RecipeError

PACKAGES = {
    "clearml": "clearml",
    "codecarbon": "codecarbon",
    "comet_ml": "comet_ml",
    "dvclive": "dvclive",
    "mlflow": "mlflow",
    "neptune": "neptune",
    "swanlab": "swanlab",
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "wandb": "wandb",
}
"""The package of every place that Transformers can report to."""


def require_reporters(value: Any) -> None:
    """Refuse a place to report to that is unknown or not installed.

    Args:
        value: ``trainer.report_to``, a name or a list of names.

    Raises:
        RecipeError: names the package to install.
    """
    for name in value if isinstance(value, list) else [value]:
        if name in ("none", "all", None):
            continue
        if name not in PACKAGES:
            raise RecipeError(
                "trainer.report_to",
                f"trainer.report_to is {name!r}; choose from {', '.join(PACKAGES)} or none."
                f"{nearest(str(name), PACKAGES)}",
            )
        if importlib.util.find_spec(PACKAGES[name]) is None:
            raise RecipeError(
                "trainer.report_to",
                f"trainer.report_to is {name}, which is not installed; run: pip install "
                f"{PACKAGES[name]}",
            )
