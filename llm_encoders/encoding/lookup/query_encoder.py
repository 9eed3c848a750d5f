"""The encoder that goes wherever a query encoder goes, and needs a tokenizer and a table only."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from tokenizers import Tokenizer

from llm_encoders.config import EncoderConfig
from llm_encoders.contract_values import ContractError
from llm_encoders.encoding.lookup.table import DenseTable, SparseTable
from llm_encoders.encoding.query_only import QueryOnlyEncoder
from llm_encoders.encoding.terms import index_terms
from llm_encoders.encoding.tokens import cleaned
from llm_encoders.errors import UsageError

_WITHOUT = {
    "special_tokens": False,
    "append_eos": False,
    "query_prefix": "",
    "query_suffix": "",
    "query_text_max_length": None,
    "projections": (),
    "dimension": None,
}


class LookupQueryEncoder(QueryOnlyEncoder):
    """Queries to vectors by a table.

    Of the contract it goes by ``strip``, ``lowercase``, ``query_max_length``, ``normalize`` or
    ``lookup_counts``, ``query_top_k`` and ``impact_scale``. There is no prefix. Special tokens take
    no part, not even one that is written in a query. Queries are looked up one by one, so
    ``batch_size`` has no effect.

    Args:
        name: it is loaded by.
        config: the contract, with ``query_encoder`` ``"lookup"``.
        table: sparse, float32 [vocabulary]; dense, float32 or float16 [vocabulary, dimension].
        tokenizer: gives the rows of the table.
        terms: the index term of every row, where they are known already.

    Raises:
        UsageError: the contract asks for what a table cannot do; names the key.
    """

    def __init__(
        self,
        name: str,
        config: EncoderConfig,
        table: np.ndarray,
        tokenizer: Tokenizer,
        terms: list[str] | None = None,
    ) -> None:
        self.name, self._terms = name, terms
        self._left = (tokenizer.truncation or {}).get("direction") == "left"
        if tokenizer.truncation or tokenizer.padding:
            tokenizer = Tokenizer.from_str(tokenizer.to_str())
            tokenizer.no_truncation()
            tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._special = frozenset(special_ids(tokenizer))
        self._array = table
        self._use(config)

    def _use(self, config: EncoderConfig) -> None:
        require_lookup_contract(config, self.name)
        self.config = config
        self._table: SparseTable | DenseTable
        if config.paradigm == "sparse":
            self._table = SparseTable(self._array, config.lookup_counts)
        else:
            self._table = DenseTable(self._array, config.normalize)

    def replace_config(self, **changes: Any) -> None:
        """Change fields of the contract; what a table cannot do is refused."""
        if changes.get("paradigm", self.config.paradigm) != self.config.paradigm:
            raise UsageError(f"paradigm cannot be changed once {self.name} is loaded.")
        self._use(dataclasses.replace(self.config, **changes))

    @cached_property
    def vocabulary(self) -> list[str]:
        """The index term of every row of the table."""
        return self._terms or table_terms(self._tokenizer, len(self._array))

    @property
    def dimension(self) -> int:
        """Length of a dense vector."""
        return int(self._array.shape[1])

    @property
    def parameters(self) -> int:
        """Numbers in the table."""
        return int(self._array.size)

    def query_token_ids(
        self, queries: Sequence[str], max_length: int | None = None
    ) -> list[list[int]]:
        """Token ids of queries, cut to the contract's maximum length or to another one."""
        if isinstance(queries, str):  # it would be encoded letter by letter
            raise UsageError("Give a list of texts, not one string.")
        length = self.config.query_max_length if max_length is None else max_length
        if length < 1:
            raise UsageError(f"A maximum length of {length} leaves no room for text.")
        cut = slice(-length, None) if self._left else slice(length)
        texts = [cleaned(query, self.config) for query in queries]
        if len(texts) == 1:  # a batch starts threads, which takes milliseconds the first time
            return [self._tokenizer.encode(texts[0], add_special_tokens=False).ids[cut]]
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [one.ids[cut] for one in encoded]

    def encode_queries(
        self, queries: list[str], *, max_length: int | None = None
    ) -> csr_array | np.ndarray:
        """Encode queries.

        Args:
            queries: the texts.
            max_length: tokens of a query, at most; default the contract's.

        Returns:
            One row a query, in order: sparse float32 csr_array [queries, len(vocabulary)] of
            unquantised term weights, columns sorted; dense float32 array [queries, dimension].
            A query without terms has an empty row, or the zero vector.
        """
        return self.encode_query_tokens(self.query_token_ids(queries, max_length))

    def encode_query_tokens(self, token_ids: list[list[int]]) -> csr_array | np.ndarray:
        """Encode queries that :meth:`query_token_ids` has tokenised, one list a query."""
        kept = [
            ids
            if self._special.isdisjoint(ids)
            else [number for number in ids if number not in self._special]
            for ids in token_ids
        ]
        return self._table.rows(kept, self.config.query_top_k)


def require_lookup_contract(config: EncoderConfig, source: str) -> None:
    """Refuse a contract that asks for what a lookup table cannot do.

    Args:
        config: the contract.
        source: names it in errors.

    Raises:
        UsageError: names the key.
    """
    for key, value in _WITHOUT.items():
        if getattr(config, key) != value:
            raise ContractError(
                key,
                f"{source}: {key} is {getattr(config, key)!r}, but its queries are encoded by a "
                f"lookup table, which has none; it must be {value!r}.",
            )


def special_ids(tokenizer: Tokenizer) -> list[int]:
    """Ids of special tokens, which stand for no text."""
    added = tokenizer.get_added_tokens_decoder()
    return sorted(number for number, token in added.items() if token.special)


def table_terms(tokenizer: Tokenizer, size: int) -> list[str]:
    """The index term of each of the ``size`` rows of a table, as a head of that size has them."""
    count = tokenizer.get_vocab_size(with_added_tokens=True)
    tokens = [tokenizer.id_to_token(number) for number in range(min(count, size))]
    return index_terms([*tokens, *[None] * (size - len(tokens))])
