"""The cost of a retriever by its parameters N and its annotations D, item by item.

A token costs about 2N floating-point operations in a forward pass, and 6N in training with its
backward pass (Kaplan et al. 2020, arXiv 2001.08361, section 2.1); N leaves embeddings out, and the
work of attention and of a vocabulary head comes on top.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.laws.law import Array
from llm_encoders.scaling.plan.prices import Prices

TRAINING_FLOPS = 6
"""Floating-point operations a parameter and a token, in training."""
INFERENCE_FLOPS = 2
"""The same in encoding."""
INFERENCE_PRICES = (
    "passages",
    "passage_tokens",
    "reencodings",
    "indexed_passage",
    "queries_per_day",
    "horizon_days",
    "query_tokens",
)


@dataclass(frozen=True)
class Cost:
    """Money as a function of N and D: fixed + annotation·D + parameter·N + product·N·D."""

    fixed: float = 0.0
    annotation: float = 0.0
    parameter: float = 0.0
    product: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.fixed + other.fixed,
            self.annotation + other.annotation,
            self.parameter + other.parameter,
            self.product + other.product,
        )

    def money(self, parameters: Any, annotations: Any) -> Any:
        """Z(N, D), of floats or of arrays that broadcast."""
        return (
            self.fixed
            + self.annotation * annotations
            + (self.parameter + self.product * annotations) * parameters
        )

    def of_parameter(self, annotations: float) -> float:
        """∂Z/∂N: what one more parameter costs."""
        return self.parameter + self.product * annotations

    def of_annotation(self, parameters: float) -> float:
        """∂Z/∂D: what one more annotation costs, trained on."""
        return self.annotation + self.product * parameters

    def affordable_parameters(self, budget: float, annotations: float) -> float:
        """The largest N whose cost is within the budget; infinite where N costs nothing."""
        left = budget - self.fixed - self.annotation * annotations
        price = self.of_parameter(annotations)
        return left / price if price > 0 else math.copysign(math.inf, left)

    def affordable_annotations(self, budget: float, parameters: Array) -> Array:
        """The largest D whose cost is within the budget; infinite where D costs nothing."""
        left = budget - self.fixed - self.parameter * np.asarray(parameters, dtype=np.float64)
        price = self.annotation + self.product * np.asarray(parameters, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(price > 0, left / price, np.copysign(np.inf, left))


def total(items: Mapping[str, Cost]) -> Cost:
    """The sum of items."""
    return sum(items.values(), Cost())


def development(prices: Prices) -> dict[str, Cost]:
    """Annotating and training, by item.

    - annotations: annotation · D
    - training: 6 · N · tokens · training_flop, of pair_tokens · epochs · D tokens, or of
      training_tokens

    Raises:
        UsageError: a price is missing.
    """
    (annotation,) = prices.need("annotation")
    fixed_tokens, tokens_per_annotation = prices.tokens()
    token = TRAINING_FLOPS * prices.training_flop_price()
    return _finite(
        {
            "annotations": Cost(annotation=annotation),
            "training": Cost(
                parameter=token * fixed_tokens,
                product=token * tokens_per_annotation,
            ),
        }
    )


def inference(prices: Prices) -> dict[str, Cost]:
    """Encoding the corpus and the queries, and keeping the index, by item.

    - corpus: 2 · N · passages · passage_tokens · (1 + reencodings) · inference_flop
    - queries: 2 · N · queries_per_day · horizon_days · query_tokens · inference_flop
    - index: passages · indexed_passage

    Raises:
        UsageError: a price is missing.
    """
    passages, passage_tokens, again, indexed, daily, days, query_tokens = prices.need(
        *INFERENCE_PRICES
    )
    token = INFERENCE_FLOPS * prices.inference_flop_price()
    return _finite(
        {
            "corpus": Cost(parameter=token * passages * passage_tokens * (1 + again)),
            "queries": Cost(parameter=token * daily * days * query_tokens),
            "index": Cost(fixed=passages * indexed),
        }
    )


def _finite(items: dict[str, Cost]) -> dict[str, Cost]:
    for name, cost in items.items():
        if not all(map(math.isfinite, vars(cost).values())):
            raise EncoderError(
                f"The prices give {name} a cost beyond all numbers; check their units."
            )
    return items
