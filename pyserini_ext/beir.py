"""``python -m pyserini_ext.beir``: a folder in BEIR layout as the files that Pyserini reads."""

import argparse
from pathlib import Path

from llm_encoders.corpora.beir import BeirFolder
from llm_encoders.errors import UsageError
from llm_encoders.jobs import arguments as parse
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.console import end_command, run_command
from llm_encoders.jobs.removal import require_apart
from pyserini_ext import commands


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.beir",
        description="Write topics.json, qrels.txt and corpus/corpus.jsonl, as Pyserini and "
        "trec_eval read them, of a collection in BEIR layout. Faulty documents, such as empty "
        "ones, are named and left out. Files that are there already are left alone if they are the "
        "same, and refused otherwise.",
    )
    parser.add_argument(
        "--collection",
        type=parse.path,
        required=True,
        metavar="DIR",
        help="folder with corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv",
    )
    parser.add_argument(
        "--output", type=parse.output, required=True, metavar="DIR", help="folder to write to"
    )
    parser.add_argument(
        "--split", type=parse.text, default="test", help="of the judgements (default: test)"
    )
    parser.add_argument(
        "--topics-only",
        action="store_true",
        help="no corpus: pyserini.encode reads the folder itself (without this option, the "
        "documents are held in memory)",
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: write(options), resumable=False)


def write(options: argparse.Namespace) -> None:
    """Read the collection, then write what is not there yet.

    Raises:
        EncoderError: the collection is faulty; names file and line. Nothing is written then.
        UsageError: a file of the output is there and differs.
    """
    require_apart(options.output, [options.collection])
    if options.topics_only:
        beir = BeirFolder(options.collection)
        qrels = beir.qrels(options.split)
        queries = {name: query.text for name, query in beir.judged_queries(qrels).items()}
        contents = {}
    else:
        from pyserini_ext.quickstart.collection import beir_folder

        collection = beir_folder(options.collection, options.split)
        qrels, queries = collection.qrels, collection.queries
        contents = {"corpus/corpus.jsonl": "".join(collection.lines())}
    contents["topics.json"] = commands.topics_text(queries)
    contents["qrels.txt"] = commands.qrels_text(qrels)
    for name, content in contents.items():
        _require_same(options.output / name, content)
    for name, content in contents.items():
        path = options.output / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    print(f"{len(queries):,} queries with judgements in {options.output}.")


def _require_same(path: Path, content: str) -> None:
    if path.exists() and path.read_bytes() != content.encode():
        raise UsageError(
            f"{path} exists already and holds something else; remove it, or name another output."
        )


if __name__ == "__main__":
    end_command(main)
