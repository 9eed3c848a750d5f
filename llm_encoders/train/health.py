"""Sparsity while training, and the collapses that it shows before the scores do."""

import math
import sys

import torch
from torch import Tensor

from llm_encoders.errors import EncoderError
from llm_encoders.train.recipe.sections import Health
from llm_encoders.train.regularisers.flops import flops

_ALL_DENSE = 0.9  # share of the vocabulary


class Collapse(EncoderError):
    """The model gives empty or full vectors, or NaN or infinite numbers."""


class SparsityMonitor:
    """Collects term statistics between two log lines, and stops a collapsed run.

    Args:
        vocabulary: number of terms.
        ramp_steps: steps until regularisation has its full weight; before, vectors may be dense.
        health: what a collapse is, and what it does.
    """

    def __init__(self, vocabulary: int, ramp_steps: int, health: Health | None = None) -> None:
        self.vocabulary = vocabulary
        self.ramp_steps = ramp_steps
        self.health = Health() if health is None else health
        self._warned = False
        self._empty_steps = self._dense_steps = self._last_step = 0
        self._reset()

    def _reset(self) -> None:
        self._steps = self._passages = 0
        self._sums: dict[str, Tensor] = {}
        self._frequency: Tensor | None = None

    @torch.no_grad()
    def observe(self, queries: Tensor, passages: Tensor, step: int) -> None:
        """Take note of a batch's term weights, [texts, vocabulary].

        Raises:
            Collapse: all vectors were empty, or all full, for some steps.
        """
        active = passages > 0
        found = {
            "query_terms": (queries > 0).sum(1).float().mean(),
            "passage_terms": active.sum(1).float().mean(),
            "query_flops": flops(queries),
            "passage_flops": flops(passages),
        }
        for name, value in found.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        counts = active.sum(0)
        self._frequency = counts if self._frequency is None else self._frequency + counts
        self._passages += len(passages)
        self._steps += 1
        if step != self._last_step and self.health.collapse != "off":
            # A step may have several parts.
            self._last_step = step
            self._check(float(found["passage_terms"]), float(found["query_terms"]), step)

    def _check(self, passage_terms: float, query_terms: float, step: int) -> None:
        empty = passage_terms == 0 or query_terms == 0
        dense = step > self.ramp_steps and passage_terms > _ALL_DENSE * self.vocabulary
        self._empty_steps = self._empty_steps + 1 if empty else 0
        self._dense_steps = self._dense_steps + 1 if dense else 0
        patience = self.health.patience
        if self._empty_steps >= patience:
            which = "passages" if passage_terms == 0 else "queries"
            self._collapsed(
                f"Step {step}: for {patience} steps no term of any of the {which} has had a "
                "weight. A term whose logits are all negative gets no gradient and cannot come "
                "back. Lower the learning rate or the regularisation, lengthen its ramp, or begin "
                "with a backbone adapted by the stage 'mntp' (bidirectional) or 'clm' (causal)."
            )
        if self._dense_steps >= patience:
            self._collapsed(
                f"Step {step}: for {patience} steps after the ramp passages have had "
                f"{passage_terms:,.0f} of {self.vocabulary:,} terms. Such vectors cannot be "
                "indexed; raise the regularisation or lower the learning rate."
            )

    def _collapsed(self, problem: str) -> None:
        if self.health.collapse == "stop":
            raise Collapse(f"{problem} health.collapse in the recipe sets what a collapse does.")
        if not self._warned:
            self._warned = True
            print(f"warning: {problem}", file=sys.stderr)

    def figures(self) -> dict[str, float]:
        """Means since the last call, and the shares of dead and always-on terms among passages."""
        if not self._steps or self._frequency is None:
            return {}
        found = {name: float(value) / self._steps for name, value in self._sums.items()}
        found["dead_terms"] = float((self._frequency == 0).float().mean())
        found["always_on_terms"] = float((self._frequency == self._passages).float().mean())
        self._reset()
        return found


def require_finite_gradient(norm: float, step: int) -> None:
    """Stop at a gradient that is no number, before the weights become none.

    Raises:
        Collapse: says what may help.
    """
    if not math.isfinite(norm):
        raise Collapse(
            f"Step {step}: the loss is finite, but the norm of its gradient is {norm}. The weights "
            "are as they were before this step. Lower the learning rate, or compute in float32."
        )


def require_finite(loss: Tensor, parts: dict[str, float], step: int) -> None:
    """Stop at a loss that is no number.

    Raises:
        Collapse: names the part of the objective.
    """
    if bool(torch.isfinite(loss)):
        return
    guilty = [name for name, value in parts.items() if value != value or abs(value) == torch.inf]
    raise Collapse(
        f"Step {step}: the loss is {float(loss)} ({', '.join(guilty) or 'sum'}). Lower the "
        "learning rate, or compute in bfloat16 or float32 instead of float16."
    )
