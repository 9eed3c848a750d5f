"""Adapters of tied embeddings: what training ends with is what is loaded, or it is refused."""

import json

import numpy as np
import pytest
from safetensors import safe_open

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE

TEXTS = ["Cats sleep most of the day.", "rails"]


def adapted(recipe_file, targets, *changes: str):
    recipe = recipe_file(
        adapter={"rank": 4, "alpha": 64, "targets": targets, "dropout": 0.0},
        schedule={"steps": 2, "learning_rate": 1e-2},
        regularisation={"queries": 0.0, "passages": 0.0},
    )
    return load_recipe(recipe, list(changes))


def test_the_trained_encoder_is_the_one_that_is_loaded(recipe_file, tmp_path, monkeypatch):
    """Unmerged at the end of training, merged when loaded, and merged in the file: all the same."""
    from llm_encoders.train import output

    assert json.loads((BACKBONE / "config.json").read_text())["tie_word_embeddings"]
    trained = []
    write = output.write_encoder

    def spy(model, *words, **options):
        model.eval()
        trained.append(model.encoder("trained").encode_documents(TEXTS).toarray())
        write(model, *words, **options)

    for module in ("llm_encoders.train.output", "llm_encoders.train.run"):
        monkeypatch.setattr(f"{module}.write_encoder", spy, raising=False)
    targets = ["q_proj", "embed_tokens"]
    run(adapted(recipe_file, targets))
    run(adapted(recipe_file, targets, f"output={tmp_path / 'merged'}", "saving.merged=true"))
    plain = load_encoder(str(BACKBONE), paradigm="sparse", like="lion", device="cpu")
    plain.replace_config(logit_scale=1.0)
    assert trained
    for folder in ("run", "merged"):
        found = load_encoder(str(tmp_path / folder), device="cpu").encode_documents(TEXTS)
        np.testing.assert_allclose(found.toarray(), trained[-1], rtol=0, atol=1e-4)
        assert np.abs(found - plain.encode_documents(TEXTS)).max() > 1e-2
    with safe_open(tmp_path / "merged" / "model.safetensors", "np") as saved:
        assert {"lm_head.weight", "model.embed_tokens.weight"} <= set(saved.keys())


def test_an_adapted_head_is_refused(recipe_file):
    with pytest.raises(UsageError, match="it adapts the LM head"):
        run(adapted(recipe_file, ["q_proj", "lm_head"]))


def test_lengths_without_room_for_text_are_refused(recipe_file):
    with pytest.raises(EncoderError, match="passage_max_length is 1, which leaves no room"):
        run(adapted(recipe_file, ["q_proj"], "encoder.passage_max_length=1"))
    changes = ("encoder.append_eos=true", "data.query_max_length=2")
    with pytest.raises(EncoderError, match="query_max_length is 2, which leaves no room"):
        run(adapted(recipe_file, ["q_proj"], *changes))


def test_the_published_tokenizer_has_no_truncation_of_its_own(recipe_file, tmp_path):
    run(adapted(recipe_file, ["q_proj"]))
    written = json.loads((tmp_path / "run" / "tokenizer.json").read_text())
    assert written["truncation"] is None and written["padding"] is None
