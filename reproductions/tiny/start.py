"""First weights of the backbone: a lexical matcher before any training.

The embedding of a token points where the teacher puts its text; its length grows with the
token's inverse document frequency. The last channel is the same in all embeddings and has a
negative gain in the final norm: it lowers every logit by about as much and so acts as the
threshold under which a term has no weight.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from batches import Batches, principal_basis
from model import new_backbone
from teacher import mean_pool_encoder
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

CONSTANT = 0.3
GAIN = -2.0
LARGEST = 2.4  # first weight of the rarest terms
UNSEEN = 1e-5  # tokens of a smaller document frequency occur in no passage


def document_frequencies(batches: Batches, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of passages with a token, and share of a token among all, each ``[vocabulary]``."""
    present, count = np.zeros(vocabulary), np.zeros(vocabulary)
    rows = batches.passages[:: max(1, len(batches.passages) // 60000)]
    for row in rows:
        present[np.unique(row)] += 1
        np.add.at(count, row, 1)
    return (
        torch.from_numpy((present + 0.5) / (len(rows) + 1)).float(),
        torch.from_numpy(count / count.sum()).float(),
    )


def lengths(frequency: torch.Tensor, width: int) -> torch.Tensor:
    """Length of every embedding such that a token's own weight is proportional to its idf."""
    idf = -frequency.clamp(max=0.98).log()
    wanted = torch.expm1(LARGEST * (idf / idf.max()).clamp(min=0.02))
    grid = torch.linspace(0.2, 2.5, 4000)
    root = (grid.square() + CONSTANT**2).sqrt()
    logits = width**0.5 * (grid.square() + GAIN * CONSTANT**2) / root
    wanted[frequency < UNSEEN] = 0.05
    return grid[torch.searchsorted(logits, wanted).clamp(max=len(grid) - 1)]


def start_backbone(
    tokenizer: PreTrainedTokenizerFast,
    batches: Batches,
    teacher: torch.Tensor,
    folder: Path,
    width: int = 256,
) -> LlamaForCausalLM:
    """The untrained backbone; ``teacher`` ``[passages, dim]`` fixes the basis."""
    vocabulary = len(tokenizer)
    frequency, share = document_frequencies(batches, vocabulary)
    encode = mean_pool_encoder(folder)
    texts = [tokenizer.decode([i]).strip() or "." for i in range(vocabulary)]
    vectors = torch.cat([encode(texts[i : i + 512], 16) for i in range(0, vocabulary, 512)])
    vectors = vectors - (vectors * share[:, None]).sum(0) / share.sum()
    _, basis = principal_basis(teacher, width - 1)
    vectors = torch.nn.functional.normalize(vectors @ basis, dim=-1)
    known = torch.tensor([len(text) > 1 for text in texts])
    vectors = vectors * known[:, None]
    noise = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(3))
    vectors = vectors + 0.5 * torch.nn.functional.normalize(noise, dim=-1)
    vectors = torch.nn.functional.normalize(vectors, dim=-1)
    vectors = vectors * lengths(frequency, width)[:, None]
    vectors = torch.cat([vectors, torch.full((vocabulary, 1), CONSTANT)], dim=1)
    gain = torch.ones(width)
    gain[-1] = GAIN
    return new_backbone(tokenizer, vectors, gain)
