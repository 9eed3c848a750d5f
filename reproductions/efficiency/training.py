"""One sparse contrastive training step on a CPU: seconds and peak memory, plain and ours.

A form is plain-N or ours-N for N queries of 32 tokens with 8 passages of 128 tokens each.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from encoding import random_llama
from head import resident_kib

from llm_encoders.config import EncoderConfig
from llm_encoders.heads.kernels import plain
from llm_encoders.train import gradient_cache
from llm_encoders.train.model import RetrievalModel
from llm_encoders.train.objective import Candidates, Objective, total

PASSAGES, QUERY_LENGTH, PASSAGE_LENGTH, VOCABULARY, CHUNK_TOKENS = 8, 32, 128, 100_278, 2048
CPU = torch.device("cpu")


class PlainModel(RetrievalModel):
    """The same model with the sparse head as it is written: all logits, differentiated as such."""

    def forward(
        self,
        token_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        unpooled: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """See :class:`RetrievalModel`; here every token is pooled."""
        backbone = self.backbone()
        states = backbone.hidden_states(token_ids, attention_mask)
        scale = self.contract.scale_of_logits(states.shape[-1])
        return plain.term_weights(states, attention_mask.bool(), backbone.head, scale)


def main() -> None:
    """Measure the form and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form")
    parser.add_argument("--small", action="store_true")
    options, _ = parser.parse_known_args()
    kind, _, count = options.form.partition("-")
    queries = 2 if options.small else int(count)
    vocabulary = 1000 if options.small else VOCABULARY
    model = make_model(vocabulary, PlainModel if kind == "plain" else RetrievalModel)
    lengths = [QUERY_LENGTH] * queries + [PASSAGE_LENGTH] * (queries * PASSAGES)
    texts = [torch.randint(vocabulary, (length,)).tolist() for length in lengths]
    candidates = Candidates(torch.arange(queries * PASSAGES).view(queries, PASSAGES))
    objective = Objective(
        {"contrastive": 1.0}, query_regularisation=0.01, passage_regularisation=0.01
    )

    def loss_of(vectors: torch.Tensor) -> torch.Tensor:
        return total(objective.parts(vectors[:queries], vectors[queries:], candidates))

    def step() -> None:
        gradient_cache.step(
            model,
            texts,
            loss_of,
            lambda loss: loss.backward(),
            max_tokens=None if kind == "plain" else CHUNK_TOKENS,
            device=CPU,
        )

    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = resident_kib("VmRSS")
    start = time.perf_counter()
    step()
    seconds = time.perf_counter() - start
    result = {
        "setting": f"8 passages of {PASSAGE_LENGTH} tokens a query, 4 layers of 256, vocabulary "
        f"{vocabulary}, LoRA, float32",
        "seconds": round(seconds, 2),
        "rate": round(len(texts) / seconds, 3),
        "unit": "texts/s",
        "peak_mib": round((resident_kib("VmHWM") - before) / 1024, 1),
        "detail": f"{queries} queries, {sum(lengths)} tokens",
    }
    print(json.dumps(result))


def make_model(vocabulary: int, kind: type[RetrievalModel]) -> Any:
    """A Llama of random weights with a LoRA adapter."""
    import peft

    language_model = random_llama(vocabulary)
    language_model.config.is_causal = False
    adapted = peft.get_peft_model(language_model, peft.LoraConfig(target_modules="all-linear"))
    return kind(adapted, EncoderConfig(paradigm="sparse"), None, "random weights").train()


if __name__ == "__main__":
    main()
