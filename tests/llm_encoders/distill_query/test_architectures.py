"""Models of many architectures as students: each learns and encodes, or is refused."""

import numpy as np
import pytest
import torch
import transformers

from llm_encoders import EncoderConfig, EncoderError, load_encoder
from llm_encoders.checkpoints.backbone import load_backbone
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.distill_query.command import main
from tests.llm_encoders.distill_query.small import VOCABULARY, write_tokenizer

SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
KINDS = {
    "albert": {"embedding_size": 8},
    "bert": {},
    "bloom": {"n_layer": 2, "n_head": 2},
    "deberta-v2": {"relative_attention": True, "position_buckets": 8, "pos_att_type": ["p2c"]},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "electra": {"embedding_size": 8},
    "falcon": {},
    "gemma2": {"num_key_value_heads": 2, "head_dim": 8},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "gpt_neox": {},
    "llama": {"num_key_value_heads": 2},
    "modernbert": {"pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 1},
    "mpnet": {"pad_token_id": 2, "max_position_embeddings": 66},
    "opt": {"ffn_dim": 32, "word_embed_proj_dim": 16},
    "qwen2": {"num_key_value_heads": 2},
    "roberta": {"pad_token_id": 2},
}
REFUSED = {
    "bart": (
        {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
        | {
            f"{part}_{key}": 2
            for part in ("encoder", "decoder")
            for key in ("layers", "attention_heads")
        },
        "depend on padding beside it in BartModel",
    ),
    "clip": ({}, "CLIPModel has no embeddings of tokens, so it reads no text"),
    "mamba": ({"state_size": 4}, "MambaModel stays causal"),
    "t5": (
        {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2},
        "T5Model gives no states for token ids, attention mask and positions .ValueError",
    ),
    "vit": ({}, "ViTModel has no embeddings of tokens, so it reads no text"),
}
QUERIES = ["what do statins do", "cats", "why do trains stay on rails and guide wheels"]


def write(folder, kind, sizes):
    torch.manual_seed(3)
    config = transformers.CONFIG_MAPPING[kind](**(SIZES | sizes))
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_encode_is_refused(tmp_path, kind):
    sizes, words = REFUSED[kind]
    folder = write(tmp_path / kind, kind, sizes)
    files = Checkpoint(kind, EncoderConfig("dense", pooling="mean"), folder, None)
    with pytest.raises(EncoderError, match=words) as caught:
        load_backbone(files, torch.device("cpu"), torch.float32)
    assert str(folder) in str(caught.value)


@pytest.mark.whole
@pytest.mark.parametrize("paradigm", ["dense", "sparse"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_student_encodes_whatever_is_beside_a_text(recipe_of, tmp_path, kind, paradigm):
    backbone = write(tmp_path / kind, kind, KINDS[kind])
    student = {"kind": "transformer", "backbone": str(backbone)}
    assert main([str(recipe_of(paradigm, student=student, schedule={"steps": 1}))]) == 0
    encoder = load_encoder(str(tmp_path / "run"), device="cpu")

    def encode(texts):
        found = encoder.encode_queries(texts)
        return found if isinstance(found, np.ndarray) else found.toarray()

    together = encode(QUERIES)
    assert together.std(axis=0).max() > 0.01
    np.testing.assert_allclose(
        np.concatenate([encode([one]) for one in QUERIES]), together, atol=1e-5
    )
    encoder.padding_side = {"left": "right", "right": "left"}[encoder.padding_side]
    np.testing.assert_allclose(encode(QUERIES), together, atol=1e-5)
