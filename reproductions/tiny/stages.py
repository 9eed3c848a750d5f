"""The three training loops: backbone, sparse adapter, dense adapter."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from batches import Batch, Batches, principal_basis, project
from data import Pair
from losses import (
    dense_vectors,
    flops_loss,
    flops_strength,
    ranking_loss,
    sparse_weights,
    terms_per_text,
)
from model import MasterAdamW
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedTokenizerFast


@dataclass
class Settings:
    """Hyper-parameters of one stage."""

    steps: int
    rate: float
    batch: int = 64
    warmup: int = 50
    sparse: float = 0.0  # weight of the sparse ranking loss
    dense: float = 0.0  # weight of the dense ranking loss
    imitate: float = 0.0  # weight of 1 - cos(student, teacher)
    hard: float = 0.4
    topical: float = 0.5
    teacher_scale: float = 20.0
    temperature: float = 0.05
    query_flops: float = 4e-3
    passage_flops: float = 1.5e-3
    query_terms: float = 24.0
    passage_terms: float = 160.0
    ramp: int = 200
    query_top: int = 64
    passage_top: int = 384
    logit_scale: float = 1.0
    save_every: int = 50


class Trainer:
    """Runs one stage, with checkpoints it resumes from."""

    def __init__(
        self,
        model: nn.Module,
        encoder: nn.Module,
        weight: torch.Tensor,
        batches: Batches,
        settings: Settings,
        folder: Path,
        compiled: bool,
    ) -> None:
        self.model, self.weight, self.batches, self.settings = model, weight, batches, settings
        self.encoder = torch.compile(encoder, dynamic=False) if compiled else encoder
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.optimizer = MasterAdamW(model, settings.rate, settings.steps, settings.warmup)

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Final states ``[batch, length, hidden]`` of a bidirectional forward."""
        return self.encoder(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state

    def loss(self, batch: Batch, step: int) -> tuple[torch.Tensor, dict[str, float]]:
        """Sparse and dense ranking in the batch, imitation of the teacher, FLOPS."""
        use = self.settings
        query_hidden = self.hidden(batch.query_ids, batch.query_mask)
        passage_hidden = self.hidden(batch.passage_ids, batch.passage_mask)
        teacher = batch.query_teacher @ batch.passage_teacher.T * use.teacher_scale
        loss = torch.zeros(())
        report: dict[str, float] = {}
        if use.sparse:
            scale, weight = use.logit_scale, self.weight
            q = sparse_weights(query_hidden, batch.query_mask, weight, scale, use.query_top)
            d = sparse_weights(passage_hidden, batch.passage_mask, weight, scale, use.passage_top)
            ranking = ranking_loss(q @ d.T, batch.same, teacher, use.hard)
            terms = terms_per_text(q), terms_per_text(d)
            strength_q = flops_strength(use.query_flops, step, use.ramp, terms[0], use.query_terms)
            strength_d = flops_strength(
                use.passage_flops, step, use.ramp, terms[1], use.passage_terms
            )
            regularizer = strength_q * flops_loss(q) + strength_d * flops_loss(d)
            loss = loss + use.sparse * ranking + regularizer
            report |= {"sparse": ranking.item(), "flops": regularizer.item()}
            report |= {"terms_q": terms[0], "terms_d": terms[1], "top": float(d.detach().max())}
        if use.dense or use.imitate:
            q = dense_vectors(query_hidden, batch.query_mask)
            d = dense_vectors(passage_hidden, batch.passage_mask)
            ranking = ranking_loss(q @ d.T / use.temperature, batch.same, teacher, use.hard)
            imitation = 2 - (q * batch.query_teacher).sum(-1).mean()
            imitation = imitation - (d * batch.passage_teacher).sum(-1).mean()
            loss = loss + use.dense * ranking + use.imitate * imitation
            report |= {"dense": ranking.item(), "imitate": imitation.item()}
        return loss, report

    def run(self) -> None:
        """Train to the last step, from the newest checkpoint if there is one."""
        use, averages, start = self.settings, {}, self.resume()
        clock = time.time()
        for step in range(start, use.steps):
            batch = self.batches.batch(step, use.batch, use.topical)
            loss, report = self.loss(batch, step)
            loss.backward()
            report["norm"] = self.optimizer.step(step)
            for key, value in report.items():
                averages[key] = 0.95 * averages.get(key, value) + 0.05 * value
            if step % 20 == 0 or step == use.steps - 1:
                shown = {key: round(value, 3) for key, value in averages.items()}
                print(step, f"{time.time() - clock:.0f}s", json.dumps(shown), flush=True)
            if (step + 1) % use.save_every == 0 or step == use.steps - 1:
                self.save(step + 1)

    def save(self, step: int) -> None:
        """Write the state atomically."""
        temporary = self.folder / "state.tmp"
        save_file(self.optimizer.state(), temporary, metadata={"step": str(step)})
        temporary.replace(self.folder / f"state-{step}.safetensors")
        for old in self.folder.glob("state-*.safetensors"):
            if old.name != f"state-{step}.safetensors":
                old.unlink()

    def resume(self) -> int:
        """Load the newest state; the step to go on from."""
        found = {int(p.stem.split("-")[1]): p for p in self.folder.glob("state-*.safetensors")}
        if not found:
            return 0
        self.optimizer.restore(load_file(found[max(found)]))
        return max(found)


def make_batches(
    pairs: list[Pair],
    tokenizer: PreTrainedTokenizerFast,
    teacher: tuple[torch.Tensor, torch.Tensor],
    width: int,
    seed: int = 13,
) -> Batches:
    """Batches whose teacher vectors are reduced to the backbone's width; the last is 0."""
    mean, basis = principal_basis(teacher[1], width - 1)
    basis = torch.nn.functional.pad(basis, (0, 1))
    queries = project(teacher[0], mean, basis)
    passages = project(teacher[1], mean, basis)
    return Batches(pairs, tokenizer, queries, passages, seed=seed)
