"""The query side of an encoder, with the passages that it searches and what it costs to keep."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_encoders.checkpoints.fingerprint import weight_files
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import ONNX
from llm_encoders.distill_query.tradeoff.memory_search import MemorySearch
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import mean_figures
from llm_encoders.evaluation.exhaustive_search import Ranking
from llm_encoders.evaluation.measures import TRADEOFF_MEASURES

_BESIDE = ("*.json", "*.model", "vocab.txt", "merges.txt")


class QuerySide:
    """A query encoder over passages in memory.

    Args:
        name: as the user wrote it.
        encoder: from :func:`llm_encoders.load_encoder`.
        passages: of its teacher.
    """

    def __init__(self, name: str, encoder: Any, passages: MemorySearch) -> None:
        self.name, self._encoder, self._passages = name, encoder, passages
        self._sparse = encoder.config.paradigm == "sparse"

    def encode(self, queries: list[str]) -> Any:
        """Vectors of queries, unquantised."""
        return self._encoder.encode_queries(queries)

    def search(self, query: str, own: int | None) -> list[Ranking]:
        """Encode one query and find its passages, but not the one of the number ``own``."""
        return self._passages.rankings(self._searched([query]), [own])

    def _searched(self, queries: list[str]) -> Any:
        """Vectors that are searched with: integer impacts where they are sparse."""
        vectors = self.encode(queries)
        return self._encoder.quantize(vectors) if self._sparse else vectors

    def quality(self, collection: Collection, own: Sequence[int | None]) -> dict[str, float]:
        """What the queries of a collection find.

        Returns:
            Means of the measures; ``empty queries``, the number of those whose vector is zero: they
            count as any other; and of sparse vectors ``query terms``, the mean number of impacts.
        """
        vectors = self._searched(list(collection.queries.values()))
        rankings = self._passages.rankings(vectors, own)
        found = mean_figures(rankings, collection, TRADEOFF_MEASURES)
        if self._sparse:
            counts = np.diff(vectors.indptr)
            found["query terms"] = float(counts.mean())
        else:
            counts = np.count_nonzero(vectors, axis=1)
        return found | {"empty queries": int((counts == 0).sum())}

    @property
    def kind(self) -> str:
        """What encodes the queries: ``model``, ``lookup``, ``onnx`` or ``onnx int8``."""
        tower = getattr(self._encoder, "queries", self._encoder)
        kind: str = tower.config.query_encoder
        return f"{kind} int8" if kind == ONNX and tower.record.int8 else kind

    @property
    def parameters(self) -> int:
        """Of the query side."""
        return int(getattr(self._encoder, "queries", self._encoder).parameters)

    @property
    def bytes(self) -> int:
        """Of the query side's files: weights, configuration and tokenizer."""
        return bytes_on_disk(self._encoder.files)


def bytes_on_disk(files: Checkpoint) -> int:
    """Bytes of the files that the query side of an encoder is loaded from.

    Those are its weights, and the configuration and tokenizer beside them; checkpoints of a
    training run that lie in the same folder do not count.
    """
    side = files.query or files
    folders = {side.backbone, side.adapter, side.tokenizer, *side.below} - {None}
    folders |= {path.parent for path in weight_files(side)}
    paths = {*weight_files(side)}
    for folder in folders:
        assert folder is not None
        paths |= {path for pattern in _BESIDE for path in folder.glob(pattern)}
    return sum(path.stat().st_size for path in paths)
