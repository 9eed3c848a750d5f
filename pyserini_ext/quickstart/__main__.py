"""``python -m pyserini_ext.quickstart``: compare BM25, sparse, dense and their fusion."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from llm_encoders.errors import EncoderError
from pyserini_ext.quickstart.collection import beir_folder
from pyserini_ext.quickstart.pipeline import Pipeline
from pyserini_ext.quickstart.report import examples, table
from pyserini_ext.quickstart.standard_library import standard_library

_MARKER = "made-by-quickstart"


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
        type=Path,
        metavar="DIR",
        help="collection in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv (default: "
        "the documentation strings of Python's standard library)",
    )
    parser.add_argument("--split", default="test", help="qrels/SPLIT.tsv to use (test)")
    parser.add_argument(
        "--output", type=Path, default=Path("quickstart"), help="folder to work in (quickstart)"
    )
    parser.add_argument("--sparse", default="llm-splade-tiny", help="sparse encoder")
    parser.add_argument("--dense", default="llm-dense-tiny", help="dense encoder")
    options = parser.parse_args(arguments)
    try:
        run(options)
    except EncoderError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def run(options: argparse.Namespace) -> None:
    """Prepare the collection, run every system, print the report."""
    start = time.perf_counter()
    if options.collection is None:
        collection = standard_library()
    else:
        collection = beir_folder(options.collection, options.split)
    _fresh_folder(options.output)
    collection.write(options.output)
    print(
        f"{len(collection.documents)} documents, {len(collection.queries)} queries in "
        f"{options.output}; each command's output is in {options.output / 'logs'}.\n"
    )
    pipeline = Pipeline(options.output)
    systems = [
        pipeline.bm25(),
        pipeline.sparse(options.sparse),
        pipeline.dense(options.dense),
    ]
    systems.append(pipeline.fusion(systems))
    for system in systems:
        pipeline.evaluate(system)
    print(f"\n{examples(systems, collection)}")
    print(table(systems))
    print(f"\n{time.perf_counter() - start:.0f} seconds in all.")


def _fresh_folder(folder: Path) -> None:
    """Empty the working folder, but only one that an earlier run has made."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise EncoderError(
                f"The folder '{folder}' holds other files; name another with --output."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()


if __name__ == "__main__":
    raise SystemExit(main())
