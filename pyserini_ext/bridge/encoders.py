"""The four Pyserini encoder classes over :mod:`llm_encoders`.

Sparse classes return integer impacts by term, dense ones float32 vectors. A name, folder or Hub
id of :func:`llm_encoders.load_encoder` goes wherever Pyserini takes a model name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pyserini.encode import DocumentEncoder, QueryEncoder

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.checkpoints import resolve
from llm_encoders.checkpoints.backbone_checks import not_finite_cure
from llm_encoders.checkpoints.two_sides import require_passages
from llm_encoders.devices import dtype_name
from llm_encoders.encoding.encoder import NotFiniteError
from llm_encoders.spec import require_line_ends
from pyserini_ext.bridge.names import paradigm_of
from pyserini_ext.encode.options import warn_of_ignored


class _LlmEncoder:
    """Loading and quantisation, shared by the four classes."""

    paradigm = ""
    side = ""

    def _load(self, name: str, device: str | None, prefix: str | None, fp16: bool) -> None:
        require_line_ends("The prefix", prefix or "")
        known = paradigm_of(name)
        if known not in (None, self.paradigm):
            raise UsageError(wrong_paradigm(name, str(known)))
        self.encoder: Any = load_encoder(
            name, device=device, paradigm=self.paradigm, dtype="float16" if fp16 else None
        )
        if self.side == "passage":
            require_passages(self.encoder.files)
        if prefix is not None:
            self.encoder.replace_prefix(self.side, prefix)

    def _use_fp16(self, fp16: bool) -> None:
        if fp16 and str(self.encoder.dtype) != "torch.float16":
            self.encoder.half()


class _LlmDocumentEncoder(_LlmEncoder, DocumentEncoder):
    side = "passage"

    def __init__(
        self,
        model_name: str,
        tokenizer_name: str | None = None,
        device: str | None = None,
        prefix: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Load the encoder.

        Args:
            model_name: name, folder or Hub id, options included.
            tokenizer_name: ignored with a warning; the checkpoint brings its tokenizer.
            device: default chosen, see :func:`llm_encoders.load_encoder`.
            prefix: put before every text as it is, in place of all that the contract puts there.
            kwargs: of Pyserini's own encoders, as ``pooling`` and ``l2_norm``; as tokenizer_name.
        """
        _warn_of_ignored(model_name, tokenizer_name=tokenizer_name, **kwargs)
        self._load(model_name, device, prefix, fp16=False)

    def encode(
        self,
        texts: list[str],
        titles: list[str] | None = None,
        max_length: int | None = None,
        add_sep: bool = False,
        fp16: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Encode a batch; arguments as Pyserini passes them.

        Returns:
            Sparse: one ``{term: impact}`` a text. Dense: float32 [texts, dimension].
        """
        self._use_fp16(fp16)
        vectors = self.encoder.encode_documents(
            texts, titles, max_length=max_length, add_sep=add_sep
        )
        return self.encoder.impacts(vectors) if self.paradigm == "sparse" else vectors


class LlmSpladeDocumentEncoder(_LlmDocumentEncoder):
    """Passages to impacts."""

    paradigm = "sparse"


class LlmDenseDocumentEncoder(_LlmDocumentEncoder):
    """Passages to vectors."""

    paradigm = "dense"


class _LlmQueryEncoder(_LlmEncoder, QueryEncoder):
    side = "query"
    ignored_max_length: int | None = None
    """A max_length to take as not given: what a command passes when its user gave none."""

    def __init__(
        self,
        encoder_dir: str,
        tokenizer_name: str | None = None,
        encoded_query_dir: str | None = None,
        device: str | None = None,
        prefix: str | None = None,
        fp16: bool = False,
        max_length: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Load the encoder.

        Args:
            encoder_dir: name, folder or Hub id, options included.
            tokenizer_name: ignored with a warning; the checkpoint brings its tokenizer.
            encoded_query_dir: not supported, since Pyserini keeps such queries in a pickle.
            device: default chosen, see :func:`llm_encoders.load_encoder`.
            prefix: put before every query as it is, in place of all that the contract puts there.
            fp16: compute in float16.
            max_length: tokens of a query, at most; default the contract's.
            kwargs: of Pyserini's own encoders, as ``pooling`` and ``l2_norm``; as tokenizer_name.
        """
        if encoded_query_dir is not None:
            raise UsageError(
                "encoded_query_dir is not supported: its files are pickles. Name the encoder."
            )
        super().__init__()
        _warn_of_ignored(encoder_dir, tokenizer_name=tokenizer_name, **kwargs)
        self._load(encoder_dir, device, prefix, fp16)
        self.has_model = True
        self.max_length = max_length

    def _vectors(self, queries: list[str], max_length: int | None) -> Any:
        if max_length is None or max_length == self.ignored_max_length:
            max_length = self.max_length
        try:
            return self.encoder.encode_queries(queries, max_length=max_length)
        except NotFiniteError as error:
            dtype = self.encoder.dtype
            raise EncoderError(
                f"The query {queries[error.row][:80]!r} gave NaN or infinite activations in "
                f"{dtype_name(dtype)}. {not_finite_cure(dtype)}"
            ) from None


class LlmSpladeQueryEncoder(_LlmQueryEncoder):
    """Queries to impacts."""

    paradigm = "sparse"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prefetched: dict[str, dict[str, int]] = {}

    def encode(self, query: str, max_length: int | None = None, **kwargs: Any) -> dict[str, int]:
        """Encode one query. Returns {term: impact}."""
        if query in self._prefetched:
            return self._prefetched[query]
        return self.encode_batch([query], max_length)[0]

    def encode_batch(
        self, queries: list[str], max_length: int | None = None, **kwargs: Any
    ) -> list[dict[str, int]]:
        """Encode queries together. Returns one {term: impact} a query."""
        impacts: list[dict[str, int]] = self.encoder.impacts(self._vectors(queries, max_length))
        return impacts

    @contextmanager
    def prefetched(self, queries: list[str]) -> Iterator[None]:
        """Encode the queries at once and answer :meth:`encode` from that inside the block."""
        distinct = list(dict.fromkeys(queries))
        self._prefetched = dict(zip(distinct, self.encode_batch(distinct), strict=True))
        try:
            yield
        finally:
            self._prefetched = {}


class LlmDenseQueryEncoder(_LlmQueryEncoder):
    """Queries to vectors."""

    paradigm = "dense"

    def encode(self, query: str, max_length: int | None = None, **kwargs: Any) -> np.ndarray:
        """Encode one query. Returns float32 [dimension]."""
        vector: np.ndarray = self.encode_batch([query], max_length)[0]
        return vector

    def encode_batch(
        self, queries: list[str], max_length: int | None = None, **kwargs: Any
    ) -> np.ndarray:
        """Encode queries together, as ``FaissSearcher`` asks. Returns [queries, dimension]."""
        vectors: np.ndarray = self._vectors(queries, max_length)
        return vectors


def open_document_encoder(
    name: str, device: str | None = None, prefix: str | None = None
) -> _LlmDocumentEncoder:
    """The document encoder of the paradigm that the name tells."""
    sparse = _required_paradigm(name) == "sparse"
    document_encoder = LlmSpladeDocumentEncoder if sparse else LlmDenseDocumentEncoder
    return document_encoder(name, device=device, prefix=prefix)


def open_query_encoder(
    name: str, device: str | None = None, prefix: str | None = None
) -> _LlmQueryEncoder:
    """The query encoder of the paradigm that the name tells."""
    sparse = _required_paradigm(name) == "sparse"
    query_encoder = LlmSpladeQueryEncoder if sparse else LlmDenseQueryEncoder
    return query_encoder(name, device=device, prefix=prefix)


def _required_paradigm(name: str) -> str:
    """The paradigm, or the error that :func:`load_encoder` gives where it is unknown."""
    return paradigm_of(name) or resolve.resolve_spec(name)[0].contract.paradigm


def _warn_of_ignored(encoder: str, **given: Any) -> None:
    if options := [name for name, value in given.items() if value]:
        warn_of_ignored(options, encoder)


def wrong_paradigm(name: str, known: str) -> str:
    """What to do with an encoder whose paradigm is ``known`` and not the one that was expected."""
    if known == "dense":
        return (
            f"{name} is a dense encoder and has no impacts. Search its vectors with "
            f"'python -m pyserini.search.faiss --encoder {name} --index FAISS_FOLDER …', after "
            f"'python -m pyserini.encode --encoder {name} --corpus … --embeddings FAISS_FOLDER "
            "--to-faiss'."
        )
    return (
        f"{name} is a sparse encoder and cannot use a FAISS index. Search its impacts with "
        f"'python -m pyserini.search.lucene --impact --encoder {name} --index LUCENE_FOLDER …', "
        "over an index from 'python -m pyserini.index.lucene --collection JsonVectorCollection "
        "--impact --pretokenized'."
    )
