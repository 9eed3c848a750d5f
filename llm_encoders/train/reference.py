"""The loss scaling of the code released with arXiv 2502.15526, for those who must match it.

There every process differentiates a loss over gathered vectors with respect to its own ones only,
and data parallelism averages: the contrastive loss and the regularisers reach the weights divided
by the number of processes, the distillation losses, computed on local texts, do not. Distillation
alone regularises local texts, positives and negatives apart.
"""

from dataclasses import replace

import torch
from torch import Tensor

from llm_encoders.train.candidates import Candidates
from llm_encoders.train.losses import LOSSES
from llm_encoders.train.objective import Objective, Part

_LOCAL = frozenset(loss.name for loss in LOSSES.values() if not loss.in_batch)


def scaled(parts: list[Part], processes: int) -> Tensor:
    """The weighted sum to differentiate, where the trainer multiplies by ``processes``."""
    return torch.stack(
        [
            part.weight * part.value * (1.0 if part.name in _LOCAL else 1.0 / processes)
            for part in parts
        ]
    ).sum()


def with_local_regularisation(
    parts: list[Part],
    objective: Objective,
    queries: Tensor,
    passages: Tensor,
    candidates: Candidates,
    first_query: int,
) -> list[Part]:
    """Replace the regularisers of pure distillation by those of this process's texts.

    Args:
        parts: of the whole batch.
        objective: what they come from.
        queries, passages: vectors of this process.
        candidates: of the whole batch.
        first_query: number of this process's first query.
    """
    own = candidates.groups[first_query : first_query + len(queries)]
    in_batch = any(weight for name, weight in objective.losses.items() if name not in _LOCAL)
    if in_batch or not len(own):
        return parts
    positives = own[:, 0] - own[0, 0]
    negative = torch.ones(len(passages), dtype=torch.bool, device=passages.device)
    negative[positives] = False
    apart = passages[positives], passages[negative]

    def local(part: Part) -> Part:
        if part.name == "query_regularisation":
            return replace(part, value=objective.regulariser(queries))
        if part.name == "passage_regularisation":
            first, second = map(objective.regulariser, apart)
            return replace(part, value=(first + second) / 2)
        return part

    return [local(part) for part in parts]
