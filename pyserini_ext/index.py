"""``python -m pyserini_ext.index``: JSONL with impact vectors into a Lucene impact index.

Does what ``python -m pyserini.index.lucene --collection JsonVectorCollection --impact
--pretokenized`` does, without repeating every term as often as its impact says.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.errors import EncoderError
from llm_encoders.terms import is_safe_term
from pyserini_ext.corpora import CorpusError, Position, files
from pyserini_ext.corpora.lines import parse_json
from pyserini_ext.encode.command import run_command
from pyserini_ext.encode.job import clear, only_run
from pyserini_ext.encode.manifest import Manifest
from pyserini_ext.encode.outputs import (
    BUILDING_FOLDER,
    finished_files_are_good,
    lucene_file_names,
    refuse_foreign_files,
)
from pyserini_ext.encode.publish import complete, publish
from pyserini_ext.lucene import DELIMITER, LuceneImpactWriter

_SUFFIXES = (".json", ".jsonl")
_BATCH = 2048
_LARGEST_IMPACT = 2**31 - 1
_ID_FIELDS = ("id", "_id", "docid")


@dataclass(frozen=True)
class VectorLine:
    """One document of the input."""

    id: str
    words: str
    """``term<delimiter>impact`` words; empty for a vector without impacts."""
    following: Position
    """Where the next line begins."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 only when the whole index is in place."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.index",
        description="Index JSONL with impact vectors, {'id': …, 'vector': {term: impact}} a line, "
        "for 'python -m pyserini.search.lucene --impact'. A run that was stopped goes on when "
        "the same command is given again.",
    )
    parser.add_argument("--input", required=True, help="JSONL file (.gz, .zst) or folder of them")
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
    inputs = _inputs(Path(options.input))
    folder = Path(options.index)
    if not options.overwrite:
        refuse_foreign_files(folder)
    stats = [(path.name, path.stat()) for path in inputs]
    fingerprint = {
        "output": "lucene from JSONL",
        "input": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats],
    }
    earlier = None if options.overwrite else Manifest.load(folder)
    if earlier is not None:
        earlier.require_same(fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    with only_run(folder):
        if options.overwrite:
            clear(folder)
        manifest = earlier or Manifest(folder, fingerprint, {})
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
        batch: list[tuple[str, str]] = []
        since_commit = 0
        for line in tqdm(_lines(inputs, start), unit="doc", initial=counts["documents"]):
            if line.words:
                batch.append((line.id, line.words))
                counts["documents"] += 1
            else:
                counts["empty"] += 1
            counts |= line.following._asdict()
            since_commit += 1
            if len(batch) == _BATCH:
                writer.add_words(batch)
                batch.clear()
            if since_commit >= options.commit_every:
                writer.add_words(batch)
                batch.clear()
                writer.commit({name: str(value) for name, value in counts.items()})
                since_commit = 0
        writer.add_words(batch)
        if not counts["documents"]:
            raise EncoderError(f"No documents with impacts in {options.input}.")
        writer.commit({name: str(value) for name, value in counts.items()})
    return counts


def _inputs(path: Path) -> list[Path]:
    found = files.list_files(path)
    vectors = [file for file in found if files.plain_suffix(file) in _SUFFIXES]
    if not vectors:
        raise EncoderError(f"{path} holds no JSONL files.")
    return vectors


def _lines(inputs: list[Path], start: Position) -> Iterator[VectorLine]:
    known: set[str] = set()
    for number in range(start.file, len(inputs)):
        path = inputs[number]
        entry = start if number == start.file else Position(number)
        for line, offset, content in files.lines(path, entry.line, entry.offset):
            place = f"{path}, line {line}"
            record = parse_json(content, place)
            docid = next((record[name] for name in _ID_FIELDS if name in record), None)
            if not isinstance(docid, str | int) or isinstance(docid, bool) or docid == "":
                raise CorpusError(place, "no id; expected a string or an integer in 'id'.")
            following = Position(number, line + 1, offset + len(content))
            yield VectorLine(str(docid), _words(record, place, known), following)


def _words(record: dict[str, Any], place: str, known: set[str]) -> str:
    """The vector as words; ``known`` collects terms that were found to be safe."""
    vector = record.get("vector")
    if not isinstance(vector, dict):
        raise CorpusError(place, "no 'vector' of the form {term: impact}.")
    words = []
    for term, value in vector.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise CorpusError(place, f"the impact of '{term}' is {value!r}, not a number.")
        if term not in known:
            if not is_safe_term(term) or DELIMITER in term:
                raise CorpusError(
                    place,
                    f"Lucene cannot index the term {term!r} as it is: it is empty, too long, or "
                    "holds whitespace or control characters.",
                )
            known.add(term)
        if not value < _LARGEST_IMPACT:
            raise CorpusError(place, f"the impact of '{term}' is {value}, which is too large.")
        if value >= 1:  # Anserini cuts off fractions, too
            words.append(f"{term}{DELIMITER}{int(value)}")
    return " ".join(words)


if __name__ == "__main__":
    raise SystemExit(main())
