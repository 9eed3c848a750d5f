"""A loss, a regulariser or a stage is a file of its name and a line of its registry."""

import dataclasses
from pathlib import Path

import pytest
import torch

from llm_encoders.train import losses, regularisers, stages
from llm_encoders.train.candidates import Candidates
from llm_encoders.train.losses import LOSSES, Loss
from llm_encoders.train.objective import Objective, total
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.recipe.sections import ObjectiveWeights
from llm_encoders.train.regularisers import REGULARISERS
from llm_encoders.train.stages import STAGES


@pytest.mark.parametrize(
    ("package", "registry"),
    [(losses, LOSSES), (regularisers, REGULARISERS), (stages, STAGES)],
)
def test_each_is_a_file_of_its_name(package, registry):
    folder = Path(package.__file__).parent
    for name, one in registry.items():
        assert one.name == name
        text = (folder / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
        assert f'name="{name}"' in text or f'name = "{name}"' in text
        assert any(word in one.citation for word in ("arXiv", "doi"))


def test_recipes_have_a_key_of_each():
    weights = {one.name for one in dataclasses.fields(ObjectiveWeights)}
    assert weights >= LOSSES.keys()
    sections = {one.name for one in dataclasses.fields(Recipe)}
    assert sections >= {name for name, stage in STAGES.items() if stage.section is not None}


def test_a_loss_needs_no_more_than_its_line(monkeypatch):
    """The mean score of the positives, as nobody else's loss."""
    loss = Loss(
        name="mean",
        title="mean",
        equation="s+",
        citation="none",
        needs_teacher=False,
        in_batch=False,
        of=lambda batch: batch.own[:, 0].mean(),
    )
    monkeypatch.setitem(LOSSES, "mean", loss)
    passages = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    queries = torch.tensor([[1.0, 1.0], [0.5, 0.0]])
    candidates = Candidates(torch.tensor([[0, 1], [2, -1]]))
    parts = Objective({"mean": 3.0}, temperature=0.5).parts(queries, passages, candidates)
    assert [part.name for part in parts] == ["mean"]
    assert float(total(parts)) == pytest.approx(3.0 * (1.0 / 0.5 + 1.5 / 0.5) / 2)
