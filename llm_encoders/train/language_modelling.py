"""Training a language model on passages: what both adaptation stages have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import Dataset

from llm_encoders.data.passages import Passages
from llm_encoders.encoding.batching import pad
from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.compute import ModelShape
from llm_encoders.train.gather import processes
from llm_encoders.train.gradient_cache import chunked
from llm_encoders.train.health import require_finite
from llm_encoders.train.model import RetrievalModel
from llm_encoders.train.predictions import Choose, Prediction, TokenLoss


class Rows(Protocol):
    """What a language model is trained on, by number."""

    def __len__(self) -> int: ...

    def token_ids(self, rows: Sequence[int]) -> list[list[int]]:
        """Token ids of the rows of these numbers."""
        ...


@dataclass(frozen=True)
class PassageRows:
    """One passage a row."""

    passages: Passages
    tokenize: Callable[[Sequence[str], Sequence[str | None]], list[list[int]]]
    """Texts and titles to token ids, cut to the maximum length."""

    def __len__(self) -> int:
        return len(self.passages)

    def token_ids(self, rows: Sequence[int]) -> list[list[int]]:
        """See :class:`Rows`."""
        return self.tokenize(*self.passages.texts(rows))


class LanguageModellingBatches(Dataset[list[Prediction]]):
    """Item ``i`` is this process's part of batch ``i``, a function of the seed and ``i``."""

    def __init__(
        self,
        rows: Rows,
        choose: Choose,
        *,
        texts: int,
        steps: int,
        seed: int,
        processes: int,
        rank: int,
    ) -> None:
        self.rows, self.choose = rows, choose
        self.texts, self.steps, self.seed = texts, steps, seed
        bounds = np.linspace(0, texts, processes + 1).astype(int)
        self._own = range(int(bounds[rank]), int(bounds[rank + 1]))

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> list[Prediction]:
        if not 0 <= step < self.steps:
            raise IndexError(step)
        places = [step * self.texts + number for number in self._own]
        token_ids = self.rows.token_ids([self._row(place) for place in places])
        return [
            self.choose(ids, np.random.default_rng([self.seed, 2, place]))
            for place, ids in zip(places, token_ids, strict=True)
        ]

    def _row(self, place: int) -> int:
        epoch, number = divmod(place, len(self.rows))
        if getattr(self, "_epoch", None) != epoch:
            generator = np.random.default_rng([self.seed, epoch])
            self._epoch, self._order = epoch, generator.permutation(len(self.rows))
        return int(self._order[number])


class LanguageModel(RetrievalModel):
    """The language model with the logits of chosen positions only."""

    def forward(  # type: ignore[override]
        self, token_ids: Tensor, attention_mask: Tensor, rows: Tensor, positions: Tensor
    ) -> Tensor:
        """Logits float32 [targets, vocabulary] at (row, position)."""
        backbone = self.backbone()
        assert backbone.head is not None  # language models have one
        states = backbone.hidden_states(token_ids, attention_mask)
        return (states[rows, positions] @ backbone.head.T).float()


class LanguageModellingTrainer(BaseTrainer):
    """Trains a :class:`LanguageModel`; the loss is the mean over all tokens that a part of a step
    predicts (``schedule.accumulation``), over all processes.

    Args:
        chunk_tokens: padded tokens that pass through the model together.
        decay_steps: the step at which the learning rate is zero; the run may end before.
        loss: of logits float32 [targets, vocabulary] and targets int64 [targets], their sum.
    """

    def __init__(
        self,
        *arguments: Any,
        chunk_tokens: int | None,
        decay_steps: int,
        loss: TokenLoss,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.chunk_tokens, self.decay_steps, self.loss = chunk_tokens, decay_steps, loss
        self.shape = ModelShape.of(self.model)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """See ``transformers.Trainer``; the rate falls until ``decay_steps``."""
        return super().create_scheduler(self.decay_steps, optimizer)

    def training_step(  # type: ignore[override]
        self, model: Any, inputs: list[Prediction], num_items_in_batch: Any = None
    ) -> Tensor:
        """Forward and backward of one batch, in chunks."""
        model.train()
        device = self.args.device
        count = torch.tensor(float(sum(len(text.targets) for text in inputs)), device=device)
        if processes() > 1:
            dist.all_reduce(count)
        count = count.clamp(min=1)
        texts = [text.token_ids for text in inputs]
        chunks = chunked([len(ids) for ids in texts], self.chunk_tokens, device)
        total = torch.zeros((), device=device)
        # Data parallelism averages gradients over processes; their sum is meant.
        factor = processes() / self.current_gradient_accumulation_steps
        for number, chunk in enumerate(chunks):
            with self.last_or_no_sync(model, number == len(chunks) - 1):
                batch = pad(texts, chunk.rows, "right")
                places = [
                    (row, position - 1, token)
                    for row, text in enumerate(chunk.rows)
                    for position, token in inputs[text].targets
                ]
                rows, positions, targets = torch.tensor(places, dtype=torch.int64).view(-1, 3).T
                logits = model(
                    batch.token_ids.to(device),
                    batch.attention_mask.to(device),
                    rows.to(device),
                    positions.to(device),
                )
                loss = self.loss(logits, targets.to(device)) / count
                loss = loss if chunk.counts else 0.0 * loss
                self.backward(loss * factor)
                total += loss.detach()
        if processes() > 1:
            dist.all_reduce(total)
        require_finite(total, {"language modelling": float(total)}, self.state.global_step + 1)
        return total / self.current_gradient_accumulation_steps

    def floating_point_ops(self, inputs: list[Prediction]) -> float:  # type: ignore[override]
        """Operations of this process's share of a batch."""
        return sum(
            self.shape.text(len(text.token_ids), headed=len(text.targets)) for text in inputs
        )

    def token_counts(self, inputs: list[Prediction]) -> list[int]:
        """See :class:`BaseTrainer`."""
        return [len(text.token_ids) for text in inputs]
