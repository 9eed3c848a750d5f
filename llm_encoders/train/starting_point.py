"""What training starts from: the backbone, and the adapter that it continues with."""

import os
import sys
from pathlib import Path

from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.adapter_stack import (
    BASE,
    MODEL_CONFIG,
    base_model,
    local_backbone,
)
from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import CONFIG_NAME, QUERY_ENCODERS, EncoderConfig
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.stages import STAGES

_SHARED = ("encoder", "data")
_TAIL = 1 << 20  # bytes of a weights file that are compared


def training_checkpoint(recipe: Recipe) -> Checkpoint:
    """The backbone of a recipe, and the adapter that it starts from.

    Raises:
        EncoderError: they are nowhere, or the adapter was made for another backbone.
    """
    contract = STAGES[recipe.stage].contract(recipe)
    backbone = _folder(recipe.backbone, "backbone", MODEL_CONFIG)
    _require_positions(recipe, backbone)
    adapter = None
    if recipe.start_from is not None:
        adapter = _folder(recipe.start_from, "start_from", ADAPTER_CONFIG)
        _require_same_backbone(adapter, recipe.backbone, backbone)
    return Checkpoint(recipe.output, contract, backbone, adapter)


def _folder(name: str, key: str, needed: str) -> Path:
    folder = hub.local_folder(name, key)
    if not (folder / needed).is_file():
        raise EncoderError(f"{key}: {name} holds no {needed}.")
    if (folder / CONFIG_NAME).is_file():
        inner = EncoderConfig.load(folder).query_encoder
        if inner not in QUERY_ENCODERS:
            raise EncoderError(
                f"{key}: {name} holds two towers, and both sides begin with the same weights; "
                f"name {Path(name) / inner}, the query tower alone."
            )
    return folder


def _require_positions(recipe: Recipe, backbone: Path) -> None:
    """Refuse texts that are longer than the positions that a backbone knows."""
    config = read_object(backbone / MODEL_CONFIG)
    inner = config.get("text_config")
    known = (inner if isinstance(inner, dict) else config).get("max_position_embeddings")
    if not isinstance(known, int):
        return
    for section in ("encoder", "data", "mntp", "clm"):
        for name in ("query_max_length", "passage_max_length", "max_length"):
            length = getattr(getattr(recipe, section), name, None)
            if length is not None and length > known and section in (recipe.stage, *_SHARED):
                key = f"{section}.{name}"
                raise RecipeError(
                    key,
                    f"{key} is {length:,}, but the backbone {recipe.backbone} has {known:,} "
                    "positions; lower it.",
                )


def _require_same_backbone(adapter: Path, named: str, backbone: Path) -> None:
    """Refuse an adapter of other weights, which would fit if only the shapes are the same.

    Nothing is fetched for that. Of a backbone that is not on this machine, two Hub ids are
    compared; a folder, which may be a copy, is taken with a warning.
    """
    written, _ = base_model(adapter)
    folder = local_backbone(adapter, written)
    if folder is None and hub.looks_like_hub_id(written):
        cached = hub.cached_file(written, MODEL_CONFIG)
        folder = None if cached is None else cached.parent
    same = None if folder is None else _same_weights(folder, backbone)
    if same is None and hub.looks_like_hub_id(written) and not Path(named).is_dir():
        same = written == named
    if same is None and written:
        print(
            f"warning: {_place(adapter / ADAPTER_CONFIG)}: this adapter was made for the backbone "
            f"'{written}', which is not on this machine; whether '{named}' holds the same "
            "weights is not known.",
            file=sys.stderr,
        )
    if same is False:
        raise EncoderError(
            f"{_place(adapter / ADAPTER_CONFIG)}: this adapter was made for the backbone "
            f"'{written}', and the recipe names '{named}'. Name that backbone, or an adapter of "
            "this one; if both ids stand for the same weights, name the folder they are in."
        )


def _same_weights(one: Path, other: Path) -> bool | None:
    """Whether the weights files that both folders have agree in size and last bytes.

    ``None`` if they have none in common, and nothing is known.
    """
    if one.resolve() == other.resolve():
        return True
    names = [{path.name for path in folder.glob("*.safetensors")} for folder in (one, other)]
    common = names[0] & names[1]
    return all(_tail(one / name) == _tail(other / name) for name in common) if common else None


def _tail(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(-min(size, _TAIL), os.SEEK_END)
        return size, stream.read()


def _place(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next((n for n, line in enumerate(lines, start=1) if f'"{BASE}"' in line), 1)
    return f"{path}, line {number}"
