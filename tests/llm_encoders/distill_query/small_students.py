"""Small students like BERT: dense, with a projection, and sparse, with a head over terms."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.heads.term_head import TermHead
from tests.llm_encoders.towers import write_encoder_only

HIDDEN = 16


def write_bert(folder: Path, teacher: Path, **contract) -> Path:
    """A dense student with a projection into its teacher's space."""
    contract = {"pooling": "mean", "projections": ("projection",), **contract}
    config = EncoderConfig("dense", passage_encoder="teacher", **contract)
    write_encoder_only(folder, config, "bert")
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
    return folder


def write_term_student(folder: Path, teacher: Path, **contract) -> Path:
    """A sparse student like ModernBERT, with a head over the teacher's terms that has a bias."""
    config = EncoderConfig(
        "sparse", passage_encoder="teacher", vocabulary_head="vocabulary_head", **contract
    )
    write_encoder_only(folder, config, "modernbert")
    encoder = load_encoder(teacher, device="cpu")
    Teacher.of(encoder).save(folder)
    size = len(encoder.vocabulary)
    head = TermHead(torch.randn(size, HIDDEN), torch.randn(size), encoder.vocabulary)
    head.save(folder / "vocabulary_head")
    return folder
