"""What a stage of training is."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from llm_encoders.config import EncoderConfig

if TYPE_CHECKING:
    from llm_encoders.train.base_trainer import BaseTrainer
    from llm_encoders.train.recipe.recipe import Recipe


class Stage(ABC):
    """One kind of training, chosen by ``stage`` in a recipe.

    Its methods import what they need of PyTorch's and Transformers' trainers when they are called,
    so that recipes can be read and checked without them.
    """

    name: ClassVar[str]
    citation: ClassVar[str]
    """Title and number of the paper whose method it is."""
    unit: ClassVar[str]
    """What ``schedule.queries`` counts: ``queries``, ``passages`` or ``rows``."""
    section: ClassVar[type | None] = None
    """A dataclass of the stage's own keys; they stand under its name in a recipe."""
    unused: ClassVar[tuple[str, ...]] = ()
    """Dotted keys that mean nothing to this stage."""

    @abstractmethod
    def check(self, recipe: "Recipe") -> None:
        """Refuse what this stage cannot do.

        Raises:
            RecipeError: names the key.
        """

    @abstractmethod
    def contract(self, recipe: "Recipe") -> EncoderConfig:
        """How texts are read in training."""

    @abstractmethod
    def objective(self, recipe: "Recipe") -> str:
        """What is minimised, as the model card says it."""

    @abstractmethod
    def purpose(self, recipe: "Recipe") -> str:
        """What the result is, a sentence of the model card."""

    @abstractmethod
    def build(self, recipe: "Recipe", state: Any, folder: Path) -> "BaseTrainer":
        """Prepare the data, load the model, and make the trainer.

        Args:
            recipe: what to do.
            state: Accelerate's ``PartialState``.
            folder: takes the prepared data.
        """
