"""The reference's loss scaling against what its processes compute, each with its own gradients."""

import pytest
import torch

from llm_encoders.train import reference
from llm_encoders.train.objective import Candidates, Objective, total

SHARES = [(0, 2), (2, 4)]  # queries of both processes
OWN = 3  # passages a query


def batch():
    generator = torch.Generator().manual_seed(1)
    queries = torch.rand(4, 7, generator=generator)
    passages = torch.rand(4 * OWN, 7, generator=generator)
    teacher = torch.randn(4, OWN, generator=generator)
    return queries, passages, torch.arange(4 * OWN).view(4, OWN), teacher


def mean_gradient(loss_of):
    """Gradient of all vectors: of each process's loss for its own vectors, over the processes."""
    queries, passages, groups, teacher = batch()
    found = []
    for first, end in SHARES:
        own = slice(first, end), slice(first * OWN, end * OWN)
        q, p = queries[own[0]].clone().requires_grad_(), passages[own[1]].clone().requires_grad_()
        all_q = torch.cat([queries[:first], q, queries[end:]])
        all_p = torch.cat([passages[: first * OWN], p, passages[end * OWN :]])
        loss = loss_of(first, q, p, all_q, all_p, groups, teacher)
        grads = torch.autograd.grad(loss, (q, p))
        found.append([g / len(SHARES) for g in grads])  # data parallelism averages
    return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found])


@pytest.mark.parametrize(
    "weights",
    [
        {"contrastive": 0.5, "kl": 0.5},
        {"margin_mse": 1.0},
        {"kl": 1.0},
    ],
)
def test_gradients_are_the_reference_s(weights):
    objective = Objective(weights, query_regularisation=0.3, passage_regularisation=0.2)

    def ours(first, q, p, all_q, all_p, groups, teacher):
        candidates = Candidates(groups, teacher)
        parts = objective.parts(all_q, all_p, candidates)
        parts = reference.with_local_regularisation(parts, objective, q, p, candidates, first)
        return reference.scaled(parts, len(SHARES)) * len(SHARES)  # the trainer's factor

    def theirs(first, q, p, all_q, all_p, groups, teacher):
        """Contrastive over gathered texts, distillation over local ones."""
        end = first + len(q)
        local = Candidates(groups[: len(q)], teacher[first:end])
        distillation = {key: value for key, value in weights.items() if key != "contrastive"}
        loss = total(Objective(distillation).parts(q, p, local))
        if "contrastive" in weights:
            alone = Objective(
                {"contrastive": weights["contrastive"]},
                query_regularisation=0.3,
                passage_regularisation=0.2,
            )
            return loss + total(alone.parts(all_q, all_p, Candidates(groups)))
        places = torch.zeros(len(p), dtype=torch.bool)
        places[::OWN] = True
        apart = (objective.regulariser(p[places]) + objective.regulariser(p[~places])) / 2
        return loss + 0.3 * objective.regulariser(q) + 0.2 * apart

    for mine, wanted in zip(mean_gradient(ours), mean_gradient(theirs), strict=True):
        assert wanted.norm() > 0
        assert (mine - wanted).norm() <= 1e-5 * wanted.norm()
