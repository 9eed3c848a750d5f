"""A query encoder that is a graph in ONNX: neither PyTorch nor Transformers at query time."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.two_sides import require_own_teacher
from llm_encoders.config import FILE_KEYS, EncoderConfig
from llm_encoders.encoding.batching import length_sorted
from llm_encoders.encoding.impacts import keep_top_k
from llm_encoders.encoding.onnx_graph import GRAPH_NAME, GraphRecord, OnnxGraph
from llm_encoders.encoding.plain_tokenizer import PlainTokenizer
from llm_encoders.encoding.query_only import QueryOnlyEncoder
from llm_encoders.encoding.tokens import require_room, tokenize_texts
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_json

TERMS_NAME = "terms.json"
"""The index terms of the columns, a JSON list; sparse only."""
IN_GRAPH = (
    *("paradigm", "attention", "pooling", "projections", "dimension", "normalize", "logit_scale"),
    *("pool_bos", "pool_eos", "query_pool_prefix", *FILE_KEYS),
)
"""Keys of a contract that a graph has in it, so that they are fixed once it is written."""

_BATCH_TOKENS = 2048
_LOGITS = 1 << 26  # of a batch, for a sparse graph holds them: 256 MiB


class OnnxQueryEncoder(QueryOnlyEncoder):
    """Queries to vectors by a graph in ONNX Runtime, on the CPU.

    A text's vector does not depend on the batch it is in, on padding or on order (float32: 1e-5);
    an int8 graph rounds a batch's activations by their range, so there it depends on it a little.

    Args:
        name: it is loaded by.
        config: the contract; what of it is in the graph is that of the graph.
        graph: the graph.
        record: what is known of the graph.
        tokenizer: makes the token ids.
        vocabulary: sparse only; the index term of every column.
    """

    def __init__(
        self,
        name: str,
        config: EncoderConfig,
        graph: OnnxGraph,
        record: GraphRecord,
        tokenizer: PlainTokenizer,
        vocabulary: Sequence[str] = (),
    ) -> None:
        self.name, self.record, self._terms = name, record, list(vocabulary)
        self._graph, self._tokenizer = graph, tokenizer
        self._sparse = config.paradigm == "sparse"
        self.batch_tokens = _BATCH_TOKENS
        if self._sparse:
            self.batch_tokens = max(1, min(_BATCH_TOKENS, _LOGITS // graph.width))
        self._use(config)

    def _use(self, config: EncoderConfig) -> None:
        if config.append_eos and self._tokenizer.eos_token_id is None:
            raise UsageError(f"{self.name}: append_eos is set, but its tokenizer has no EOS token.")
        require_room(self._tokenizer, config, self.record.positions, self.name)
        self.config = config

    def replace_config(self, **changes: Any) -> None:
        """Change fields of the contract, e.g. a prefix; what is in the graph stays as it is."""
        require_outside(self.name, self.config, dataclasses.replace(self.config, **changes))
        self._use(dataclasses.replace(self.config, **changes))

    @property
    def vocabulary(self) -> list[str]:
        """The index term of every column; empty for dense vectors."""
        return self._terms

    @property
    def dimension(self) -> int:
        """Length of a dense vector."""
        return self._graph.width

    @property
    def parameters(self) -> int:
        """Of the model that was exported."""
        return self.record.parameters

    def max_length(self, side: str) -> int:
        """Tokens of a query, at most: the contract's, or the graph's."""
        positions, length = self.record.positions, self.config.side(side).max_length
        return length if positions is None else min(length, positions)

    def query_token_ids(
        self, queries: Sequence[str], max_length: int | None = None
    ) -> list[list[int]]:
        """Token ids of queries, as :meth:`encode_queries` makes them.

        Raises:
            EncoderError: a text holds a special token that the graph has no embedding for.
        """
        token_ids = tokenize_texts(
            self._tokenizer,
            self.config,
            "query",
            self.record.positions,
            queries,
            max_length=max_length,
        )
        for number, ids in enumerate(token_ids, start=1):
            if ids and max(ids) >= self.record.rows:
                raise EncoderError(
                    f"{self.name}: query number {number} holds the token {max(ids)}, a special one "
                    "that the graph has no embedding for; remove it from the text."
                )
        return token_ids

    def encode_queries(
        self, queries: list[str], *, max_length: int | None = None
    ) -> csr_array | np.ndarray:
        """Encode queries.

        Args:
            queries: the texts, without prefix.
            max_length: tokens of a query, at most; default the contract's. The graph may allow
                fewer.

        Returns:
            One row a query, in order: sparse float32 csr_array [queries, len(vocabulary)] of
            unquantised term weights, columns sorted; dense float32 array [queries, dimension].

        Raises:
            EncoderError: NaN or infinite activations; names the text.
        """
        return self.encode_query_tokens(self.query_token_ids(queries, max_length))

    def encode_query_tokens(self, token_ids: list[list[int]]) -> csr_array | np.ndarray:
        """Encode queries that :meth:`query_token_ids` has tokenised, one list a query."""
        lengths = [len(ids) for ids in token_ids]
        if not self._sparse:
            found = np.zeros((len(token_ids), self.dimension), dtype=np.float32)
            for rows in length_sorted(lengths, self.batch_size, self.batch_tokens):
                found[rows] = self._vectors(token_ids, rows)
            return found
        parts: list[tuple[np.ndarray, np.ndarray]] = [_NOTHING] * len(token_ids)
        for rows in length_sorted(lengths, self.batch_size, self.batch_tokens):
            for row, vector in zip(rows, self._vectors(token_ids, rows), strict=True):
                columns = np.flatnonzero(vector).astype(np.int32)
                parts[row] = columns, vector[columns]
        columns, values = (
            np.concatenate([_NOTHING[i], *(one[i] for one in parts)]) for i in (0, 1)
        )
        bounds = np.cumsum([0, *(len(one) for one, _ in parts)])
        vectors = csr_array((values, columns, bounds), shape=(len(parts), self._graph.width))
        return keep_top_k(vectors, self.config.query_top_k)

    def _vectors(self, token_ids: list[list[int]], rows: list[int]) -> np.ndarray:
        """Vectors of some rows, padded to their longest on the right."""
        length = max(1, max(len(token_ids[row]) for row in rows))
        ids = np.zeros((len(rows), length), dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(token_ids[row])] = token_ids[row]
            mask[place, : len(token_ids[row])] = 1
        unpooled = np.array([getattr(token_ids[row], "unpooled", 0) for row in rows])
        vectors = self._graph(ids, mask, unpooled.astype(np.int64))
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            raise EncoderError(
                f"{self.name}: text number {rows[int(np.argmin(finite))] + 1} gave NaN or infinite "
                "activations in ONNX Runtime."
            )
        return vectors


def open_onnx(files: Checkpoint) -> OnnxQueryEncoder:
    """Open a folder whose contract says that queries are encoded by its ONNX graph.

    Raises:
        UsageError: an option changes what is in the graph.
        EncoderError: ONNX Runtime is not installed; a file is absent or damaged, or does not fit
            the others or the teacher.
    """
    folder, contract = files.folder, files.contract
    require_outside(files.name, EncoderConfig.load(folder), contract)
    graph = OnnxGraph(folder / GRAPH_NAME)
    sparse = contract.paradigm == "sparse"
    terms = _read_terms(folder / TERMS_NAME, graph.width) if sparse else []
    if files.teacher is not None and sparse:
        files.teacher.require_vocabulary(terms, files.name)
    elif files.teacher is not None:
        files.teacher.require_dimension(graph.width, files.name)
    tokenizer, record = PlainTokenizer.load(folder), GraphRecord.load(folder)
    record.require_files(folder)
    require_own_teacher(files)
    encoder = OnnxQueryEncoder(files.name, contract, graph, record, tokenizer, terms)
    encoder.files = files
    return encoder


def _read_terms(path: Path, width: int) -> list[str]:
    terms = read_json(path)
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise EncoderError(f"{path}: expected a list of index terms. Copy the file again.")
    if len(terms) != width:
        raise EncoderError(
            f"{path} has {len(terms):,} index terms, but {GRAPH_NAME} gives {width:,} weights. "
            "Copy the folder again, or export the encoder again."
        )
    return terms


_NOTHING = np.empty(0, np.int32), np.empty(0, np.float32)


def require_outside(name: str, written: EncoderConfig, wanted: EncoderConfig) -> None:
    """Refuse to change what is in the graph.

    Args:
        name: of the encoder.
        written: the contract that the graph was written for.
        wanted: the contract that is asked for.

    Raises:
        UsageError: names the key.
    """
    for key in IN_GRAPH:
        if getattr(written, key) != getattr(wanted, key):
            raise UsageError(
                f"{name}: {key} is fixed in its ONNX graph at {getattr(written, key)!r}. Export "
                "the encoder again with the other value."
            )
