"""Bi-encoders as teachers: ours, and models in Sentence Transformers layout."""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from llm_encoders.devices import choose_device, choose_dtype
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object
from llm_encoders.teachers.base import Passage, Teacher

_REMEMBERED = 500_000  # passage vectors; 0.7 GiB at 384 dimensions


class BiEncoder(Teacher):
    """Inner products; vectors of passages that occur again are remembered."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Any] = OrderedDict()

    @abstractmethod
    def encode_queries(self, queries: list[str]) -> list[Any]:
        """One vector a query."""

    @abstractmethod
    def encode_passages(self, passages: list[Passage]) -> list[Any]:
        """One vector a passage."""

    def scores(self, groups: Sequence[tuple[str, Sequence[Passage]]]) -> list[list[float]]:
        """See :class:`Teacher`."""
        new: dict[Hashable, Passage] = {}
        for _, passages in groups:
            for passage in passages:
                if passage.key in self._known:
                    self._known.move_to_end(passage.key)
                else:
                    new[passage.key] = passage
        if new:
            vectors = self.encode_passages(list(new.values()))
            self._known.update(zip(new, vectors, strict=True))
        queries = self.encode_queries([query for query, _ in groups])
        found = [
            [float(vector @ self._known[passage.key]) for passage in passages]
            for vector, (_, passages) in zip(queries, groups, strict=True)
        ]
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found


class OurEncoder(BiEncoder):
    """One of our encoders; scores are divided by its temperature, as in training."""

    def __init__(self, name: str, device: str | None, batch_size: int) -> None:
        super().__init__()
        self.encoder = load_encoder(name, device=device)
        self.encoder.batch_size = batch_size

    def encode_queries(self, queries: list[str]) -> list[Any]:
        """See :class:`BiEncoder`."""
        vectors = self.encoder.encode_queries(queries) / self.encoder.config.temperature
        return [_dense(vectors, row) for row in range(len(queries))]

    def encode_passages(self, passages: list[Passage]) -> list[Any]:
        """See :class:`BiEncoder`."""
        texts, titles = [one.text for one in passages], [one.title for one in passages]
        vectors = self.encoder.encode_documents(texts, titles)
        return [_dense(vectors, row) for row in range(len(passages))]


def _dense(vectors: Any, row: int) -> Any:
    """A row, as an array or as a sparse one."""
    return vectors[row] if isinstance(vectors, np.ndarray) else _SparseRow(vectors, row)


class _SparseRow:
    """One row of a CSR matrix that can be multiplied with another."""

    def __init__(self, vectors: Any, row: int) -> None:
        span = slice(vectors.indptr[row], vectors.indptr[row + 1])
        self.columns, self.values = vectors.indices[span], vectors.data[span]

    def __matmul__(self, other: "_SparseRow") -> float:
        _, mine, theirs = np.intersect1d(
            self.columns, other.columns, assume_unique=True, return_indices=True
        )
        return float(self.values[mine] @ other.values[theirs])


class SentenceEncoder(BiEncoder):
    """A Transformers encoder with mean or first-token pooling, as ``modules.json`` says.

    Raises:
        EncoderError: a module or pooling other than these.
    """

    def __init__(self, folder: Path, device: str | None, batch_size: int) -> None:
        from transformers import AutoModel, AutoTokenizer

        super().__init__()
        self.device = choose_device(device)
        local = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        self.model = AutoModel.from_pretrained(
            folder, dtype=choose_dtype(None, self.device), use_safetensors=True, **local
        )
        self.model = self.model.to(self.device).eval()
        self.batch_size = batch_size
        settings = folder / "sentence_bert_config.json"
        own = read_object(settings).get("max_seq_length") if settings.is_file() else None
        self.max_length = int(own or self.model.config.max_position_embeddings)
        self.pooling, self.normalize = _read_modules(folder)

    def encode_queries(self, queries: list[str]) -> list[Any]:
        """See :class:`BiEncoder`."""
        return list(self._encode(queries))

    def encode_passages(self, passages: list[Passage]) -> list[Any]:
        """See :class:`BiEncoder`."""
        return list(self._encode([passage.joined for passage in passages]))

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        vectors: np.ndarray | None = None
        for first in range(0, len(order), self.batch_size):
            rows = order[first : first + self.batch_size]
            inputs = self.tokenizer(
                [texts[row] for row in rows],
                truncation=True,
                max_length=self.max_length,
                padding=True,
                return_tensors="pt",
            ).to(self.device)
            states = self.model(**inputs).last_hidden_state.float()
            pooled = self._pool(states, inputs["attention_mask"])
            if vectors is None:
                vectors = np.empty((len(texts), pooled.shape[1]), dtype=np.float32)
            vectors[rows] = pooled.cpu().numpy()
        assert vectors is not None
        return vectors

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "cls":
            pooled = states[:, 0]
        else:
            weights = mask.unsqueeze(-1).float()
            pooled = (states * weights).sum(1) / weights.sum(1)
        return normalize(pooled, dim=-1) if self.normalize else pooled


def _read_modules(folder: Path) -> tuple[str, bool]:
    """Pooling (``mean`` or ``cls``) and whether vectors are normalised."""
    import json

    path = folder / "modules.json"
    if not path.is_file():
        raise EncoderError(f"{folder} has no modules.json, so its pooling is unknown.")
    pooling, normalized = "", False
    for module in json.loads(path.read_text(encoding="utf-8")):
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        if kind == "Pooling":
            config = read_object(folder / module["path"] / "config.json")
            modes = [key for key, value in config.items() if value is True and "pooling" in key]
            known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
            if len(modes) != 1 or modes[0] not in known:
                raise EncoderError(f"{folder}: pooling {modes} is not supported; mean and cls are.")
            pooling = known[modes[0]]
        elif kind == "Normalize":
            normalized = True
        elif kind != "Transformer":
            raise EncoderError(f"{folder}: the module {kind} is not supported.")
    if not pooling:
        raise EncoderError(f"{path} names no pooling.")
    return pooling, normalized
