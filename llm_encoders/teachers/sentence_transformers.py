"""Bi-encoders in the layout of sentence-transformers, old and new, read from their files.

What is read: ``modules.json`` (Transformer, Pooling, Normalize), the pooling's ``config.json``,
``sentence_bert_config.json`` (length, lower case), ``config_sentence_transformers.json`` (prompts,
similarity). What would need more than that is refused by name, never approximated.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from llm_encoders.checkpoints.layouts.sentence_files import (
    MODULES,
    PROMPTS,
    read_modules,
    read_pooling,
    read_prompts,
)
from llm_encoders.checkpoints.layouts.sentence_settings import most_tokens, read_settings
from llm_encoders.devices import choose_device
from llm_encoders.errors import EncoderError
from llm_encoders.teachers.base import Passage
from llm_encoders.teachers.bi_encoder import BiEncoder
from llm_encoders.teachers.loading import load_model

_POOLINGS = ("cls", "mean")


@dataclass(frozen=True)
class Layout:
    """What the files of a model say about how it encodes."""

    transformer: Path
    """Folder of the Transformers model."""
    pooling: str
    """``mean`` of the tokens' states, or ``cls``: the state of the first token."""
    pool_prompt: bool
    """Whether tokens of the prompt are pooled."""
    normalize: bool
    """Whether vectors have length 1, by a module or because scores are cosines."""
    max_length: int | None
    """Most tokens of a text."""
    lower_case: bool
    query_prompt: str
    """Put before every query as it is."""
    passage_prompt: str

    def __str__(self) -> str:
        prompts = {"query": self.query_prompt, "passage": self.passage_prompt}
        words = [f"{side} prompt {prompt!r}" for side, prompt in prompts.items() if prompt]
        length = "normalised" if self.normalize else "not normalised"
        return ", ".join([f"{self.pooling} pooling", length, *(words or ["no prompts"])])


class SentenceEncoder(BiEncoder):
    """A Transformers encoder with mean or first-token pooling.

    Raises:
        EncoderError: a module, pooling, task or similarity that is not supported; weights are
            absent.
    """

    def __init__(self, folder: Path, device: str | None, dtype: str, batch_size: int) -> None:
        from transformers import AutoTokenizer

        self.layout = read_layout(folder)
        self.details = str(self.layout)
        self.device = choose_device(device)
        place = self.layout.transformer
        local = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(place, padding_side="right", **local)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        # The pooler of BERT and its kin is not used, and some repositories lack it.
        self.model = load_model("AutoModel", place, self.device, dtype, unused=("pooler.",))
        self.batch_size = batch_size
        positions = getattr(self.model.config, "max_position_embeddings", None)
        known = [self.layout.max_length or self.tokenizer.model_max_length, positions]
        self.max_length = min(length for length in known if length)

    def encode_queries(self, queries: list[str]) -> np.ndarray:
        """See :class:`BiEncoder`."""
        return self._encode(queries, self.layout.query_prompt)

    def encode_passages(self, passages: list[Passage]) -> np.ndarray:
        """See :class:`BiEncoder`."""
        return self._encode([passage.joined for passage in passages], self.layout.passage_prompt)

    @torch.inference_mode()
    def _encode(self, texts: list[str], prompt: str) -> np.ndarray:
        inputs = self._tokenize([prompt + text for text in texts]).to(self.device)
        states = self.model(**inputs).last_hidden_state.float()  # [texts, length, hidden]
        mask = inputs["attention_mask"].clone()
        if prompt and not self.layout.pool_prompt:
            mask[:, : self._prompt_tokens(prompt)] = 0
        return self._pool(states, mask).cpu().numpy()

    def _tokenize(self, texts: list[str]) -> Any:
        return self.tokenizer(
            [text.lower() for text in texts] if self.layout.lower_case else texts,
            truncation=True,
            max_length=self.max_length,
            padding=True,
            return_tensors="pt",
        )

    def _prompt_tokens(self, prompt: str) -> int:
        """Tokens at the beginning of a text that its prompt makes, special ones included."""
        ids = self._tokenize([prompt])["input_ids"][0].tolist()
        return len(ids) - (ids[-1] in self.tokenizer.all_special_ids)

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.layout.pooling == "cls":
            pooled = states[torch.arange(len(states)), mask.argmax(1)]
        else:
            weights = mask.unsqueeze(-1).float()
            pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return normalize(pooled, dim=-1) if self.layout.normalize else pooled


def read_layout(folder: Path) -> Layout:
    """Read how a model in this layout encodes.

    Raises:
        EncoderError: the files are damaged, or say something that is not supported.
    """
    modules = read_modules(folder)
    kinds = [module.kind for module in modules]
    for kind in kinds:
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise EncoderError(
                f"{folder}: the module {kind} is not supported; a teacher has Transformer, "
                "Pooling and optionally Normalize."
            )
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise EncoderError(
            f"{folder / MODULES}: the modules are {', '.join(kinds)}; expected Transformer, "
            "Pooling and at most Normalize after them."
        )
    transformer = folder / modules[0].folder
    settings = read_settings(transformer)
    task = settings.get("transformer_task", "feature-extraction")
    if task != "feature-extraction":
        raise EncoderError(f"{transformer}: the task '{task}' is not that of a bi-encoder.")
    path = folder / modules[1].folder / "config.json"
    modes, pool_prompt = read_pooling(path)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        shown = " and ".join(modes) or "none"
        raise EncoderError(f"{path}: the pooling ({shown}) is not supported; mean and cls are.")
    prompts = read_prompts(folder / PROMPTS)
    return Layout(
        transformer=transformer,
        pooling=modes[0],
        pool_prompt=pool_prompt,
        normalize=len(kinds) == 3 or prompts.similarity == "cosine",
        max_length=most_tokens(settings),
        lower_case=bool(settings.get("do_lower_case", False)),
        query_prompt=prompts.query,
        passage_prompt=prompts.passage,
    )
