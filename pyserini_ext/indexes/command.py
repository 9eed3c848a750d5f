"""``python -m pyserini_ext.index``: JSONL with impact vectors into a Lucene impact index.

Does what ``python -m pyserini.index.lucene --collection JsonVectorCollection --impact
--pretokenized`` does, without repeating every term as often as its impact says.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from llm_encoders.corpora import Position, files
from llm_encoders.errors import EncoderError
from llm_encoders.jobs.console import run_command
from pyserini_ext.folders.folder import (
    BUILDING_FOLDER,
    clear_for_overwriting,
    finished_files_are_good,
    only_run,
    refuse_foreign_files,
)
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.publish import complete, publish
from pyserini_ext.indexes.lucene import LuceneImpactWriter, lucene_file_names
from pyserini_ext.indexes.vector_lines import batches_from_another_process

_SUFFIXES = (".json", ".jsonl")


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 only when the whole index is in place."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.index",
        description="Index JSONL with impact vectors, {'id': …, 'vector': {term: impact}} a line, "
        "for 'python -m pyserini.search.lucene --impact'. A run that was stopped goes on when "
        "the same command is given again.",
    )
    parser.add_argument(
        "--input",
        required=True,
        nargs="+",
        help="JSONL files (.gz, .zst) or folders of them, for instance those of all shards",
    )
    parser.add_argument("--index", required=True, help="folder of the index")
    parser.add_argument("--threads", type=int, default=2, help="threads that add documents (2)")
    parser.add_argument(
        "--commit-every",
        type=int,
        default=131072,
        help="documents between two commits; a kill costs at most so many (131072)",
    )
    parser.add_argument("--overwrite", action="store_true", help="start again")
    options = parser.parse_args(arguments)
    for name in ("threads", "commit_every"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return run_command(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Build the index, or go on where an earlier run of the same input stopped.

    Raises:
        EncoderError: faulty input; names file and line. What was committed stays.
    """
    inputs = [file for path in options.input for file in _inputs(Path(path))]
    folder = Path(options.index)
    stats = [(path.name, path.stat()) for path in inputs]
    fingerprint = {
        "output": "lucene from JSONL",
        "input": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats],
    }
    with only_run(folder):
        earlier = None if options.overwrite else Manifest.load(folder)
        if options.overwrite:
            clear_for_overwriting(folder)
        else:
            refuse_foreign_files(folder, earlier)
        if earlier is not None:
            earlier.require_same(fingerprint)
        manifest = earlier or Manifest(folder, fingerprint)
        building = folder / BUILDING_FOLDER
        if manifest.finished:
            complete(building, folder, manifest)
        if finished_files_are_good(manifest):
            print("The whole index is in place already.", file=sys.stderr)
            return
        manifest.forget_finished()
        manifest.save()
        counts = _build(inputs, building, options)
        publish(building, folder, lucene_file_names(building), manifest)
    print(f"{counts['documents']} documents indexed.", file=sys.stderr)
    if counts["empty"]:
        print(
            f"warning: {counts['empty']} documents have no impacts and are not in the index, as "
            "with Anserini.",
            file=sys.stderr,
        )


def _build(inputs: list[Path], building: Path, options: argparse.Namespace) -> dict[str, int]:
    with LuceneImpactWriter(building, options.threads) as writer:
        counts = {name: int(value) for name, value in writer.progress.items()}
        counts = {name: counts.get(name, 0) for name in ("documents", "empty", *Position._fields)}
        start = Position(counts["file"], counts["line"] or 1, counts["offset"])
        if counts["documents"]:
            print(f"Going on after {counts['documents']} documents.", file=sys.stderr)
        since_commit = 0
        with tqdm(unit="doc", initial=counts["documents"]) as bar:
            for batch in batches_from_another_process(inputs, start):
                writer.add_words(batch.documents)
                counts["documents"] += len(batch.documents)
                counts["empty"] += batch.empty
                counts |= batch.following._asdict()
                bar.update(len(batch.documents))
                since_commit += len(batch.documents)
                if since_commit >= options.commit_every:
                    writer.commit({name: str(value) for name, value in counts.items()})
                    since_commit = 0
        if not counts["documents"]:
            raise EncoderError(f"No documents with impacts in {', '.join(options.input)}.")
        writer.commit({name: str(value) for name, value in counts.items()})
    return counts


def _inputs(path: Path) -> list[Path]:
    found = files.list_files(path)
    vectors = [file for file in found if files.plain_suffix(file) in _SUFFIXES]
    if not vectors:
        raise EncoderError(f"{path} holds no JSONL files.")
    return vectors
