"""What a sparsity regulariser is."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Regulariser:
    """A sparsity regulariser. Its name is what ``regularisation.kind`` of a recipe takes."""

    name: str
    equation: str
    """Where w are the weights of a batch's texts."""
    citation: str
    needs_idf: bool
    """Whether it needs the inverse document frequency of every term."""
    of: Callable[[Tensor, Tensor | None], Tensor]
    """Of weights float32 [texts, vocabulary], and idf float32 [vocabulary] where it needs it; a
    scalar."""
