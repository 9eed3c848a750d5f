"""``python -m pyserini.encode`` for our encoders, also as ``python -m pyserini_ext.encode``."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from tqdm import tqdm

from llm_encoders import checkpoint
from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.encode.corpus import CorpusError, Document, JsonlCorpus
from pyserini_ext.encode.options import EncodeOptions, parse
from pyserini_ext.encode.writers import FaissWriter, JsonlWriter, Writer

WINDOW_BATCHES = 32  # texts are sorted by length within so many batches, to save padding
_SHOWN_IDS = 5

Vectors = Any


def main(arguments: list[str] | None = None, prog: str = "python -m pyserini_ext.encode") -> int:
    """Run the command. Returns the exit code: 0 only when the whole output is in place."""
    try:
        run(parse(sys.argv[1:] if arguments is None else arguments, prog))
    except EncoderError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}. Nothing unfinished was left as output.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; nothing unfinished was left as output.", file=sys.stderr)
        return 130
    return 0


def run(options: EncodeOptions) -> None:
    """Encode a corpus. The whole corpus is checked before the model is loaded."""
    _check_encoder(options)
    corpus = JsonlCorpus(
        options.corpus,
        options.fields,
        options.encoded_fields,
        options.docid_field,
        options.delimiter,
    )
    total = _check_corpus(corpus, options.on_error)
    start, stop = _shard(total, options.shard_id, options.shard_num)
    encoder = _load_encoder(options)
    encode = _encode_function(encoder, options)
    documents = islice(corpus.documents(_ignore), start, stop)
    empty: list[str] = []
    with (
        _writer(encoder, options) as writer,
        tqdm(total=stop - start, unit="doc", desc=encoder.name) as progress,
    ):
        for window in _windows(documents, options.batch_size * WINDOW_BATCHES):
            vectors = encode(window)
            empty += [d.id for d, v in zip(window, vectors, strict=True) if not _any(v)]
            writer.write(window, vectors)
            progress.update(len(window))
    _report_empty(empty)


def _check_encoder(options: EncodeOptions) -> None:
    """Find the encoder's files before the corpus is read, which may take minutes."""
    files, _ = checkpoint.resolve_spec(options.encoder, options.paradigm, options.backbone)
    if options.to_faiss and files.contract.paradigm == "sparse":
        raise UsageError(
            f"{options.encoder} is a sparse encoder and has no place in a FAISS index. Leave out "
            "--to-faiss, then index with 'python -m pyserini.index.lucene --collection "
            f"JsonVectorCollection --input {options.embeddings} --index INDEX --generator "
            "DefaultLuceneDocumentGenerator --impact --pretokenized'."
        )


def _check_corpus(corpus: JsonlCorpus, on_error: str) -> int:
    """Read the whole corpus once; returns the number of good documents."""
    faults: list[CorpusError] = []
    counter = tqdm(corpus.documents(faults.append), unit="doc", desc="checking corpus")
    total = sum(1 for _ in counter)
    for fault in faults[: None if on_error == "skip" else 10]:
        print(f"{'skipped' if on_error == 'skip' else 'fault'}: {fault}", file=sys.stderr)
    if faults and on_error == "stop":
        raise EncoderError(
            f"{len(faults)} faulty lines, the first: {faults[0]} Nothing was written. Correct "
            "them, or leave them out with --on-error skip."
        )
    if total == 0:
        raise EncoderError(f"No documents in {', '.join(map(str, corpus.files))}.")
    return total


def _ignore(fault: CorpusError) -> None:
    """The first reading has reported it."""


def _shard(total: int, shard_id: int, shard_num: int) -> tuple[int, int]:
    """First and last-plus-one document of a shard, as Pyserini cuts them."""
    size = total // shard_num
    return shard_id * size, total if shard_id == shard_num - 1 else (shard_id + 1) * size


def _load_encoder(options: EncodeOptions) -> Any:
    from llm_encoders import DenseEncoder, load_encoder
    from llm_encoders.devices import or_cpu

    encoder = load_encoder(
        options.encoder,
        device=or_cpu(options.device),
        dtype="float16" if options.fp16 else options.dtype,
        backbone=options.backbone,
        paradigm=options.paradigm,
        quantization=options.quantization,
    )
    encoder.batch_size = options.batch_size
    if options.pooling or options.l2_norm:
        print(
            f"warning: --pooling and --l2-norm are ignored; the encode contract of {encoder.name} "
            "says how it pools and normalises.",
            file=sys.stderr,
        )
    if options.prefix is not None:
        encoder.replace_prefixes(options.prefix)
    dimension = encoder.dimension if isinstance(encoder, DenseEncoder) else options.dimension
    if options.dimension not in (None, dimension):
        raise UsageError(
            f"--dimension is {options.dimension}, but {encoder.name} has {dimension}; it can be "
            "left out."
        )
    return encoder


def _encode_function(encoder: Any, options: EncodeOptions) -> Callable[[list[Document]], Vectors]:
    """Documents to what the writer takes: dictionaries of impacts, or an array."""
    import torch

    from llm_encoders import SparseEncoder
    from llm_encoders.encoder import NotFiniteError

    def encode(window: list[Document]) -> Vectors:
        try:
            vectors = encoder.encode_documents(
                [document.text for document in window],
                [document.title for document in window],
                max_length=options.max_length,
                add_sep=options.add_sep,
            )
        except torch.OutOfMemoryError:
            raise EncoderError(
                f"{encoder.device} has too little memory for a batch: lower --batch-size, or give "
                "--quantization 8bit or 4bit. Nothing unfinished was left as output."
            ) from None
        except NotFiniteError as error:
            document = window[error.row]
            raise EncoderError(f"{document.place}: document '{document.id}': {error}") from None
        return encoder.impacts(vectors) if isinstance(encoder, SparseEncoder) else vectors

    return encode


def _writer(encoder: Any, options: EncodeOptions) -> Writer:
    if options.to_faiss:
        return FaissWriter(options.embeddings, encoder.dimension)
    return JsonlWriter(options.embeddings)


def _windows(documents: Iterator[Document], size: int) -> Iterator[list[Document]]:
    while window := list(islice(documents, size)):
        yield window


def _any(vector: Any) -> bool:
    return bool(vector) if isinstance(vector, dict) else bool(vector.any())


def _report_empty(docids: list[str]) -> None:
    if docids:
        shown = ", ".join(docids[:_SHOWN_IDS]) + (", …" if len(docids) > _SHOWN_IDS else "")
        print(
            f"warning: {len(docids)} documents have an all-zero vector ({shown}); Lucene leaves "
            "such documents out of an index.",
            file=sys.stderr,
        )
