"""The files of sentence-transformers: weights, modules, prompts, lengths."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from llm_encoders.checkpoints.layouts.sentence_files import MODULES, PROMPTS
from llm_encoders.checkpoints.layouts.sentence_settings import SETTINGS
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.export.contract import PER_TOKEN, POOLINGS, leaves_out_prefix, prompt_of
from llm_encoders.heads.projection import WEIGHTS_NAME
from llm_encoders.sides import SIDES

_TYPES = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "SpladePooling": "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling",
}
_IDENTITY = "torch.nn.modules.linear.Identity"
_TOKENS = {"module_input_name": "token_embeddings", "module_output_name": "token_embeddings"}
_BIDIRECTIONAL = "5.2.0"
"""Of Transformers, the first version that honours ``is_causal: false`` everywhere."""


class Modules:
    """Writes modules one by one, in the order in which they work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listed: list[dict[str, Any]] = []
        self._list("Transformer", "")

    def add(self, kind: str, config: dict[str, Any], **weights: Tensor) -> str:
        """Write a module; returns the name of its folder."""
        name = f"{len(self._listed)}_{kind}"
        place = self.folder / name
        place.mkdir()
        _write(place / "config.json", config)
        if weights:
            tensors = {f"linear.{key}": value.contiguous() for key, value in weights.items()}
            save_file(tensors, place / WEIGHTS_NAME)
        self._list(kind, name)
        return name

    def _list(self, kind: str, place: str) -> None:
        number = len(self._listed)
        self._listed.append(
            {"idx": number, "name": str(number), "path": place, "type": _TYPES[kind]}
        )

    def finish(self) -> None:
        """Write the list of modules."""
        _write(self.folder / MODULES, self._listed)


def write_model(encoder: Encoder[Any], folder: Path) -> None:
    """Write the weights of the whole model, adapters merged in, and its configuration."""
    from transformers import GenerationConfig
    from transformers.utils import logging

    model = encoder.backbone.model
    if hasattr(model.config, "auto_map"):  # names code of the repository that it came from
        del model.config.auto_map
    if getattr(model, "generation_config", None) is not None:
        model.generation_config = GenerationConfig()  # some are not valid, and none is needed
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # it counts files, of which there is one as a rule
    try:
        model.save_pretrained(folder)
    finally:
        if shown:
            logging.enable_progress_bar()
    (folder / "generation_config.json").unlink(missing_ok=True)


@torch.no_grad()
def write_modules(encoder: Encoder[Any], folder: Path) -> EncoderConfig:
    """Write what follows the model.

    Returns:
        The contract of the written folder: the encoder's, but for the places of its projections.
    """
    contract = encoder.config
    modules = Modules(folder)
    if contract.paradigm == "sparse":
        _sparse(encoder, modules)
    else:
        contract = dataclasses.replace(contract, projections=_dense(encoder, modules))
    modules.finish()
    return contract


def _sparse(encoder: Encoder[Any], modules: Modules) -> None:
    head = encoder.backbone.head
    assert head is not None
    rows, width = head.shape
    scale = encoder.config.scale_of_logits(width)
    modules.add(
        "Dense", _linear(width, rows) | _TOKENS, weight=(head.float() * scale).to(head.dtype)
    )
    modules.add(
        "SpladePooling",
        {"pooling_strategy": "max", "activation_function": "relu", "embedding_dimension": rows},
    )


def _dense(encoder: Encoder[Any], modules: Modules) -> tuple[str, ...]:
    contract = encoder.config
    width = encoder.backbone.hidden_size
    poolings = contract.pooling.split("+")
    if poolings == [PER_TOKEN]:
        modules.add("Normalize", _TOKENS)
        modes = ["mean"]
    else:
        modes = [POOLINGS[one] for one in poolings]
    modules.add(
        "Pooling",
        {
            "embedding_dimension": width,
            "pooling_mode": modes[0] if len(modes) == 1 else modes,
            "include_prompt": not any(leaves_out_prefix(contract, side) for side in SIDES),
        },
    )
    names = []
    for projection in encoder.backbone.projections:
        linear, activation = projection.linear, type(projection.activation)
        config = _linear(linear.in_features, linear.out_features) | {
            "bias": linear.bias is not None,
            "activation_function": f"{activation.__module__}.{activation.__qualname__}",
        }
        weights = {name: value.detach() for name, value in linear.named_parameters()}
        names.append(modules.add("Dense", config, **weights))
    width = width * len(modes) if not names else linear.out_features
    if contract.dimension is not None and contract.dimension < width:
        kept = torch.eye(contract.dimension, width)  # [kept, width]: the first components
        modules.add("Dense", _linear(width, contract.dimension), weight=kept)
    if contract.normalize:
        modules.add("Normalize", {})
    return tuple(names)


def _linear(width: int, rows: int) -> dict[str, Any]:
    return {
        "in_features": width,
        "out_features": rows,
        "bias": False,
        "activation_function": _IDENTITY,
    }


def write_settings(contract: EncoderConfig, lengths: dict[str, int], folder: Path) -> None:
    """Write prompts, similarity, lengths, and what versions the folder needs."""
    import transformers

    sparse = contract.paradigm == "sparse"
    settings: dict[str, Any] = {"max_seq_length": max(lengths.values()), "do_lower_case": False}
    if lengths["query"] != lengths["passage"]:
        settings |= {"query_length": lengths["query"], "document_length": lengths["passage"]}
    _write(folder / SETTINGS, settings)
    values: dict[str, Any] = {
        "model_type": "SparseEncoder" if sparse else "SentenceTransformer",
        "__version__": {"transformers": transformers.__version__, "pytorch": torch.__version__},
        "requirements": {"sentence-transformers": ">=6"},
        "prompts": {
            "query": prompt_of(contract, "query"),
            "document": prompt_of(contract, "passage"),
        },
        "default_prompt_name": None,
        "similarity_fn_name": "cosine" if contract.normalize and not sparse else "dot",
    }
    if contract.attention == "bidirectional":
        values["requirements"]["transformers"] = f">={_BIDIRECTIONAL}"
    if sparse and contract.query_top_k is not None:
        values["max_active_dims"] = contract.query_top_k
    _write(folder / PROMPTS, values)


def _write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
