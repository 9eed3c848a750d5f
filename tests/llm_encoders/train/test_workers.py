"""Batches made by other processes are the same, in a real run and where workers are spawned."""

import pickle

import pytest
import torch
from safetensors.torch import load_file

from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.train import assembly
from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.model import RetrievalModel
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from llm_encoders.train.starting_point import training_checkpoint

WEIGHTS = "adapter_model.safetensors"


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["fine-tune", "mntp"])
def test_two_workers_train_the_same_weights(recipe_file, tmp_path, beir, stage):
    recipe = recipe_file(schedule={"steps": 3})
    words = []
    if stage == "mntp":
        words = ["stage=mntp", "encoder=null", "objective={}", "regularisation={}"]
        words += [f"data={{train: {beir / 'corpus.jsonl'}}}", "mntp={max_length: 32}"]
    found = []
    for workers in (0, 2):
        output = tmp_path / f"workers-{workers}"
        more = [f"output={output}", f"trainer.dataloader_num_workers={workers}"]
        run(load_recipe(recipe, [*words, *more]))
        found.append(load_file(output / WEIGHTS))
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


def test_batches_survive_a_spawned_process(recipe_file, monkeypatch):
    """Where processes do not fork, a worker gets its batches pickled."""
    taken = []

    def take(self, **options):
        taken.append(self.train_dataset)
        raise KeyboardInterrupt

    monkeypatch.setattr(BaseTrainer, "train", take)
    with pytest.raises(KeyboardInterrupt):
        run(load_recipe(recipe_file()))
    (batches,) = taken
    copy = pickle.loads(pickle.dumps(batches))
    for step in range(len(batches)):
        one, other = batches[step], copy[step]
        assert one.queries == other.queries and one.passages == other.passages
        assert torch.equal(one.candidates.groups, other.candidates.groups)


def test_batches_carry_no_weights(recipe_file, tmp_path, beir, scored):
    recipe = load_recipe(recipe_file())
    data = prepare(DataSources(str(scored), str(beir / "corpus.jsonl")), tmp_path / "data")
    model = assembly.load(recipe, training_checkpoint(recipe), RetrievalModel)
    batches = assembly.make_batches(recipe, model, data, 5, 1, 0)
    assert len(pickle.dumps(batches)) < sum(one.nbytes for one in model.parameters()) / 5
