"""TSV training files: the query's text in the first column, then the positive, then any negatives.

Passages are ids if a corpus is given, else texts. Nothing in such a file names its columns, so
whatever may be queries or judgements alone is refused.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from llm_encoders.corpora import files
from llm_encoders.corpora.beir import holds_no_documents
from llm_encoders.corpora.rows import Row
from llm_encoders.data.example import Example, Inline, TrainingDataError
from llm_encoders.errors import EncoderError

_ORDER = (
    "expected the query first, then the positive, then any negatives: query, positive, negative_1, "
    "negative_2"
)
_KINDS = {
    **dict.fromkeys(("qid", "query", "question"), "query"),
    **dict.fromkeys(("pos", "positive", "pid", "passage", "doc", "document"), "positive"),
    **dict.fromkeys(("neg", "negative"), "negative"),
}
_HEAD = re.compile(
    rf"({'|'.join(sorted(_KINDS, key=len, reverse=True))})"
    "([ _-]?(id|pid|text|passage|document))?([ _-]?[0-9]+)?"
)
_INTEGER = re.compile(r"\s*[0-9]+\s*")
_GRADE = re.compile(r"-?[0-9]{1,2}")
_ENOUGH = 1000
"""Rows that all look like ids before the file is refused without reading the rest."""


def require_examples(paths: Iterable[Path]) -> None:
    """Refuse TSV files that hold, by their names, queries or judgements alone.

    Raises:
        EncoderError: there is one.
    """
    for path in paths:
        alone = holds_no_documents(path.name) or path.parent.name.lower() == "qrels"
        if alone and files.plain_suffix(path) == ".tsv":
            raise EncoderError(
                f"{path} holds, by its name, queries or judgements alone; training needs queries "
                "with their passages. Name a folder in BEIR layout as a whole; rename the file if "
                "its columns are query, positive and negatives."
            )


def is_header(columns: list[str], place: str, first: bool) -> bool:
    """Whether a line names its columns instead of holding a query and its passages.

    Args:
        columns: of the line.
        place: its file and line.
        first: whether it is the first line of the file.

    Raises:
        TrainingDataError: the first line names columns that are unknown or in another order.
    """
    kinds = [_kind(column) for column in columns]
    if kinds == ["query", "positive", *["negative"] * (len(kinds) - 2)]:
        return True
    if first and (None not in kinds or kinds[0] == "query"):
        raise TrainingDataError(
            place, f"a header with the columns {', '.join(columns)[:200]}; {_ORDER}."
        )
    return False


def _kind(column: str) -> str | None:
    found = _HEAD.fullmatch(column.strip().lower())
    return _KINDS[found[1]] if found else None


def columns_example(columns: list[str], place: str, has_corpus: bool) -> Example:
    """The example of a line.

    Raises:
        TrainingDataError: there is a single column.
    """
    if len(columns) < 2:
        raise TrainingDataError(
            place, "expected tab-separated columns: query, positive and any negatives."
        )
    passages: list[str | Inline] = list(columns[1:])
    if not has_corpus:
        passages = [Inline(None, None, text) for text in columns[1:]]
    return Example(columns[0], passages[:1], passages[1:])


def require_texts(
    found: Iterable[tuple[str, Row, Example]],
) -> Iterator[tuple[str, Example]]:
    """Yield place and example of every record of a file in which some query is a text.

    Args:
        found: place, record and example.

    Raises:
        TrainingDataError: every line is one of TREC qrels, or every query a whole number, as the
            ids of MS MARCO are; nothing is yielded before that is sure.
    """
    held: list[tuple[str, Example]] = []
    first: Row | None = None
    numbers = qrels = True
    for place, record, one in found:
        if numbers or qrels:
            first = record if first is None else first
            numbers = numbers and bool(_INTEGER.fullmatch(one.query))
            qrels = qrels and _like_qrels(record, first)
            held.append((place, one))
            if (numbers or qrels) and len(held) < _ENOUGH:
                continue
            if numbers or qrels:
                break
            yield from held
            held = []
        else:
            yield place, one
    if held:
        place, one = held[0]
        if qrels:
            raise TrainingDataError(
                place,
                "TREC qrels, by their four columns; training needs the texts of queries. Put the "
                "judgements into a folder in BEIR layout, beside corpus.jsonl and queries.jsonl.",
            )
        raise TrainingDataError(
            place,
            f"the queries are whole numbers, such as '{one.query.strip()[:40]}': query ids, not "
            "texts. Put the text of each query in the place of its id.",
        )


def _like_qrels(record: Row, first: Row) -> bool:
    """Whether a line is query id, a constant, passage id and grade."""
    if not isinstance(record, list) or not isinstance(first, list) or len(record) != 4:
        return False
    query, constant, _, grade = record
    no_text = query.split() == [query]
    return no_text and constant == first[1] and bool(_GRADE.fullmatch(grade.strip()))
