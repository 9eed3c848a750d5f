"""A small dense student like BERT, with a projection into its teacher's space."""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from tests.llm_encoders.towers import OTHER_WORDS, write_tokenizer

HIDDEN = 12


def write_bert(folder: Path, teacher: Path, **contract) -> Path:
    """The student's own tokenizer has other words than the teacher's."""
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    config = transformers.BertConfig(
        vocab_size=write_tokenizer(folder, OTHER_WORDS, bos="[CLS]"),
        hidden_size=HIDDEN,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    transformers.BertModel(config).save_pretrained(folder)
    identity = Teacher.of(load_encoder(teacher, device="cpu"))
    identity.save(folder)
    layer = folder / "projection"
    layer.mkdir()
    values = {"in_features": HIDDEN, "out_features": identity.dimension, "bias": True}
    activation = {"activation_function": "torch.nn.modules.linear.Identity"}
    (layer / "config.json").write_text(json.dumps(values | activation))
    weights = {
        "linear.weight": torch.randn(identity.dimension, HIDDEN),
        "linear.bias": torch.randn(identity.dimension),
    }
    save_file(weights, layer / "model.safetensors")
    contract = {"pooling": "mean", "projections": ("projection",), **contract}
    EncoderConfig("dense", passage_encoder="teacher", **contract).save(folder)
    return folder
