"""What a student is: a module that is trained, and how it is made and written."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from llm_encoders.config import TEACHER, EncoderConfig
from llm_encoders.contract_values import ContractError
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.errors import EncoderError
from llm_encoders.train.recipe.errors import RecipeError

if TYPE_CHECKING:
    from llm_encoders.distill_query.recipe.recipe import DistillRecipe

WEIGHTS = "student.safetensors"


class Student(nn.Module, ABC):
    """A query tower in training: token ids in, one vector a query out.

    Attributes:
        contract: how the finished student encodes.
    """

    contract: EncoderConfig

    @abstractmethod
    def query_token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids as the finished student makes them."""

    @abstractmethod
    def forward(
        self, token_ids: Tensor, attention_mask: Tensor, unpooled: Tensor | None = None
    ) -> Tensor:
        """Represent a padded batch.

        Args:
            token_ids: int64 [queries, length].
            attention_mask: int64 [queries, length], 1 for real tokens.
            unpooled: int64 [queries], leading tokens that take no part in pooling.

        Returns:
            float32 [queries, dimension or vocabulary].
        """

    @abstractmethod
    def operations(self, lengths: Iterable[int]) -> float:
        """Floating-point operations, forward and backward, of queries of so many tokens."""

    @abstractmethod
    def write(self, folder: Path, teacher: TeacherSide) -> None:
        """Write the finished student into a folder; it is not trained any more after that."""

    def trained_weights(self) -> dict[str, Tensor]:
        """The weights that are trained, by name."""
        return {name: one for name, one in self.named_parameters() if one.requires_grad}

    def save_weights(self, folder: Path) -> None:
        """Write the weights that are trained, for a checkpoint."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: one.detach().clone() for name, one in self.trained_weights().items()}
        save_file(tensors, folder / WEIGHTS)

    @torch.no_grad()
    def load_weights(self, folder: Path) -> None:
        """Restore what :meth:`save_weights` wrote.

        Raises:
            EncoderError: it is of another student.
        """
        tensors, own = load_file(folder / WEIGHTS), self.trained_weights()
        if odd := sorted(tensors.keys() ^ own.keys()):
            raise EncoderError(f"The weights in {folder} do not fit the student, e.g. {odd[0]}.")
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


class StudentKind(ABC):
    """One kind of student, chosen by ``student.kind`` of a recipe."""

    name: ClassVar[str]
    citation: ClassVar[str]

    @abstractmethod
    def build(
        self,
        recipe: "DistillRecipe",
        teacher: TeacherSide,
        device: torch.device,
        dtype: torch.dtype,
        work: Path,
    ) -> Student:
        """Make the student that training begins with.

        Args:
            recipe: what to make.
            teacher: whose queries it learns.
            device: where its weights go.
            dtype: of weights that are not trained; those that are, are float32.
            work: folder for what takes long to compute.

        Raises:
            EncoderError: it does not fit the teacher, or its files do not.
        """

    @abstractmethod
    def check(self, recipe: "DistillRecipe", teacher: TeacherSide) -> None:
        """Refuse what is known before the teacher's vectors are computed, which takes long.

        Arguments and errors as for :meth:`build`.
        """

    @abstractmethod
    def describe(self, recipe: "DistillRecipe") -> str:
        """What the student is, for the model card."""


def contract_of(
    recipe: "DistillRecipe", base: EncoderConfig, positions: int | None = None, **settled: Any
) -> EncoderConfig:
    """The contract of a student.

    Args:
        recipe: whose section ``encoder`` changes what is in ``base``.
        base: where the student's contract begins.
        positions: tokens that the student reads, at most; shortens ``query_max_length``.
        settled: keys that follow from the student, which nothing changes.

    Raises:
        RecipeError: a key that contradicts others.
    """
    length = base.query_max_length
    if positions is not None:
        length = min(length, positions)
    changes = {"query_max_length": length, **recipe.encoder, **settled}
    changes = {key: tuple(v) if isinstance(v, list) else v for key, v in changes.items()}
    try:
        contract = dataclasses.replace(base, **changes, passage_encoder=TEACHER)
    except ContractError as error:
        raise RecipeError(f"encoder.{error.key}", f"encoder: {error}") from None
    if positions is not None and contract.query_max_length > positions:
        raise RecipeError(
            "encoder.query_max_length",
            f"encoder.query_max_length is {contract.query_max_length:,}, but the student reads at "
            f"most {positions:,} tokens; lower it.",
        )
    return contract


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw new weights by this seed; the state of other draws stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
