"""Which token comes next, and when a query is whole; both independent of the rest of a batch."""

from typing import Any, cast

import numpy as np
import torch
from torch import FloatTensor, LongTensor, Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.augment.augmentation import Generation

_STREAM = 8  # of random numbers, beside those of other draws by the same seed


def uniforms(seed: int, row: int, generation: Generation, count: int) -> np.ndarray:
    """The random numbers that the queries of a passage are drawn by.

    Args:
        seed: of the job.
        row: number of the passage.
        generation: how queries are written.
        count: queries of the passage.

    Returns:
        float64 [count, query tokens], each from 0 to below 1.
    """
    drawn = np.random.default_rng([seed, _STREAM, row])
    return drawn.random((count, generation.query_tokens))


class NextToken(LogitsProcessor):
    """Leaves one token of the next position.

    Without numbers it is the likeliest. With them it is drawn: the first token, in the order of
    the vocabulary, at which the sum of probabilities exceeds the sequence's number of this
    position. So a sequence depends on its own numbers alone, which the generator of PyTorch, one
    for a whole batch, does not allow.

    Args:
        generation: temperature, top-k and top-p, applied in this order.
        numbers: float64 [sequences, positions], see :func:`uniforms`; ``None`` for greedy decoding.
    """

    def __init__(self, generation: Generation, numbers: np.ndarray | None) -> None:
        self._numbers = numbers
        self._first: int | None = None
        self._warpers = LogitsProcessorList()
        if numbers is not None:
            self._warpers.append(TemperatureLogitsWarper(float(generation.temperature)))
            if generation.top_k is not None:
                self._warpers.append(TopKLogitsWarper(generation.top_k))
            if generation.top_p is not None:
                self._warpers.append(TopPLogitsWarper(generation.top_p))

    def __call__(self, input_ids: LongTensor, scores: FloatTensor) -> FloatTensor:
        """Scores in which the token alone is finite.

        Args:
            input_ids: int64 [sequences, length so far].
            scores: [sequences, vocabulary].

        Raises:
            EncoderError: the model gives NaN.
        """
        if torch.isnan(scores).any():
            raise EncoderError(
                "the model gives NaN instead of a next token. Try --dtype float32; if that does "
                "not help, its files are faulty."
            )
        if self._numbers is None:
            chosen = scores.argmax(dim=1, keepdim=True)
        else:
            self._first = input_ids.shape[1] if self._first is None else self._first
            numbers = self._numbers[:, input_ids.shape[1] - self._first]
            chosen = _drawn(self._warpers(input_ids, cast(FloatTensor, scores.float())), numbers)
        left = torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)
        return cast(FloatTensor, left)


def _drawn(scores: Tensor, numbers: np.ndarray) -> Tensor:
    """The drawn tokens, int64 [sequences, 1]."""
    exact = torch.float32 if scores.device.type == "mps" else torch.float64
    sums = scores.to(exact).softmax(1).cumsum(1)
    border = torch.from_numpy(numbers).to(scores.device, exact)[:, None] * sums[:, -1:]
    # The last token of any probability, should rounding put the border at the whole sum.
    most = scores.isfinite().long().cumsum(1).argmax(1, keepdim=True)
    return torch.searchsorted(sums, border, right=True).minimum(most)


class LineEnds(StoppingCriteria):
    """Ends a sequence at the end of its first line that is not blank."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._first: int | None = None

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """bool [sequences]: whether each is done."""
        self._first = input_ids.shape[1] - 1 if self._first is None else self._first
        texts = self._tokenizer.batch_decode(input_ids[:, self._first :], skip_special_tokens=True)
        done = ["\n" in text.lstrip() for text in texts]
        return torch.tensor(done, device=input_ids.device)


def first_line(text: str) -> str:
    """The query in what a model has written: its first line that is not blank, without the
    quotation marks around it."""
    lines = text.strip().splitlines()
    line = " ".join(lines[0].split()) if lines else ""
    quoted = len(line) > 1 and (line[0], line[-1]) in (('"', '"'), ("\u201c", "\u201d"))
    return line[1:-1].strip() if quoted else line
