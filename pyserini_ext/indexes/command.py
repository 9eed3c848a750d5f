"""``python -m pyserini_ext.index``: JSONL with impact vectors into a Lucene impact index.

Does what ``python -m pyserini.index.lucene --collection JsonVectorCollection --impact
--pretokenized`` does, without repeating every term as often as its impact says.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.corpora import Position
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs import arguments as parsing
from llm_encoders.jobs.console import run_command
from llm_encoders.jobs.fingerprint import file_fingerprints
from llm_encoders.jobs.removal import require_apart
from pyserini_ext.folders.contract import write_contract
from pyserini_ext.folders.folder import finished_files_are_good, only_run, refuse_foreign_files
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.publish import complete, publish
from pyserini_ext.folders.state import (
    building_folder,
    journal_folder,
    remove_folder,
)
from pyserini_ext.indexes.inputs import input_files
from pyserini_ext.indexes.known_ids import KnownIds
from pyserini_ext.indexes.lucene import LuceneImpactWriter, lucene_file_names
from pyserini_ext.indexes.vector_lines import batches_from_another_process

_OUTPUT = "lucene from JSONL"


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 only when the whole index is in place."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.index",
        description="Index JSONL with impact vectors, {'id': …, 'vector': {term: impact}} a line, "
        "for 'python -m pyserini.search.lucene --impact'. To resume a run that was stopped, give "
        "the same command again.",
    )
    parser.add_argument(
        "--input",
        required=True,
        nargs="+",
        type=parsing.path,
        help="JSONL files (.gz, .zst) or folders of them, for instance those of all shards; "
        "folders of our encode command must hold whole corpora, all of one encoding",
    )
    parser.add_argument("--index", required=True, type=parsing.output, help="folder of the index")
    parser.add_argument(
        "--threads", type=parsing.integer(1, 1024), default=2, help="threads that add documents (2)"
    )
    parser.add_argument(
        "--commit-every",
        type=parsing.count,
        default=131072,
        help="documents between two commits; a kill costs at most this many (131072)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the index that an earlier run of this command has built in the folder",
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Build the index, or resume an earlier run of the same input.

    Raises:
        EncoderError: faulty input; names file and line. What was committed stays.
    """
    folder: Path = options.index
    require_apart(folder, options.input, "index folder")
    inputs, encoder = input_files(options.input)
    fingerprint = _fingerprint(inputs)
    with only_run(folder):
        recorded = Manifest.load(folder)
        refuse_foreign_files(folder, recorded)
        if recorded is not None and recorded.fingerprint.get("output") != _OUTPUT:
            raise UsageError(
                f"{folder} holds the output of an encode command; name another folder."
            )
        building = building_folder(folder)
        if options.overwrite:
            remove_folder(building)
            # The old index stays until the new one is whole.
            old = [] if recorded is None else sorted(recorded.names())
            manifest = Manifest(folder, fingerprint, replaced=old)
        else:
            if recorded is not None:
                recorded.require_same(fingerprint)
            manifest = recorded or Manifest(folder, fingerprint)
            if manifest.finished:
                complete(building, folder, manifest)
            if finished_files_are_good(manifest):
                print("The whole index is in place already.", file=sys.stderr)
                return
            manifest.forget_finished()
        manifest.encoder = encoder
        counts = _build(inputs, manifest, options)
        if _fingerprint(inputs) != fingerprint:
            raise EncoderError(
                f"The input {', '.join(map(str, options.input))} was changed while it was indexed. "
                f"{folder} is not finished; run the command again with --overwrite."
            )
        manifest.complete = True
        if manifest.encoder:
            write_contract(building, manifest.encoder)
        publish(building, folder, lucene_file_names(building), manifest)
        manifest.replaced = []
        manifest.save()
        remove_folder(journal_folder(folder))
    print(f"{counts['documents']} documents indexed.", file=sys.stderr)
    if counts["empty"]:
        print(
            f"warning: {counts['empty']} documents have no impacts and are not in the index, as "
            "with Anserini.",
            file=sys.stderr,
        )


def _fingerprint(inputs: list[Path]) -> dict[str, Any]:
    """What the index is of; files by number and name, for their order counts, not their folder."""
    files = enumerate(file_fingerprints(inputs).items(), start=1)
    return {
        "output": _OUTPUT,
        "input": {f"{number} ({Path(path).name})": found for number, (path, found) in files},
    }


def _build(inputs: list[Path], manifest: Manifest, options: argparse.Namespace) -> dict[str, int]:
    """Build the index beside its folder; returns how many documents are in it, and left out."""
    building = building_folder(manifest.folder)
    ids = KnownIds(journal_folder(manifest.folder) / "ids")
    with LuceneImpactWriter(building, options.threads) as writer, ids:
        counts = {name: int(value) for name, value in writer.progress.items()}
        counts = {name: counts.get(name, 0) for name in ("documents", "empty", *Position._fields)}
        ids.resume(counts["documents"] + counts["empty"])
        start = Position(counts["file"], counts["line"] or 1, counts["offset"])
        if counts["documents"]:
            print(f"Resuming after {counts['documents']} documents.", file=sys.stderr)

        def commit() -> None:
            ids.flush()
            manifest.save()  # first, so that what is committed is of a known run
            writer.commit({name: str(value) for name, value in counts.items()})

        since_commit = 0
        with tqdm(unit="doc", initial=counts["documents"], desc="indexing") as bar:
            for batch in batches_from_another_process(inputs, start):
                writer.add_words(batch.documents)
                ids.add(batch.ids)
                counts["documents"] += len(batch.documents)
                counts["empty"] += batch.empty
                counts |= batch.following._asdict()
                bar.update(len(batch.documents))
                since_commit += len(batch.documents)
                if since_commit >= options.commit_every:
                    commit()
                    since_commit = 0
        if not counts["documents"]:
            names = ", ".join(map(str, options.input))
            raise EncoderError(f"No documents with impacts in {names}.")
        ids.require_distinct(inputs)
        commit()
    return counts
