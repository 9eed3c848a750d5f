"""Publishing, up to the Hub's own door."""

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.train.publish import publish, require_publishable
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run


class Hub:
    """Notes what it is asked for; may refuse."""

    def __init__(self, refusal=None):
        self.calls, self.refusal = [], refusal

    def create_repo(self, repository, exist_ok):
        self.calls.append(("create", repository))

    def upload_folder(self, repo_id, folder_path, allow_patterns):
        from huggingface_hub.utils import filter_repo_objects

        if self.refusal:
            raise self.refusal
        names = [str(p.relative_to(folder_path)) for p in folder_path.rglob("*") if p.is_file()]
        kept = set(filter_repo_objects(names, allow_patterns=allow_patterns))
        self.calls.append(("upload", repo_id, kept))


def test_an_adapter_on_a_local_backbone_is_refused_before_training(recipe_file, tmp_path):
    with pytest.raises(UsageError, match="name the backbone by its Hub id"):
        run(load_recipe(recipe_file()), push_to_hub="me/encoder")
    assert not (tmp_path / "run").exists()
    require_publishable(load_recipe(recipe_file(), ["saving.merged=true"]))
    require_publishable(load_recipe(recipe_file(), ["backbone=meta-llama/Llama-3.2-1B"]))
    require_publishable(load_recipe(recipe_file(), ["adapter=null"]))


def test_what_is_uploaded_is_the_encoder_alone(recipe_file, tmp_path, monkeypatch):
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    recipe = load_recipe(recipe_file(), ["saving={merged: true, every: 1}"])
    run(recipe, push_to_hub="me/encoder")
    (tmp_path / "run" / "notes.txt").write_text("private")
    (create, upload) = hub.calls
    assert create == ("create", "me/encoder") and upload[:2] == ("upload", "me/encoder")
    wanted = {"model.safetensors", "config.json", "encoder_config.json", "tokenizer.json"}
    assert wanted < upload[2]
    assert not any(name.startswith((".", "checkpoint-", "run.yaml")) for name in upload[2])
    run(recipe, push_to_hub="me/encoder")  # finished: only published
    assert len(hub.calls) == 4 and hub.calls[3] == upload


def test_a_refusal_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: Hub(ValueError("Invalid metadata.")))
    with pytest.raises(EncoderError, match="me/x was not published: Invalid metadata. The encoder"):
        publish(tmp_path, ["config.json"], "me/x")
