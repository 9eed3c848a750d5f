"""``python -m pyserini.encode.query`` for our encoders: queries encoded once, searched anywhere."""

import argparse
import dataclasses
import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm_encoders import load_encoder
from llm_encoders.checkpoints.two_sides import passage_identity, query_identity
from llm_encoders.devices import dtype_name, or_cpu
from llm_encoders.encoding.encoder import NotFiniteError
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs import arguments as parse
from llm_encoders.jobs.console import run_command
from llm_encoders.jobs.fingerprint import require_same
from llm_encoders.jobs.lock import locked
from llm_encoders.jobs.removal import remove_recorded
from llm_encoders.jobs.resumable_batches import StoredRows, run_batches
from pyserini_ext.encode.options import warn_of_ignored
from pyserini_ext.queries.layouts import dense_queries, require_layout, sparse_queries
from pyserini_ext.queries.record import read_query_record, record_path, write_queries

_MADE_BY = ("name", "contract", "weights", "teacher")
_DESCRIPTION = """\
Encode queries with an LLM-based sparse or dense encoder, so that a machine without the model can
search. The suffix of --output chooses the layout.

sparse: queries.tsv, .json or .jsonl, for
          python -m pyserini.search.lucene --impact --topics queries.tsv (without --encoder)
dense:  FOLDER/embedding.pkl, for
          python -m pyserini.search.faiss --encoded-queries FOLDER --topics … (without --encoder)
        .tsv or .jsonl, as Anserini's EncodeQuery writes them

The encoder's contract is recorded beside the output, and a search of an index of another contract
is refused. To resume a run that was stopped, give the same command again.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 only when the output is in place."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini.encode.query",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--topics", required=True, type=parse.place, help="file of topics, or Pyserini's name")
    add("--encoder", required=True, type=parse.place, help="name, folder or Hub id of the encoder")
    add("--output", required=True, type=parse.output, help="file to write")
    add("--device", type=parse.text, help="cpu, cuda:0, … (default: a GPU if there is one)")
    add("--max-length", type=parse.count, help="tokens of a query (default: the contract's)")
    add("--prefix", "--prefx", help="put before every query, in place of the contract's prefix")
    add("--max-queries", type=parse.count, help="encode the first so many only")
    add(
        "--batch-size",
        type=parse.count,
        default=64,
        help="queries encoded together (64); with the --batch-size of a search the vectors have "
        "the same last digits as in that search",
    )
    add("--overwrite", action="store_true", help="replace the output of another run")
    add(
        "--weight-range", type=parse.count, default=1, help="as --quant-range: impacts are integers"
    )
    add("--quant-range", type=parse.count, default=1, help="as --weight-range")
    add("--pooling", help="ignored with a warning: the contract says how vectors are pooled")
    add("--l2-norm", action="store_true", help="ignored with a warning, as --pooling")
    options = parser.parse_args(arguments)
    return run_command(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Encode the queries, or resume an earlier run.

    Raises:
        UsageError: options that contradict each other or the encoder; another run's output.
        EncoderError: faulty topics.
    """
    output: Path = options.output
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it, {output}/embedding.pkl.")
    if options.weight_range != options.quant_range:
        raise UsageError(
            f"--weight-range {options.weight_range} and --quant-range {options.quant_range} would "
            f"scale impacts that are integers already; leave them out with {options.encoder}."
        )
    ignored = {"--pooling": options.pooling, "--l2-norm": options.l2_norm}
    warn_of_ignored([name for name, given in ignored.items() if given], options.encoder)
    topics = _topics(options)
    encoder: Any = load_encoder(options.encoder, device=or_cpu(options.device))
    require_layout(output, encoder.config.paradigm)
    if options.prefix is not None:
        encoder.replace_prefix("query", options.prefix)
    contract, weights = passage_identity(encoder.files, encoder.config)
    made_by = {
        "name": options.encoder,
        "contract": dataclasses.asdict(contract),
        "weights": weights,
    }
    if encoder.files.teacher is not None:
        made_by["teacher"] = encoder.files.teacher.name
    job = _job(options, encoder, topics)
    work = output.with_name(f".{output.name}.work")
    made = not output.parent.exists()
    try:
        with locked(output.with_name(f".{output.name}.lock"), f"Another run writes {output}."):
            if not options.overwrite and _is_done(output, job | made_by):
                print("Everything is in place already.", file=sys.stderr)
                return
            texts = [text for _, text in topics]
            rows = _encode(options, encoder, texts, work, job | made_by)
            write_queries(output, _content(output, encoder, topics, rows), made_by, job)
            remove_recorded(work.parent, [work.name], record_path(output))
    finally:
        if made:
            with suppress(OSError):  # something was kept in it
                output.parent.rmdir()
    print(f"{len(topics)} queries encoded.", file=sys.stderr)


def _topics(options: argparse.Namespace) -> list[tuple[str | int, str]]:
    """Ids and texts, in the order of a search."""
    from pyserini.query_iterator import DefaultQueryIterator

    found = list(DefaultQueryIterator.from_topics(options.topics))[: options.max_queries]
    if not found:
        raise EncoderError(f"No queries in {options.topics}.")
    return found


def _job(
    options: argparse.Namespace, encoder: Any, topics: list[tuple[str | int, str]]
) -> dict[str, Any]:
    return {
        "topics": hashlib.sha256(json.dumps(topics).encode()).hexdigest(),
        "prefix": options.prefix,
        "max length": options.max_length,
        "dtype": dtype_name(encoder.dtype),
        "batch size": options.batch_size,
        "query encoder": query_identity(encoder.files),
    }


def _is_done(output: Path, job: dict[str, Any]) -> bool:
    if not output.exists():
        return False
    record = read_query_record(output)
    cure = "Add --overwrite to replace it, or name another output."
    if record is None:
        raise UsageError(f"{output} exists already. {cure}")
    made = record.get("job", {}) | {key: record.get(key) for key in _MADE_BY}
    require_same(made, job, f"{output} holds other encoded queries", cure)
    return True


def _encode(
    options: argparse.Namespace, encoder: Any, texts: list[str], work: Path, job: dict[str, Any]
) -> StoredRows:
    def compute(batch: slice) -> Any:
        try:
            return encoder.encode_queries(texts[batch], max_length=options.max_length)
        except NotFiniteError as error:
            raise EncoderError(f"The query {texts[batch][error.row][:80]!r}: {error}") from None

    with tqdm(total=len(texts), unit="query", desc=options.encoder) as bar:
        return run_batches(work, job, len(texts), options.batch_size, compute, bar.update)


def _content(
    output: Path, encoder: Any, topics: list[tuple[str | int, str]], rows: StoredRows
) -> bytes:
    ids = [name for name, _ in topics]
    vectors = rows.block(0, len(rows))
    if isinstance(vectors, np.ndarray):
        return dense_queries(output, ids, [text for _, text in topics], np.array(vectors))
    impacts = encoder.impacts(vectors)
    if empty := [name for name, one in zip(ids, impacts, strict=True) if not one]:
        print(
            f"warning: {len(empty)} queries have no terms and find nothing, such as '{empty[0]}'.",
            file=sys.stderr,
        )
    return sparse_queries(output, ids, impacts)
