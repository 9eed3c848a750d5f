"""The tokenizer and the first weights of the tiny backbone: a lexical matcher before any training.

python reproductions/tiny/start.py --pairs PAIRS --corpus runs/tiny/corpus.jsonl \
    --teacher TEACHER --output runs/tiny/start

The embedding of a token has the direction of the vector that the teacher gives the token's text;
its length grows with the token's inverse document frequency. The last channel is the same in all
embeddings and has two purposes. It is longer than the rest, so the final norm divides all states by
about the same number and a rare token weighs more in a mean over tokens. Its gain in the final norm
is negative: it lowers every logit by about as much and so acts as the threshold under which a term
has no weight.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from bpe import save_tokenizer, train_tokenizer
from data import prepare
from torch.nn.functional import normalize
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from llm_encoders.teachers.bi_encoder import BiEncoder
from llm_encoders.teachers.choice import load_teacher

WIDTH = 256
CONSTANT = 4.0
GAIN = -0.033
LARGEST = 2.4  # first weight of the rarest terms
UNSEEN = 1e-5  # tokens of a smaller document frequency occur in no passage
MAX_LENGTH = 128  # tokens of a passage that are counted
COUNTED = 60_000  # passages
BASIS = 2_000  # passages whose teacher vectors fix the basis
BATCH = 32  # texts that the teacher encodes at a time


def backbone_config(
    tokenizer: PreTrainedTokenizerFast, layers: int = 4, intermediate: int = 768
) -> LlamaConfig:
    """A Llama of width 256 with tied embeddings; 7.6 M parameters by default."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def document_frequencies(
    tokenizer: PreTrainedTokenizerFast, texts: list[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of texts with a token, and share of a token among all, each ``[vocabulary]``."""
    present, count = np.zeros(len(tokenizer)), np.zeros(len(tokenizer))
    for first in range(0, len(texts), 10_000):
        part = texts[first : first + 10_000]
        for row in tokenizer(part, truncation=True, max_length=MAX_LENGTH)["input_ids"]:
            present[np.unique(row)] += 1
            np.add.at(count, row, 1)
    return (
        torch.from_numpy((present + 0.5) / (len(texts) + 1)).float(),
        torch.from_numpy(count / count.sum()).float(),
    )


def lengths(frequency: torch.Tensor) -> torch.Tensor:
    """Length of every embedding such that a token's own weight is proportional to its idf."""
    idf = -frequency.clamp(max=0.98).log()
    wanted = torch.expm1(LARGEST * (idf / idf.max()).clamp(min=0.02))
    grid = torch.linspace(0.2, 3.0, 4000)
    root = (grid.square() + CONSTANT**2).sqrt()
    logits = WIDTH**0.5 * (grid.square() + GAIN * CONSTANT**2) / root
    wanted[frequency < UNSEEN] = 0.05
    return grid[torch.searchsorted(logits, wanted).clamp(max=len(grid) - 1)]


def principal_directions(vectors: torch.Tensor) -> torch.Tensor:
    """The leading directions ``[dim, WIDTH - 1]`` of ``vectors`` ``[texts, dim]``."""
    centred = vectors - vectors.mean(0)
    _, _, right = torch.linalg.svd(centred.T @ centred)
    return right[: WIDTH - 1].T


def embeddings(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], teacher_name: str
) -> torch.Tensor:
    """First embeddings ``[vocabulary, WIDTH]``.

    Args:
        tokenizer: of the backbone.
        texts: passages, for frequencies and for the teacher's principal directions.
        teacher_name: a bi-encoder of at least WIDTH - 1 dimensions.
    """
    teacher = load_teacher(teacher_name, "bi-encoder")
    assert isinstance(teacher, BiEncoder)

    def encode(part: list[str]) -> torch.Tensor:
        order = sorted(range(len(part)), key=lambda row: len(part[row]))
        batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
        found = [teacher.encode_queries([part[row] for row in rows]) for rows in batches]
        return torch.from_numpy(np.concatenate(found))[torch.tensor(order).argsort()]

    frequency, share = document_frequencies(tokenizer, texts[:: max(1, len(texts) // COUNTED)])
    basis = principal_directions(encode(texts[:: max(1, len(texts) // BASIS)]))
    words = [tokenizer.decode([number]).strip() or "." for number in range(len(tokenizer))]
    vectors = encode(words)
    vectors = normalize((vectors - share @ vectors) @ basis, dim=-1)
    vectors = vectors * torch.tensor([len(word) > 1 for word in words])[:, None]
    noise = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(3))
    vectors = normalize(vectors + 0.5 * normalize(noise, dim=-1), dim=-1)
    vectors = vectors * lengths(frequency)[:, None]
    return torch.cat([vectors, torch.full((len(tokenizer), 1), CONSTANT)], dim=1)


def start_backbone(tokenizer: PreTrainedTokenizerFast, vectors: torch.Tensor) -> LlamaForCausalLM:
    """A backbone with these embeddings.

    Its layers start small, so that the first final states are nearly the normalised embeddings.
    """
    torch.manual_seed(17)
    model = LlamaForCausalLM(backbone_config(tokenizer))
    depth = 16 * model.config.num_hidden_layers
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(vectors)
        model.model.norm.weight[-1] = GAIN
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.div_(depth**0.5)
    return model


def main() -> None:
    """Parse the command line; write a backbone in float16."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, required=True, help="folder of *.jsonl.gz pairs")
    parser.add_argument("--corpus", type=Path, required=True, help="passages, from files.py")
    parser.add_argument("--teacher", required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, required=True, help="folder for the backbone")
    args = parser.parse_args()
    with args.corpus.open(encoding="utf-8") as stream:
        texts = [json.loads(line)["text"] for line in stream]
    tokenizer = train_tokenizer(prepare(args.pairs))
    save_tokenizer(tokenizer, args.output)  # before truncation becomes part of it
    model = start_backbone(tokenizer, embeddings(tokenizer, texts, args.teacher))
    model.half().save_pretrained(args.output)


if __name__ == "__main__":
    main()
