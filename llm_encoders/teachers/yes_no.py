"""Causal language models that are asked whether a passage answers a query."""

from pathlib import Path

import torch
from torch import Tensor

from llm_encoders.devices import choose_device
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object
from llm_encoders.teachers.base import PairTeacher
from llm_encoders.teachers.loading import load_model

_MAX_LENGTH = 512
_PROMPT = (
    "Passage: {passage}\nQuery: {query}\nDoes the passage answer the query? Yes or No.\nAnswer:"
)


class YesNo(PairTeacher):
    """Logit of " Yes" minus logit of " No" after the question: pointwise reranking.

    The relevance generation of arXiv 2211.09110, with the difference of logits for its
    probability. At most 512 tokens are read; a passage too long loses its end.

    Raises:
        EncoderError: it is no causal language model, its weights are absent, or the tokenizer has
            no different first tokens for the two words.
    """

    def __init__(self, folder: Path, device: str | None, dtype: str, batch_size: int) -> None:
        from transformers import AutoTokenizer

        architectures = read_object(folder / "config.json").get("architectures") or ["unknown"]
        if not any(word in str(architectures[0]) for word in ("ForCausalLM", "LMHeadModel")):
            raise EncoderError(
                f"a yes-no teacher must be a causal language model; {folder} is a "
                f"{architectures[0]}."
            )
        self.device = choose_device(device)
        local = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        self.model = load_model("AutoModelForCausalLM", folder, self.device, dtype)
        self.yes, self.no = (self._first(word) for word in (" Yes", " No"))
        if self.yes == self.no:
            raise EncoderError(
                f"{folder}: ' Yes' and ' No' begin with the same token. Choose another teacher."
            )
        self.batch_size = batch_size
        positions = getattr(self.model.config, "max_position_embeddings", _MAX_LENGTH)
        self.max_length = min(_MAX_LENGTH, positions)

    def _first(self, word: str) -> int:
        return int(self.tokenizer(word, add_special_tokens=False)["input_ids"][0])

    def length(self, prepared: list[int]) -> int:
        """See :class:`PairTeacher`."""
        return len(prepared)

    def logits(self, batch: list[list[int]]) -> Tensor:
        """See :class:`PairTeacher`."""
        longest = max(map(len, batch))
        ids = torch.zeros((len(batch), longest), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(batch):  # on the left, so that the last one is the answer's
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        logits: Tensor = self.model(
            input_ids=ids.to(self.device),
            attention_mask=mask.to(self.device),
            position_ids=(mask.cumsum(1) - 1).clamp(min=0).to(self.device),
            logits_to_keep=1,
        ).logits[:, -1]
        return logits[:, self.yes] - logits[:, self.no]

    def prepare(self, query: str, passage: str) -> list[int]:
        """Token ids; a passage too long loses its end, never the question."""
        whole: list[int] = self.tokenizer(_PROMPT.format(passage=passage, query=query))["input_ids"]
        surplus = len(whole) - self.max_length
        if surplus <= 0:
            return whole
        kept = self.tokenizer(passage, add_special_tokens=False)["input_ids"]
        shorter = self.tokenizer.decode(kept[: max(0, len(kept) - surplus - 2)])
        ids: list[int] = self.tokenizer(_PROMPT.format(passage=shorter, query=query))["input_ids"]
        return ids[-self.max_length :]
