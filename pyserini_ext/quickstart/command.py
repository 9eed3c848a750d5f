"""The quickstart's command line, and the order of its work: read, check, run, report."""

import argparse
import shutil
import time
from pathlib import Path

from llm_encoders.errors import EncoderError
from llm_encoders.jobs import arguments as parse
from llm_encoders.jobs.console import run_command
from pyserini_ext.quickstart.collection import beir_folder
from pyserini_ext.quickstart.pipeline import Pipeline
from pyserini_ext.quickstart.report import report_examples, table
from pyserini_ext.quickstart.standard_library import standard_library

_MARKER = "made-by-quickstart"
MADE = (
    "corpus",
    "topics.json",
    "qrels.txt",
    "logs",
    "vectors.sparse",
    ".vectors.sparse.state",
    "index.bm25",
    "index.sparse",
    "index.dense",
    ".index.dense.state",
    "run.bm25.txt",
    "run.sparse.txt",
    "run.dense.txt",
    "run.fusion.txt",
    "fusion.bm25.txt",
    "fusion.sparse.txt",
    "fusion.dense.txt",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.quickstart",
        description="Build or take a collection, run BM25, a sparse and a dense LLM encoder and "
        "their fusion with Pyserini's own commands, and print one table. Needs no network with "
        "the tiny encoders.",
    )
    parser.add_argument(
        "--collection",
        type=parse.path,
        metavar="DIR",
        help="collection in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv (default: "
        "the documentation strings of Python's standard library)",
    )
    parser.add_argument(
        "--split",
        type=parse.text,
        default="test",
        help="judgements to use: qrels/SPLIT.tsv (default: test)",
    )
    parser.add_argument(
        "--output",
        type=parse.output,
        default=Path("quickstart"),
        help="folder to work in; what an earlier quickstart made there is replaced (default: "
        "quickstart)",
    )
    for paradigm, name in (("sparse", "llm-splade-tiny"), ("dense", "llm-dense-tiny")):
        parser.add_argument(
            f"--{paradigm}",
            type=parse.place,
            default=name,
            metavar="ENCODER",
            help=f"{paradigm} encoder: a name, folder or Hub id (default: {name})",
        )
    options = parser.parse_args(arguments)
    return run_command(lambda: run(options), resumable=False)


def run(options: argparse.Namespace) -> None:
    """Read the collection, run every system, print the report.

    Raises:
        EncoderError: the collection is faulty, the output folder holds what the quickstart did
            not make (both before anything is written), or a command failed.
    """
    start = time.perf_counter()
    if options.collection is None:
        collection = standard_library()
    else:
        collection = beir_folder(options.collection, options.split)
    _fresh_folder(options.output)
    collection.write(options.output)
    print(
        f"{len(collection.documents):,} documents, {len(collection.queries):,} queries in "
        f"{options.output}. What each command prints is in {options.output / 'logs'}."
    )
    if collection.queries_are_documents:
        print("Some queries have the id of a document, which does not count as found by them.")
    print()
    pipeline = Pipeline(options.output, remove_query=collection.queries_are_documents)
    systems = [
        pipeline.bm25(),
        pipeline.sparse(options.sparse),
        pipeline.dense(options.dense),
    ]
    systems.append(pipeline.fusion(systems))
    for system in systems:
        pipeline.evaluate(system)
    print(f"\n{report_examples(systems, collection)}")
    print(table(systems))
    print(f"\n{time.perf_counter() - start:.0f} seconds in all.")


def _fresh_folder(folder: Path) -> None:
    """Make the working folder; of one that is there, remove only what an earlier run made."""
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    foreign = present - {_MARKER, *MADE}
    if foreign or (present and _MARKER not in present):
        named = min(foreign or present)
        raise EncoderError(
            f"The folder '{folder}' holds other files, '{named}' among them; name another with "
            "--output."
        )
    for name in present & set(MADE):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()
