"""The llama recipes against the hyper-parameters that were published with arXiv 2502.15526."""

import pytest

from llm_encoders.train.assembly import training_arguments
from llm_encoders.train.recipe.file import load_recipe
from tests.reproductions.test_recipes import FOLDER

BACKBONES = {
    "llama-3.2-1b": "meta-llama/Llama-3.2-1B",
    "llama-3.2-3b": "meta-llama/Llama-3.2-3B",
    "llama-3-8b": "meta-llama/Meta-Llama-3-8B",
}
STEPS_AND_QUERIES = {  # of contrastive and both; of distillation
    "llama-3.2-1b": ((33_250, 112), (29_400, 1024)),
    "llama-3.2-3b": ((12_600, 128), (25_200, 512)),
    "llama-3-8b": ((4_200, 128), (8_400, 512)),
}
OBJECTIVES = {  # weights of contrastive, kl, margin_mse
    "contrastive": (1, 0, 0),
    "distillation": (0, 0, 1),
    "both": (0.5, 0.5, 0),
}


def read(name):
    return load_recipe(FOLDER / f"{name}.yaml", ["device=cpu"])


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
@pytest.mark.parametrize("scale", BACKBONES)
def test_fine_tuning(scale, paradigm, objective):
    recipe = read(f"{scale}-{paradigm}-{objective}")
    distilled = objective == "distillation"
    schedule, data, weights = recipe.schedule, recipe.data, recipe.objective
    assert recipe.stage == "fine-tune"
    assert recipe.backbone == BACKBONES[scale]
    assert recipe.start_from == f"runs/{scale}-mntp" and recipe.adapter is None
    assert (schedule.steps, schedule.queries) == STEPS_AND_QUERIES[scale][distilled]
    assert schedule.learning_rate == 1e-4 and schedule.warmup == 0.04
    assert schedule.seed == (2 if distilled else 45)
    assert schedule.accumulation == 1 and schedule.epochs is None
    assert (data.query_max_length or recipe.encoder.query_max_length) == 64
    assert data.passage_max_length == 128 and recipe.encoder.passage_max_length == 192
    assert data.negatives == (1 if distilled else 16)
    assert (weights.contrastive, weights.kl, weights.margin_mse) == OBJECTIVES[objective]
    assert weights.teacher_temperature == 1
    assert recipe.encoder.paradigm == paradigm and recipe.encoder.attention == "bidirectional"
    if paradigm == "sparse":
        strength = recipe.regularisation
        assert (strength.kind, strength.queries, strength.passages) == ("flops", 0.05, 0.04)
        assert strength.ramp == pytest.approx(1 / 3)
        assert recipe.encoder.temperature == 1
        assert recipe.encoder.logit_scale == "hidden_size^-0.25"
        assert recipe.encoder.query_top_k is None and recipe.encoder.passage_top_k is None
    else:
        assert not recipe.regularisation.queries and not recipe.regularisation.passages
        assert recipe.encoder.temperature == 0.01
        assert recipe.encoder.pooling == "mean-of-normalised" and not recipe.encoder.normalize
    arguments_of(recipe, warmup=round(0.04 * schedule.steps))


@pytest.mark.parametrize("scale", BACKBONES)
def test_mntp(scale):
    recipe = read(f"{scale}-mntp")
    assert recipe.stage == "mntp" and recipe.backbone == BACKBONES[scale]
    adapter, mntp, schedule = recipe.adapter, recipe.mntp, recipe.schedule
    assert (adapter.rank, adapter.alpha, adapter.dropout) == (16, 32, 0.05)
    assert adapter.targets == "all-linear"
    assert (mntp.mask_token, mntp.share, mntp.max_length) == ("_", 0.2, 512)
    assert mntp.packing and mntp.decay_epochs == 1
    assert (schedule.steps, schedule.queries, schedule.learning_rate) == (10_000, 128, 5e-5)
    assert schedule.warmup == 0
    arguments_of(recipe, warmup=0)


def arguments_of(recipe, warmup):
    """What the Transformers trainer is given, defaults of every version included."""
    arguments = training_arguments(recipe, recipe.schedule.steps)
    assert arguments.lr_scheduler_type == "linear"
    assert arguments.warmup_steps == warmup
    assert arguments.weight_decay == 0 and arguments.max_grad_norm == 1
    assert arguments.optim in ("adamw_torch", "adamw_torch_fused")
    assert (arguments.adam_beta1, arguments.adam_beta2) == (0.9, 0.999)
    assert arguments.adam_epsilon == 1e-8
    assert arguments.max_steps == recipe.schedule.steps
    assert arguments.learning_rate == recipe.schedule.learning_rate
    assert arguments.seed == recipe.schedule.seed
    assert arguments.gradient_checkpointing
