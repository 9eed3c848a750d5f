"""What training starts from: the backbone, and the adapter that it goes on with."""

import os
from pathlib import Path

from llm_encoders import hub
from llm_encoders.checkpoint import ADAPTER_CONFIG, MODEL_CONFIG, Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.errors import EncoderError
from llm_encoders.json_file import read_object
from llm_encoders.train.recipe import Recipe

_BASE = "base_model_name_or_path"
_TAIL = 1 << 20  # bytes of a weights file that are compared


def training_checkpoint(recipe: Recipe) -> Checkpoint:
    """The backbone of a recipe, and the adapter that it starts from.

    Raises:
        EncoderError: they are nowhere, or the adapter was made for another backbone.
    """
    contract = recipe.encoder or _language_modelling_contract(recipe)
    backbone = _folder(recipe.backbone, "backbone", MODEL_CONFIG)
    adapter = None
    if recipe.start_from is not None:
        adapter = _folder(recipe.start_from, "start_from", ADAPTER_CONFIG)
        _require_same_backbone(adapter, recipe.backbone, backbone)
    return Checkpoint(recipe.output, contract, backbone, adapter)


def _language_modelling_contract(recipe: Recipe) -> EncoderConfig:
    """How an adaptation stage reads a passage; sparse, for it needs the LM head."""
    if recipe.stage == "clm":
        return EncoderConfig("sparse", attention="causal", passage_max_length=recipe.clm.max_length)
    return EncoderConfig("sparse", passage_max_length=recipe.mntp.max_length)


def _folder(name: str, key: str, needed: str) -> Path:
    folder = hub.local_folder(name, key)
    if not (folder / needed).is_file():
        raise EncoderError(f"{key}: {name} holds no {needed}.")
    return folder


def _require_same_backbone(adapter: Path, named: str, backbone: Path) -> None:
    """Refuse an adapter of other weights, which would fit if only the shapes are the same.

    Nothing is fetched for that: of a backbone that is not on this machine the name is compared.
    """
    written = str(read_object(adapter / ADAPTER_CONFIG).get(_BASE) or "")
    if written in ("", named):
        return
    for folder in (adapter / written, Path(written)):
        if (folder / MODEL_CONFIG).is_file():
            same = _same_weights(folder, backbone)
            break
    else:
        cached = hub.cached_file(written, MODEL_CONFIG) if hub.looks_like_hub_id(written) else None
        if cached is not None:
            same = _same_weights(cached.parent, backbone)
        else:  # a folder may well be a copy of it
            same = Path(named).is_dir() or not hub.looks_like_hub_id(written)
    if not same:
        raise EncoderError(
            f"{_place(adapter / ADAPTER_CONFIG)}: this adapter was made for the backbone "
            f"'{written}', and the recipe names '{named}'. Name that backbone, or an adapter of "
            "this one."
        )


def _same_weights(one: Path, other: Path) -> bool:
    """Whether two folders hold the same weights, by size and last part of every file."""
    if one.resolve() == other.resolve():
        return True
    names = [sorted(path.name for path in folder.glob("*.safetensors")) for folder in (one, other)]
    return names[0] == names[1] and all(_tail(one / n) == _tail(other / n) for n in names[0])


def _tail(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(-min(size, _TAIL), os.SEEK_END)
        return size, stream.read()


def _place(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next((n for n, line in enumerate(lines, start=1) if f'"{_BASE}"' in line), 1)
    return f"{path}, line {number}"
