"""nDCG@10 of a sparse or dense adapter on a collection in BEIR layout, and held-out MRR."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from data import Pair
from peft import PeftModel
from scipy.sparse import csr_matrix
from torch import nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast


class Encoder:
    """A backbone with an adapter, and the numbers of its ``encoder_config.json``."""

    def __init__(self, adapter: Path, fast: bool = False) -> None:
        self.config: dict[str, Any] = json.loads((adapter / "encoder_config.json").read_text())
        base = json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"]
        folder = (adapter / base).resolve()
        self.tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        model.config.is_causal = False
        self.model: nn.Module = PeftModel.from_pretrained(model, adapter).merge_and_unload().eval()
        self.fast = fast

    @torch.inference_mode()
    def encode(self, texts: list[str], kind: str) -> torch.Tensor | csr_matrix:
        """Dense ``[texts, hidden]`` or integer impacts ``[texts, vocabulary]`` (kind: query)."""
        use = self.config
        texts = [use[f"{kind}_prefix"] + text for text in texts]
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = []
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            batch = self.tokenizer(
                [texts[row] for row in rows],
                truncation=True,
                max_length=use[f"{kind}_max_length"],
                padding=True,
                return_tensors="pt",
            )
            mask = batch["attention_mask"]
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.fast):
                hidden = self.model.model(batch["input_ids"], attention_mask=mask)
            hidden = hidden.last_hidden_state.float()
            if use["paradigm"] == "dense":
                parts.append(self.pool_dense(hidden, mask))
            else:
                parts.append(self.pool_sparse(hidden, mask, use.get(f"{kind}_top_k")))
        back = np.argsort(order)
        if use["paradigm"] == "dense":
            return torch.cat(parts)[torch.from_numpy(back)]
        from scipy.sparse import vstack

        return vstack(parts, format="csr")[back]

    def pool_dense(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Mean of (normalised) states over the real tokens, perhaps normalised."""
        if self.config["pooling"] == "mean-of-normalised":
            hidden = functional.normalize(hidden, dim=-1)
        mask = mask.clone()
        if not self.config["pool_bos"]:
            mask[:, 0] = 0
        vectors = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        return functional.normalize(vectors, dim=-1) if self.config["normalize"] else vectors

    def pool_sparse(self, hidden: torch.Tensor, mask: torch.Tensor, top: int | None) -> csr_matrix:
        """Integer impacts of the max-pooled log-saturated logits."""
        weight = self.model.get_output_embeddings().weight
        scale = self.config["logit_scale"]
        if isinstance(scale, str):
            scale = hidden.shape[-1] ** -0.25
        first = 0 if self.config["pool_bos"] else 1
        rows = []
        for states, real in zip(hidden, mask, strict=True):
            states = states[first : int(real.sum())]
            if len(states) == 0:
                rows.append(torch.zeros(weight.shape[0]))
                continue
            if self.fast:
                logits = (states.bfloat16() @ weight.bfloat16().T).amax(0).float() * scale
            else:
                logits = (states @ weight.T).amax(0) * scale
            values = torch.log1p(torch.relu(logits))
            if top is not None:
                floor = values.topk(top).values[-1]
                values = torch.where(values >= floor, values, 0)
            rows.append(values)
        impacts = torch.stack(rows).mul(self.config["impact_scale"]).round().numpy()
        return csr_matrix(impacts)


def ndcg(ranked: list[str], grades: dict[str, int], depth: int = 10) -> float:
    """nDCG as trec_eval computes it: linear gain, log2 discount, ideal from all judged."""
    gains = [max(0, grades.get(doc, 0)) for doc in ranked[:depth]]
    ideal = sorted((g for g in grades.values() if g > 0), reverse=True)[:depth]
    best = sum(g / math.log2(i + 2) for i, g in enumerate(ideal))
    return sum(g / math.log2(i + 2) for i, g in enumerate(gains)) / best if best else 0.0


def scores_of(queries: torch.Tensor | csr_matrix, passages: torch.Tensor | csr_matrix) -> Any:
    """Score matrix ``[queries, passages]`` as an array."""
    if isinstance(queries, torch.Tensor):
        return (queries @ passages.T).numpy()
    return (queries @ passages.T).toarray()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Records of a JSON-lines file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def evaluate_collection(encoder: Encoder, folder: Path, split: str = "test") -> dict[str, float]:
    """nDCG@10 on one split, and the mean numbers of terms."""
    documents = read_lines(folder / "corpus.jsonl")
    qrels: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]:
        query, doc, grade = line.split("\t")
        qrels.setdefault(query, {})[doc] = int(grade)
    queries = [q for q in read_lines(folder / "queries.jsonl") if q["_id"] in qrels]
    ids = sorted(str(doc["_id"]) for doc in documents)
    texts = {str(doc["_id"]): f"{doc.get('title', '')} {doc['text']}".strip() for doc in documents}
    passages = encoder.encode([texts[doc] for doc in ids], "passage")
    vectors = encoder.encode([q["text"] for q in queries], "query")
    result: dict[str, float] = {}
    total = 0.0
    for query, row in zip(queries, scores_of(vectors, passages), strict=True):
        top = np.argsort(-row, kind="stable")[:11]
        ranked = [ids[i] for i in top if ids[i] != query["_id"] and row[i] != 0][:10]
        total += ndcg(ranked, qrels[query["_id"]])
    result["ndcg@10"] = total / len(queries)
    if isinstance(vectors, csr_matrix):
        result["terms/query"] = vectors.nnz / len(queries)
        result["terms/passage"] = passages.nnz / len(ids)
        result["largest impact"] = float(passages.max())
    return result


def evaluate_held_out(encoder: Encoder, pairs: list[Pair], most: int = 800) -> dict[str, float]:
    """MRR@10 of held-out questions against all held-out passages."""
    held = [p for p in pairs if p.held_out and not p.source.endswith("-crop")]
    groups = {p.group: p.passage for p in held}
    names = list(groups)
    asked = held[:: max(1, len(held) // most)]
    passages = encoder.encode(list(groups.values()), "passage")
    queries = encoder.encode([p.query for p in asked], "query")
    total = 0.0
    for pair, row in zip(asked, scores_of(queries, passages), strict=True):
        rank = int((row > row[names.index(pair.group)]).sum()) + 1
        total += 1 / rank if rank <= 10 else 0.0
    return {"held-out mrr@10": total / len(asked), "queries": len(asked), "passages": len(names)}
