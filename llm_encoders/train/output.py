"""The folder of a finished encoder: weights, contract, tokenizer, recipe, versions."""

import dataclasses
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.starting_point import training_checkpoint

_PACKAGES = (
    "pyserini-llm-encoders",
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "bitsandbytes",
    "datasets",
    "safetensors",
)


def write_encoder(
    model: Any,
    recipe: Recipe,
    folder: Path,
    state_dict: dict[str, torch.Tensor] | None = None,
    merged: bool = False,
    home: Path | None = None,
) -> None:
    """Write what ``load_encoder`` loads.

    Args:
        model: a :class:`llm_encoders.train.model.RetrievalModel`, or two of them
            (:class:`llm_encoders.train.towers.TwoTowers`), of which that of the queries gets a
            folder inside.
        recipe: what it was trained by.
        folder: made if absent.
        state_dict: of ``model.language_model``, where its weights are spread over devices.
        merged: write whole weights with the adapter merged into them.
        home: where the folder will be moved to, if so; a relative path to the backbone starts
            there.
    """
    inner = [name for name in model.towers if name]
    for name, tower in model.towers.items():
        place = None if home is None else home / name
        _write_tower(tower, recipe, folder / name, state_dict, merged, place)
        if recipe.encoder is not None:
            changes = {} if name or not inner else {"query_encoder": inner[0]}
            dataclasses.replace(tower.contract, **changes).save(folder / name)
    (folder / "recipe.yaml").write_text(public_recipe(recipe).to_yaml(), encoding="utf-8")
    (folder / "environment.json").write_text(
        json.dumps(environment(), indent=2) + "\n", encoding="utf-8"
    )


def _write_tower(
    model: Any,
    recipe: Recipe,
    folder: Path,
    state_dict: dict[str, torch.Tensor] | None,
    merged: bool,
    home: Path | None,
) -> None:
    """Weights and tokenizer of one tower; arguments as for :func:`write_encoder`."""
    folder.mkdir(parents=True, exist_ok=True)
    language_model = model.language_model
    if merged and hasattr(language_model, "merge_and_unload"):
        _merged(model, recipe).save_pretrained(folder)
    elif hasattr(language_model, "peft_config"):
        for config in language_model.peft_config.values():
            config.base_model_name_or_path = backbone_reference(recipe.backbone, home or folder)
            config.auto_mapping = None
            if isinstance(config.target_modules, set):  # whose order differs from run to run
                config.target_modules = sorted(config.target_modules)
        options = {} if state_dict is None else {"state_dict": state_dict}
        language_model.save_pretrained(folder, save_embedding_layers=False, **options)
        (folder / "README.md").unlink(missing_ok=True)
    else:
        options = {} if state_dict is None else {"state_dict": state_dict}
        language_model.save_pretrained(folder, **options)
    write_tokenizer(model.tokenizer, folder)


def _merged(model: Any, recipe: Recipe) -> Any:
    """The backbone in its own precision with the adapter of ``model`` merged in."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from peft.peft_model import PeftModel

    from llm_encoders.checkpoints.backbone import open_model
    from llm_encoders.checkpoints.lora_merging import untie

    checkpoint = training_checkpoint(recipe)
    dtype = next(model.bare.parameters()).dtype
    plain = open_model(checkpoint, torch.device("cpu"), dtype)
    untie(plain, model.adapted_modules)
    config = next(iter(model.language_model.peft_config.values()))
    adapted = PeftModel(plain, config)
    weights = get_peft_model_state_dict(model.language_model, save_embedding_layers=False)
    set_peft_model_state_dict(adapted, weights)
    return adapted.merge_and_unload()


def write_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write the tokenizer without the truncation and padding of the call that it served last."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    tokenizer.save_pretrained(folder)


def public_recipe(recipe: Recipe) -> Recipe:
    """The recipe without the folders of the machine that it was run on."""
    evaluation = recipe.evaluation
    if evaluation is not None:
        names = [_public(name) for name in evaluation.collections]
        evaluation = dataclasses.replace(evaluation, collections=names)
    data = dataclasses.replace(
        recipe.data,
        train=_public(recipe.data.train),
        corpus=_public(recipe.data.corpus) if recipe.data.corpus else None,
    )
    start = recipe.start_from
    return dataclasses.replace(
        recipe,
        backbone=_named(recipe.backbone),
        output=Path(recipe.output).resolve().name,
        start_from=_named(start) if start else None,
        data=data,
        evaluation=evaluation,
    )


def _named(backbone: str) -> str:
    """A backbone or adapter in text: a Hub id as it is, of a folder its name alone."""
    return Path(backbone).resolve().name if Path(backbone).is_dir() else backbone


def backbone_reference(backbone: str, folder: Path) -> str:
    """How an adapter names its backbone: a Hub id as it is, a folder relative to the adapter."""
    if Path(backbone).is_dir():
        return os.path.relpath(Path(backbone).resolve(), folder.resolve())
    return backbone


def environment() -> dict[str, Any]:
    """Versions and devices of this run."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": versions,
        "devices": devices or ["cpu"],
    }


def _public(path: str) -> str:
    """A data source without the folders of the training machine."""
    return path if path.startswith("hf:") else Path(path).name
