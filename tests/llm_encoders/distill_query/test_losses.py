"""Every loss against its formula in plain numbers; a change of any part of it is noticed."""

import math

import pytest
import torch

from llm_encoders.distill_query.losses import LOSSES, Distilled, QueryCandidates
from llm_encoders.distill_query.losses.loss import mean
from llm_encoders.distill_query.objective import HeldOutFigures, Objective

STUDENT = [[3.0, 0.0, 4.0], [1.0, 2.0, 2.0]]
TEACHER = [[1.0, 1.0, 4.0], [0.0, 2.0, -1.0]]


def batch(candidates=None):
    return Distilled(torch.tensor(STUDENT), torch.tensor(TEACHER), candidates)


def value(name, of):
    return float(mean(LOSSES[name].of(of)))


@pytest.mark.parametrize("name", ["mse", "log_mse"])
def test_the_squares_are_summed_over_components_and_averaged_over_queries(name):
    first, second = (3 - 1) ** 2 + (0 - 1) ** 2, (1 - 0) ** 2 + (2 + 1) ** 2
    assert value(name, batch()) == pytest.approx((first + second) / 2)


def test_one_minus_the_cosine():
    first = (3 * 1 + 4 * 4) / (5 * math.sqrt(18))
    second = (2 * 2 - 2 * 1) / (3 * math.sqrt(5))
    assert value("cosine", batch()) == pytest.approx(1 - (first + second) / 2)
    longer = Distilled(3 * torch.tensor(STUDENT), torch.tensor(TEACHER))
    assert value("cosine", longer) == pytest.approx(value("cosine", batch()))


def test_unit_vectors_tie_the_two_dense_losses():
    unit = Distilled(*(torch.nn.functional.normalize(torch.tensor(v)) for v in (STUDENT, TEACHER)))
    assert value("mse", unit) == pytest.approx(2 * value("cosine", unit), rel=1e-5)


def candidates():
    """Three passages of the first query, two of the second, one of them sparse."""
    return QueryCandidates(
        owner=torch.tensor([0, 0, 0, 1, 1]),
        slot=torch.tensor([0, 1, 2, 0, 1]),
        passage=torch.tensor([0, 0, 1, 2, 2, 2, 3, 4]),
        column=torch.tensor([0, 2, 1, 0, 1, 2, 1, 0]),
        value=torch.tensor([1.0, 0.5, 7.0, -1.0, 2.0, 1.0, 3.0, 2.0]),
        scores=torch.tensor([[6.0, 1.0, 2.5], [3.0, 1.0, 0.0]]),
        valid=torch.tensor([[True, True, True], [True, True, False]]),
        excluded=torch.zeros((2, 5), dtype=torch.bool),
    )


def test_margins_of_the_teachers_passages():
    # inner products: 3 + 0.5 * 4 = 5, 0, -3 + 0 + 4 = 1; 3 * 2 = 6, 2 * 1 = 2
    assert candidates().scored_by(torch.tensor(STUDENT)).tolist() == [[5, 0, 1], [6, 2, 0]]
    squares = [((5 - 0) - (6 - 1)) ** 2, ((5 - 1) - (6 - 2.5)) ** 2, ((6 - 2) - (3 - 1)) ** 2]
    assert value("margin_mse", batch(candidates())) == pytest.approx(sum(squares) / 3)
    assert value("margin_mse", batch()) == 0


def test_gradients_reach_the_student_through_the_margins():
    student = torch.tensor(STUDENT, dtype=torch.float64, requires_grad=True)

    def loss(vectors):
        given = candidates()
        exact = {
            name: one.double() if one.is_floating_point() else one
            for name, one in vars(given).items()
        }
        return mean(
            LOSSES["margin_mse"].of(
                Distilled(vectors, torch.tensor(TEACHER), QueryCandidates(**exact))
            )
        )

    assert torch.autograd.gradcheck(loss, (student,))


def test_the_objective_is_the_weighted_sum_and_flops_ramps():
    objective = Objective({"log_mse": 2.0, "cosine": 0.5}, regularisation=0.3)
    parts = {part.name: part for part in objective.parts(batch(), ramp=0.25)}
    assert {name: part.weight for name, part in parts.items()} == pytest.approx(
        {"cosine": 0.5, "log_mse": 2.0, "regularisation": 0.3 * 0.25}
    )
    means = [(3 + 1) / 2, (0 + 2) / 2, (4 + 2) / 2]
    assert float(parts["regularisation"].value) == pytest.approx(sum(one**2 for one in means))


def test_figures_do_not_depend_on_the_blocks():
    objective = Objective({"log_mse": 2.0, "margin_mse": 0.1}, regularisation=0.3)
    whole = HeldOutFigures(objective)
    whole.add(batch(candidates()))
    parts = HeldOutFigures(objective)
    given = candidates()
    for row in (0, 1):
        own = given.owner == row
        entries = own[given.passage]
        first = int(own.nonzero()[0])
        block = QueryCandidates(
            given.owner[own] - row,
            given.slot[own],
            given.passage[entries] - first,
            given.column[entries],
            given.value[entries],
            given.scores[row : row + 1],
            given.valid[row : row + 1],
            given.excluded[row : row + 1, own],
        )
        student, teacher = (torch.tensor(v[row : row + 1]) for v in (STUDENT, TEACHER))
        parts.add(Distilled(student, teacher, block))
    assert parts.figures() == pytest.approx(whole.figures())
    figures = whole.figures()
    assert figures["objective"] == pytest.approx(
        2 * figures["log_mse"] + 0.1 * figures["margin_mse"] + 0.3 * figures["regularisation"]
    )
    assert figures["cosine_similarity"] == pytest.approx(1 - value("cosine", batch()))
    assert figures["mse"] == pytest.approx(value("mse", batch()))
    for name in ("log_mse", "margin_mse"):
        assert figures[name] == pytest.approx(value(name, batch(candidates())))
    assert figures["regularisation"] == pytest.approx(2**2 + 1**2 + 3**2)  # of the means


def test_each_is_a_file_of_its_name():
    from pathlib import Path

    from llm_encoders.distill_query import losses

    for name, loss in LOSSES.items():
        text = (Path(losses.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        assert loss.name == name and f'name="{name}"' in text and "arXiv" in loss.citation
