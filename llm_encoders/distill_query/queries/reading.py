"""Queries of files and of folders in BEIR layout."""

import sys
from collections.abc import Iterator
from pathlib import Path

from llm_encoders.corpora import CorpusError, files
from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.corpora.rows import file_rows
from llm_encoders.distill_query.queries.labels import column_of, is_header, no_text, query_of
from llm_encoders.train.recipe.errors import RecipeError

Texts = Iterator[tuple[str, str]]
"""Place (file and line) and text."""
_SUFFIXES = (".jsonl", ".json", ".ndjson", ".tsv", ".txt")
_TEST = "test"


def query_files(source: str, split: str | None) -> list[Path]:
    """The files that :func:`read_queries` reads.

    Raises:
        EncoderError: nothing is there, or nothing that holds queries.
    """
    path = Path(source)
    if is_beir(path):
        folder = BeirFolder(path)
        chosen = [split] if split is not None else [_TEST] if _TEST in folder.splits() else []
        return [folder.queries_file, *(folder.qrels_file(one) for one in chosen)]
    if path.is_dir():
        raise RecipeError(
            "queries.source",
            f"queries.source: {source} is a folder, but not in BEIR layout (queries.jsonl beside "
            "corpus.jsonl or qrels/); name a file of queries. Documents become queries by 'kind: "
            "titles' or 'kind: crops'.",
        )
    if not path.is_file():
        raise RecipeError(
            "queries.source", f"queries.source: there is no file or folder '{source}'."
        )
    if split is not None:
        raise RecipeError(
            "queries.split",
            f"queries.split: {source} is no folder in BEIR layout, so it has no splits; leave it "
            "out.",
        )
    if files.plain_suffix(path) not in _SUFFIXES:
        raise RecipeError(
            "queries.source",
            f"queries.source: {path} is no file of queries ({', '.join(_SUFFIXES)}, also as .gz, "
            ".zst or .xz); give it the suffix of what it holds.",
        )
    return [path]


def read_queries(source: str, split: str | None = None) -> Texts:
    """The queries of a file or folder.

    Args:
        source: see :class:`llm_encoders.distill_query.recipe.sections.Queries`.
        split: of a BEIR folder, whose queries are taken; ``None`` for all but those of its split
            test.

    Raises:
        EncoderError: a record that is no query, or has labels; names file and line.
    """
    query_files(source, split)
    if is_beir(source):
        return _of_folder(BeirFolder(Path(source)), split)
    _tell_of_test_queries(Path(source))
    return _named(_of_file(Path(source)), source)


def _tell_of_test_queries(path: Path) -> None:
    """Say that a file has the queries of a test split among its own."""
    folder = BeirFolder(path.parent)
    if is_beir(path.parent) and path == folder.queries_file and _TEST in folder.splits():
        print(
            f"warning: {path} is read whole, the queries of the split {_TEST} included, which are "
            f"then no fair test. Name the folder {path.parent} to leave them out.",
            file=sys.stderr,
        )


def _of_folder(folder: BeirFolder, split: str | None) -> Texts:
    """The queries themselves; judgements say only which of them a split has."""
    left_out = 0
    known = split or (_TEST if _TEST in folder.splits() else None)
    judged = set() if known is None else {one.query for one in folder.judgements(known)}
    for query in folder.queries():
        if known is None or (query.id in judged) == (split is not None):
            yield query.place, query.text
        else:
            left_out += 1
    if split is None and left_out:
        print(
            f"{folder.queries_file}: {left_out:,} queries of the split {_TEST} are left out; "
            f"queries.split={_TEST} takes them alone.",
            file=sys.stderr,
        )


def _of_file(path: Path) -> Texts:
    suffix = files.plain_suffix(path)
    if suffix == ".txt":
        yield from _of_lines(path)
        return
    for number, (place, record) in enumerate(file_rows(path)):
        if isinstance(record, dict):
            yield place, query_of(record, place)
        elif number > 0 or not is_header(record):
            yield place, column_of(record, place)


def _of_lines(path: Path) -> Texts:
    for line, _, content in files.lines(path):
        place = f"{path}, line {line}"
        try:
            text = content.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise CorpusError(place, "not valid UTF-8.") from None
        if "\t" in text:
            raise CorpusError(
                place, "a tab; if lines are id and text, call the file .tsv, else take the tab out."
            )
        yield place, text


def _named(found: Texts, source: str) -> Texts:
    """The same, unless all of them are of one kind that is no text, such as ids.

    Raises:
        CorpusError: they are; nothing is yielded.
    """
    held: list[tuple[str, str]] = []
    kinds: set[str] = set()
    for place, text in found:
        kind = no_text(text)
        held.append((place, text))
        kinds |= {kind} if kind else set()
        if kind is None or len(kinds) > 1:
            yield from held
            yield from found
            return
    if held:
        raise CorpusError(
            held[0][0],
            f"all queries of {source} are {min(kinds)}, such as '{held[0][1].strip()[:40]}'. Name "
            "the file that holds the texts.",
        )
