"""What a scaling law is: an equation with named parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PARAMETERS, ANNOTATIONS = "parameters", "annotations"
"""N and D: non-embedding parameters of a model, and (query, relevant passage) pairs it is trained
on. These are also the names of the columns and keys that hold them."""
OTHER = {PARAMETERS: ANNOTATIONS, ANNOTATIONS: PARAMETERS}
"""The one that is held fixed where a law uses one of them alone."""

DENSE_RETRIEVAL = "Scaling Laws For Dense Retrieval, SIGIR 2024, arXiv 2403.18684"
CHINCHILLA = "Training Compute-Optimal Large Language Models, 2022, arXiv 2203.15556"


@dataclass(frozen=True)
class Law:
    """A scaling law of contrastive entropy, in nats.

    Args:
        name: by which commands and files call it.
        equation: as text.
        citation: where it comes from.
        parameters: names of its parameters. All are positive but the floor, which may be 0.
        floor: which parameter is the entropy that is left at infinite size.
        uses: which of :data:`PARAMETERS` and :data:`ANNOTATIONS` it depends on.
        formula: entropy of (values, N, D).
    """

    name: str
    equation: str
    citation: str
    parameters: tuple[str, ...]
    floor: str
    uses: tuple[str, ...]
    formula: Callable[[Mapping[str, Array], Array, Array], Array]

    def predict(
        self,
        values: Mapping[str, ArrayLike],
        parameters: ArrayLike | None = None,
        annotations: ArrayLike | None = None,
    ) -> Array:
        """Entropy in nats, float64. All arguments are broadcast against each other.

        Args:
            values: of every parameter of the law; an array holds one law an element.
            parameters: N; may be absent where the law does not use it.
            annotations: D; likewise.

        Raises:
            ValueError: N or D is absent though the law uses it.
        """
        sizes = {PARAMETERS: parameters, ANNOTATIONS: annotations}
        absent = [name for name in self.uses if sizes[name] is None]
        if absent:
            raise ValueError(f"the law {self.name} needs {' and '.join(absent)}")
        n, d = (np.asarray(1.0 if size is None else size, float) for size in sizes.values())
        given = {name: np.asarray(values[name], float) for name in self.parameters}
        with np.errstate(over="ignore"):  # infinite where a law that was redrawn is that steep
            return self.formula(given, n, d)
